// Names of things. A value class each, so that the id of a message never stands where one of a conversation belongs; at
// run time they are plain strings.

package dev.beistand

/**
 * Names a conversation; minted on this phone, the same at the server.
 *
 * @property value a UUID as text.
 */
@JvmInline
public value class ConversationId(public val value: String)

/**
 * Names a message.
 *
 * @property value a UUID as text.
 */
@JvmInline
public value class MessageId(public val value: String)

/**
 * Names a file of a message.
 *
 * @property value a UUID as text.
 */
@JvmInline
public value class AttachmentId(public val value: String)

/**
 * Names a row of the outbox.
 *
 * @property value a UUID as text.
 */
@JvmInline
public value class OperationId(public val value: String)

/**
 * What editors call an article: the same in every language.
 *
 * @property value 1 to 100 of a-z, A-Z, 0-9, dot, hyphen and underscore.
 */
@JvmInline
public value class ArticleId(public val value: String)

/**
 * What editors call a collection of articles.
 *
 * @property value 1 to 100 of a-z, A-Z, 0-9, dot, hyphen and underscore.
 */
@JvmInline
public value class CollectionId(public val value: String)

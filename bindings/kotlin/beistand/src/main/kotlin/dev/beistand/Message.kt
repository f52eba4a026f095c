// Messages of a timeline.

package dev.beistand

import java.time.Instant

/**
 * A message.
 *
 * @property id which one.
 * @property conversation where it stands.
 * @property seq its place in the server's order; `null` until the server has it.
 * @property author who wrote it.
 * @property body what it holds.
 * @property attachments its files, in the order their writer gave them.
 * @property state how far it has got.
 * @property changePending whether an edit or a retraction of it is under way.
 * @property edited whether its words were changed.
 * @property createdAt when it was written.
 */
public data class Message(
    public val id: MessageId,
    public val conversation: ConversationId,
    public val seq: Long?,
    public val author: Author,
    public val body: MessageBody,
    public val attachments: List<Attachment>,
    public val state: MessageState,
    public val changePending: Boolean,
    public val edited: Boolean,
    public val createdAt: Instant,
) {
    /** The words, if it is text. */
    public val text: String? get() = (body as? MessageBody.Text)?.text

    /** Without what was written. */
    override fun toString(): String = "Message(id=${id.value}, seq=$seq, author=${author.javaClass.simpleName}, state=$state)"
}

/** Who wrote a message. */
public sealed interface Author {
    /** The person whose conversation it is. */
    public data object Person : Author

    /**
     * An agent.
     *
     * @property id which one.
     * @property name the name to show.
     */
    public data class Agent(public val id: String, public val name: String) : Author

    /** The server itself. */
    public data object System : Author

    /** A kind that this version does not know. */
    public data object Unknown : Author
}

/** What a message holds. */
public sealed interface MessageBody {
    /**
     * Words; an edit under way shows at once.
     *
     * @property text the words; empty only beside files.
     */
    public data class Text(public val text: String) : MessageBody

    /** It was taken back. */
    public data object Retracted : MessageBody

    /**
     * A kind that this version does not know.
     *
     * @property kind its name.
     * @property raw its JSON as it came.
     */
    public data class Unsupported(public val kind: String, public val raw: String) : MessageBody
}

/** How far a message has got. */
public sealed interface MessageState {
    /** Safe on this phone; leaves by itself. */
    public data object Queued : MessageState

    /** On its way right now. */
    public data object Sending : MessageState

    /** The server has it. */
    public data object Sent : MessageState

    /** It has reached an agent's device. */
    public data object Delivered : MessageState

    /** An agent has looked at it. */
    public data object Read : MessageState

    /**
     * The server refused it, or it has waited too long: retry, edit or discard it.
     *
     * @property code why; `null` where the reason is one of the phone itself, see [OutboxItem.state].
     */
    public data class Wedged(public val code: String?) : MessageState

    /** It came from somebody else. */
    public data object Received : MessageState
}

/**
 * What a person writes.
 *
 * @property text the words; may be empty if there are files.
 * @property attachments files, in the order they are to be shown.
 */
public data class MessageDraft(
    public val text: String,
    public val attachments: List<AttachmentSource> = emptyList(),
) {
    /** Without what the person wrote. */
    override fun toString(): String = "MessageDraft(${attachments.size} files)"
}

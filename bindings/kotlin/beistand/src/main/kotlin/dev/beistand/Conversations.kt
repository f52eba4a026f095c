// All conversations of a person: the list, and opening a new one.

package dev.beistand

import kotlinx.coroutines.flow.StateFlow
import java.time.Instant

/** Tickets and chat. */
public interface Conversations {
    /**
     * All conversations, the one with the newest event first. Current while it is collected; then the person looks, and
     * the connection is kept.
     */
    public val list: StateFlow<ConversationList>

    /**
     * Opens a conversation with its first message; without a network too. Files are copied before this returns.
     *
     * @throws SupportException of kind `InvalidInput`, `OutboxFull`, `StorageFull`, `Unreadable` or `LocationRemains`; nothing
     *   was stored then.
     */
    public suspend fun open(draft: TicketDraft): Conversation

    /**
     * A conversation of this phone.
     *
     * @throws SupportException of kind `NotFound`.
     */
    public suspend fun get(id: ConversationId): Conversation

    /** Messages of others that the person has not read, over all conversations. */
    public suspend fun unread(): Int
}

/**
 * The list of conversations.
 *
 * @property loaded whether it was read; `false` before the first look.
 * @property items the conversations, the one with the newest event first.
 */
public data class ConversationList(
    public val loaded: Boolean = false,
    public val items: List<ConversationInfo> = emptyList(),
)

/**
 * A conversation as a list shows it, what waits in the outbox included.
 *
 * @property id which one.
 * @property subject what it is about.
 * @property category what it is filed under.
 * @property priority how pressing it is.
 * @property fields values of custom fields.
 * @property status where it stands; a change under way shows at once.
 * @property assignee who takes care of it.
 * @property unread messages of others that the person has not read.
 * @property atServer whether the server has it.
 * @property createdAt when it was opened.
 * @property updatedAt when something last happened in it.
 * @property preview the newest message in words; empty if it has none.
 */
public data class ConversationInfo(
    public val id: ConversationId,
    public val subject: String,
    public val category: String? = null,
    public val priority: Priority = Priority.Normal,
    public val fields: Map<String, FieldValue> = emptyMap(),
    public val status: ConversationStatus = ConversationStatus.Open,
    public val assignee: Agent? = null,
    public val unread: Int = 0,
    public val atServer: Boolean = false,
    public val createdAt: Instant,
    public val updatedAt: Instant,
    public val preview: String = "",
) {
    /** Without what the person wrote. */
    override fun toString(): String = "ConversationInfo(id=${id.value}, status=$status, unread=$unread, atServer=$atServer)"
}

/** How pressing a conversation is, as its person sees it. */
public enum class Priority {
    /** Can wait. */
    Low,

    /** The usual case. */
    Normal,

    /** Before the usual ones. */
    High,

    /** Somebody is stuck. */
    Urgent,
}

/** Where a conversation stands. */
public enum class ConversationStatus {
    /** An agent has to act. */
    Open,

    /** The person has to act. */
    Pending,

    /** Answered for good, as the agent thinks; a new message opens it again. */
    Solved,

    /** Over; a new message, or reopening, opens it again. */
    Closed,
}

/**
 * An agent as persons see one.
 *
 * @property id which one.
 * @property name the name to show.
 */
public data class Agent(public val id: String, public val name: String)

/**
 * What a person fills in to open a conversation.
 *
 * @property subject what it is about, one line.
 * @property text the first message; may be empty if there are files.
 * @property category one of [SupportSettings.categories].
 * @property priority how pressing it is.
 * @property fields values of [SupportSettings.fields], by their keys.
 * @property attachments files of the first message, in the order they are to be shown.
 */
public data class TicketDraft(
    public val subject: String,
    public val text: String,
    public val category: String? = null,
    public val priority: Priority = Priority.Normal,
    public val fields: Map<String, FieldValue> = emptyMap(),
    public val attachments: List<AttachmentSource> = emptyList(),
) {
    /** Without what the person wrote. */
    override fun toString(): String = "TicketDraft(category=$category, priority=$priority, ${attachments.size} files)"
}

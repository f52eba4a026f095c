// One conversation: its messages, and what a person may do in it.

package dev.beistand

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.StateFlow
import kotlin.time.Duration

/**
 * A conversation. A handle: cheap, and holds nothing open until one of its flows is collected. Two handles of one
 * conversation each have a window of their own.
 */
public interface Conversation {
    /** Which one. */
    public val id: ConversationId

    /**
     * The messages: a window of the newest 50, widened by [loadEarlier]. Current while it is collected; then the person
     * looks, and the connection is kept. A new value shares with the one before what has not changed.
     */
    public val timeline: StateFlow<Timeline>

    /** Who types right now, while it is collected. */
    public val typing: Flow<List<Author>>

    /**
     * The conversation as a list shows it.
     *
     * @throws SupportException of kind `NotFound` if it was taken back.
     */
    public suspend fun info(): ConversationInfo

    /** Sends words; see the other one. */
    public suspend fun send(text: String): MessageId = send(MessageDraft(text))

    /**
     * Sends a message, without a network too. Files are copied before this returns.
     *
     * @throws SupportException of kind `InvalidInput`, `NotFound`, `OutboxFull`, `StorageFull`, `Unreadable` or
     *   `LocationRemains`; nothing was stored then.
     */
    public suspend fun send(draft: MessageDraft): MessageId

    /**
     * Changes the words of an own message, whether it has left or not; one that was refused is tried again with them.
     *
     * @throws SupportException of kind `InvalidInput`, `NotFound`, or `TooLate` if it was taken back or is somebody else's.
     */
    public suspend fun edit(message: MessageId, text: String)

    /**
     * Takes an own message back. If it is the first one and no server has it yet, the conversation goes with it.
     *
     * @throws SupportException of kind `NotFound`, or `TooLate` if it is somebody else's.
     */
    public suspend fun retract(message: MessageId)

    /** Tries again what the server refused of a message; for one that waits: now instead of later. */
    public suspend fun retry(message: MessageId)

    /** Gives up what waits or was refused of a message. */
    public suspend fun discard(message: MessageId)

    /** Marks as read: everything up to the place [upTo], or everything that is here. */
    public suspend fun markRead(upTo: Long? = null)

    /** Closes the conversation. */
    public suspend fun closeTicket()

    /** Opens it again. */
    public suspend fun reopenTicket()

    /** Tells the agents that the person types, or has stopped. May be lost; repeats are held back. */
    public fun setTyping(typing: Boolean)

    /**
     * Widens the window of [timeline] by older messages, those of this phone first, else the server's. Returns once
     * [timeline] shows them; does nothing if there are none.
     *
     * @param count 1 to 100.
     * @throws SupportException of kind `Unreachable` if they are only at the server and it does not answer; of kind
     *   `InvalidInput` with the code `not-collected` if nobody collects [timeline].
     */
    public suspend fun loadEarlier(count: Int = 50)

    /**
     * A message of this conversation, as it stands.
     *
     * @throws SupportException of kind `NotFound`.
     */
    public suspend fun message(id: MessageId): Message

    /** Waits until the server has a message or has refused it, and returns it; `null` once [within] is over. */
    public suspend fun awaitSent(id: MessageId, within: Duration): Message?
}

/**
 * The window over a conversation.
 *
 * @property loaded whether it was read; `false` before the first look.
 * @property messages the messages, oldest first; what has not left yet comes last.
 * @property hasEarlier whether [Conversation.loadEarlier] may bring more.
 * @property hasEarlierHere whether it then needs no network.
 */
public class Timeline(
    public val loaded: Boolean = false,
    public val messages: List<Message> = emptyList(),
    public val hasEarlier: Boolean = false,
    public val hasEarlierHere: Boolean = false,
) {
    /** By content; what both share is compared at once. */
    override fun equals(other: Any?): Boolean = this === other || (
        other is Timeline && loaded == other.loaded && hasEarlier == other.hasEarlier &&
            hasEarlierHere == other.hasEarlierHere && (messages === other.messages || messages == other.messages)
    )

    /** Fits [equals]. */
    override fun hashCode(): Int = 31 * messages.size + (if (loaded) 1 else 0)

    /** Without what was written. */
    override fun toString(): String = "Timeline(${messages.size} messages, loaded=$loaded, hasEarlier=$hasEarlier)"
}

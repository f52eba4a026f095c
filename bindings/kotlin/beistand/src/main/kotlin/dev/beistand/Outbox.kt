// What waits to be sent, and what the person decides about it.

package dev.beistand

import java.time.Instant
import kotlin.time.Duration

/** What waits to be sent. */
public interface Outbox {
    /** What waits or was refused, oldest first. What nobody waits for, such as read marks, is left out. */
    public suspend fun items(): List<OutboxItem>

    /**
     * Another try for what was refused; for what waits: now instead of later.
     *
     * @throws SupportException of kind `NotFound`.
     */
    public suspend fun retry(id: OperationId)

    /**
     * Gives a write up; giving up the opening of a conversation gives up what stands behind it.
     *
     * @throws SupportException of kind `NotFound`, or `TooLate` if it may have happened already.
     */
    public suspend fun discard(id: OperationId)

    /** Works until nothing waits, what is left was refused, or [within] is over. */
    public suspend fun flush(within: Duration): FlushResult
}

/** What a write does. */
public enum class OperationKind {
    /** Opens a conversation with its first message. */
    Open,

    /** Sends a message. */
    Send,

    /** Changes the words of a message. */
    Edit,

    /** Takes a message back. */
    Retract,

    /** Takes a conversation back. */
    Withdraw,

    /** Closes or reopens a conversation. */
    Status,

    /** Tells how far the person has read. */
    Read,

    /** Tells what the person thinks of an article. */
    Feedback,

    /** Tells what was counted in the FAQ. */
    Report,
}

/** Where a write stands. */
public sealed interface OutboxState {
    /** Leaves by itself. */
    public data object Queued : OutboxState

    /** On its way right now. */
    public data object Sending : OutboxState

    /**
     * Stopped until the person decides.
     *
     * @property code why: a code of the server, or `expired`, `poison`.
     * @property detail one sentence for developers.
     */
    public data class Wedged(public val code: String, public val detail: String) : OutboxState
}

/**
 * A write that waits.
 *
 * @property id which one.
 * @property kind what it does.
 * @property conversation where.
 * @property message to which message, if to one.
 * @property state where it stands.
 * @property attempts how many tries have failed.
 * @property createdAt when it was written, by this phone's clock.
 */
public data class OutboxItem(
    public val id: OperationId,
    public val kind: OperationKind,
    public val conversation: ConversationId,
    public val message: MessageId?,
    public val state: OutboxState,
    public val attempts: Int,
    public val createdAt: Instant,
)

/** How working through the outbox went. */
public sealed interface FlushResult {
    /** Nothing waits any more. */
    public data object Empty : FlushResult

    /**
     * What is left waits for the person.
     *
     * @property wedged writes that were refused or have expired.
     * @property heldBack writes that stand behind them.
     */
    public data class Wedged(public val wedged: Int, public val heldBack: Int) : FlushResult

    /**
     * Time is up.
     *
     * @property waiting writes that still wait.
     */
    public data class TimedOut(public val waiting: Int) : FlushResult
}

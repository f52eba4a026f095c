// What the client tells without being asked. None of it needs an answer.

package dev.beistand

/** Something that an app may want to show or log. Later versions may add some: let a `when` have an `else`. */
public sealed interface SupportEvent {
    /**
     * The local database was damaged; it was moved aside, and what could be read is kept.
     *
     * @property movedTo the damaged file, for a bug report.
     * @property outboxRows writes that were kept.
     * @property messages messages that were kept.
     */
    public data class DatabaseRecovered(
        public val movedTo: String,
        public val outboxRows: Long,
        public val messages: Long,
    ) : SupportEvent

    /** The server wants a newer version of the app; what waits stays. */
    public data object UpdateRequired : SupportEvent

    /** The server does not know the app key; what waits stays. */
    public data object UnknownApp : SupportEvent

    /** The server does not accept this installation; what waits stays. */
    public data object CredentialRefused : SupportEvent

    /**
     * The server's history is another one, as after a restore: everything is read anew, and what it lacks is sent again.
     *
     * @property requeued writes that are sent again.
     */
    public data class HistoryChanged(public val requeued: Long) : SupportEvent

    /**
     * A write was refused or has expired, and waits for the person.
     *
     * @property conversation where.
     * @property code why.
     */
    public data class Wedged(public val conversation: ConversationId, public val code: String) : SupportEvent

    /**
     * A publication of the FAQ was not taken; what was cached before stays.
     *
     * @property code why.
     */
    public data class FaqRefused(public val code: String) : SupportEvent

    /** The cache of the FAQ was damaged or of a newer version; it is begun anew. */
    public data object FaqRebuilt : SupportEvent

    /**
     * A long task died; it is started anew.
     *
     * @property task its name.
     */
    public data class TaskFailed(public val task: String) : SupportEvent

    /** The server has accepted a login that could not be confirmed at once. */
    public data object LoginConfirmed : SupportEvent

    /**
     * The server does not accept the login; another `login` mends it.
     *
     * @property code why.
     */
    public data class LoginRefused(public val code: String) : SupportEvent

    /** The server has forgotten the login; it is proven again by itself. */
    public data object LoginLost : SupportEvent

    /**
     * Writes of a user who has logged out can never leave.
     *
     * @property discarded how many.
     */
    public data class LeftUnsent(public val discarded: Long) : SupportEvent

    /**
     * Something that a later version of the native library tells and this version has no name for.
     *
     * @property name what it is called there.
     */
    public data class Other(public val name: String) : SupportEvent
}

// Who the person is: anonymous at first, a user of the app once it has said so with a token of its own server.

package dev.beistand

import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/**
 * Who the person is.
 *
 * @property subject the user, as the app's server names them; `null`: anonymous.
 * @property confirmed whether the server has accepted the login; `false` while a login waits for a network.
 */
public data class SupportIdentity(public val subject: String?, public val confirmed: Boolean) {
    /** Without the user's name. */
    override fun toString(): String = "SupportIdentity(${if (subject == null) "anonymous" else "user"}, confirmed=$confirmed)"
}

/** Why a token is asked for. */
public enum class TokenReason {
    /** None was given yet. */
    First,

    /** The one that was given has expired. */
    Expired,

    /** The one that was given was refused: do not give it again. */
    Refused,

    /** The one that was given is not valid yet: the clock of the server that made it differs. */
    ClockSkew,
}

/** Gives tokens of the app's own server that say who the person is. Asked once at a time. */
public fun interface TokenProvider {
    /**
     * A token (JWT) for this user. What it throws ends the login; the words of that exception are not kept.
     *
     * @param reason why one is asked for.
     */
    public suspend fun token(reason: TokenReason): String
}

/** What becomes of writes that still wait when a user logs out. */
public sealed interface LogoutMode {
    /**
     * They are sent first; what is left then is kept, as with [Keep].
     *
     * @property within how long to try.
     */
    public data class SendFirst(public val within: Duration = 10.seconds) : LogoutMode

    /** They leave later by themselves, in the name of the user who wrote them. Nobody sees them on this phone any more. */
    public data object Keep : LogoutMode

    /** They are thrown away. */
    public data object Discard : LogoutMode
}

/**
 * What became of writes that waited at logout.
 *
 * @property sent how many have left.
 * @property kept how many leave later.
 * @property discarded how many were thrown away.
 */
public data class LogoutResult(public val sent: Int, public val kept: Int, public val discarded: Int)

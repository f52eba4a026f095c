// What an app holds: the client and its services. An interface, so that the official fake and an app's own double fit.

package dev.beistand

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.StateFlow

/**
 * In-app support: tickets, chat, answers. Made by the function `Beistand`, which opens nothing and starts nothing; the
 * first call or the first collector does.
 *
 * Every function may be called from any thread, in any order, with and without a network. Commands return once they are
 * safe on disk and are cancellable: a cancelled command hurts nothing, though it may have been carried out. All of them
 * throw [SupportException], and after [shutdown] or [close] that of kind [SupportErrorKind.ShutDown].
 *
 * States are current while they are collected, and keep their last value between, for the person it was shown to. Collecting
 * one throws a [SupportException] only where the setup can never work: `LibraryMissing`, `Configuration`, `FolderInUse`.
 */
public interface SupportClient : AutoCloseable {
    /** Tickets and chat. */
    public val conversations: Conversations

    /** Answers without a network. */
    public val faq: Faq

    /** What waits to be sent. */
    public val outbox: Outbox

    /** Files of messages. */
    public val attachments: Attachments

    /** Who the person is. Its value is current while it is collected, and after [login] and [logout]. */
    public val identity: StateFlow<SupportIdentity>

    /** How the client stands to its server, while it is collected. */
    public val connection: StateFlow<Connection>

    /** What an app may want to show or log. Nothing of it needs an answer; what happened before is not repeated. */
    public val events: Flow<SupportEvent>

    /**
     * Whether calls are in the native library that the app has. Looking loads that library.
     *
     * @throws SupportException of kind `LibraryMissing`.
     */
    public val supportsCalls: Boolean

    /**
     * Says who the person is. What the person wrote before belongs to the user who logs in first on this installation.
     * Without a network the provider is asked later, and the identity is not confirmed until then.
     *
     * @param provider gives a token of the app's own server; kept until [logout], asked again when the server wants another.
     * @return who the person is by now.
     * @throws SupportException of kind `LoginFailed` if the provider fails or the token is refused; everything stays as it was.
     */
    public suspend fun login(provider: TokenProvider): SupportIdentity

    /**
     * Ends what belongs to this user on this phone: pushes, the local copy of the conversations, the connection. Works
     * without a network. The next person on this phone is a new, anonymous one.
     *
     * @param mode what becomes of writes that still wait.
     */
    public suspend fun logout(mode: LogoutMode = LogoutMode.SendFirst()): LogoutResult

    /** What the server last announced; the defaults before it was ever reached. */
    public suspend fun settings(): SupportSettings

    /** Says where this installation is to be woken; `null`: not any more. The server is told as soon as it can be. */
    public suspend fun setPushToken(token: PushToken?)

    /**
     * Fetches everything that is new, now. Nothing else needs the network.
     *
     * @throws SupportException of kind `Unreachable` or `Refused`.
     */
    public suspend fun sync()

    /** The network, the foreground or a push came: what waits is due now. Does nothing before the first use. */
    public fun wake()

    /** The app goes to the background: nothing new starts, the file is closed. Returns within two seconds. Calls still work. */
    public suspend fun pause()

    /** The app is in front again. */
    public suspend fun resume()

    /** Ends the client for good. What waits is safe; the folder is free for another client. Twice is the same as once. */
    public suspend fun shutdown()

    /** Begins [shutdown] and does not wait for it. */
    override fun close()
}

/** How the client stands to its server. */
public enum class Connection {
    /** Nothing has been tried yet, or nobody looks. */
    Idle,

    /** The last try failed; another follows by itself. */
    Offline,

    /** The last answer came. */
    Online,
}

/**
 * Where an installation is woken.
 *
 * @property service who delivers: `fcm`, `apns`, `webpush` …; 1 to 40 lower-case letters, digits and hyphens.
 * @property token what that service calls this installation; 1 to 4,096 visible ASCII characters.
 */
public data class PushToken(public val service: String, public val token: String) {
    /** Without the token. */
    override fun toString(): String = "PushToken(service=$service)"
}

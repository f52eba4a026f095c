// The client of the fake.

package dev.beistand.testing

import dev.beistand.Attachments
import dev.beistand.Connection
import dev.beistand.Conversations
import dev.beistand.Faq
import dev.beistand.LogoutMode
import dev.beistand.LogoutResult
import dev.beistand.Outbox
import dev.beistand.PushToken
import dev.beistand.SupportClient
import dev.beistand.SupportErrorKind
import dev.beistand.SupportEvent
import dev.beistand.SupportException
import dev.beistand.SupportIdentity
import dev.beistand.SupportRetry
import dev.beistand.SupportSettings
import dev.beistand.TokenProvider
import dev.beistand.TokenReason
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

internal class FakeClient(private val world: World) : SupportClient {
    private val phone = world.phone
    private val login = Mutex()
    private val who = Look(world, SupportIdentity(null, false), listens = false) { phone.identity.shown() }

    override val conversations: Conversations = FakeConversations(world)
    override val outbox: Outbox = FakeOutbox(world)
    override val attachments: Attachments = FakeAttachments(world)
    override val faq: Faq = FakeFaq(world)
    override val identity: StateFlow<SupportIdentity> = who
    override val connection: StateFlow<Connection> = Look(world, Connection.Idle, listens = false) { phone.connection }
    override val events: Flow<SupportEvent> = world.events
    override val supportsCalls: Boolean = false

    override suspend fun login(provider: TokenProvider): SupportIdentity = login.withLock {
        world.act { phone.check() }
        var problem = ""
        var reason = TokenReason.First
        // As many tries as the real client has: one, and one more for what a fresh token can mend.
        repeat(2) {
            val token = ask(provider, reason)
            val subject = FakeToken.parse(token)?.second
                ?: loginFailed("login-token-malformed", "the app's token provider handed out no token with a subject")
            problem = world.act {
                phone.check()
                phone.login(token, subject)
            } ?: return@withLock current()
            reason = when (problem) {
                "token-expired" -> TokenReason.Expired
                "token-not-yet-valid" -> TokenReason.ClockSkew
                "token-refused" -> TokenReason.Refused
                else -> loginFailed(problem, "the server does not accept the user")
            }
        }
        loginFailed(problem, "the server does not accept the token")
    }

    @Suppress("TooGenericExceptionCaught")
    private suspend fun ask(provider: TokenProvider, reason: TokenReason): String = try {
        provider.token(reason)
    } catch (cancelled: CancellationException) {
        throw cancelled
    } catch (_: Exception) {
        loginFailed("login-provider-failed", "the app's token provider failed")
    }

    private fun loginFailed(code: String, detail: String): Nothing =
        throw SupportException(SupportErrorKind.LoginFailed, code, retryOf(code), detail)

    private fun retryOf(code: String) = if (code == "login-provider-failed") SupportRetry.Soon else SupportRetry.AfterChange

    private fun current(): SupportIdentity {
        who.refresh(world)
        return who.value
    }

    override suspend fun logout(mode: LogoutMode): LogoutResult {
        val waiting = world.act {
            phone.check()
            phone.rows.count { it.visible && it.identity === phone.identity }
        }
        if (mode is LogoutMode.SendFirst) outbox.flush(mode.within)
        val left = world.act { phone.leave(keep = mode != LogoutMode.Discard) }
        current()
        return when (mode) {
            LogoutMode.Discard -> LogoutResult(sent = 0, kept = 0, discarded = left)
            else -> LogoutResult(sent = waiting - left, kept = left, discarded = 0)
        }
    }

    override suspend fun settings(): SupportSettings = world.act {
        phone.check()
        world.settings
    }

    override suspend fun setPushToken(token: PushToken?) {
        if (token != null) {
            val service = Regex("[a-z0-9-]{1,40}").matches(token.service)
            if (!service || !Regex("[!-~]{1,4096}").matches(token.token)) {
                fail(SupportErrorKind.Refused, "push-token-invalid", "the push token is not acceptable")
            }
        }
        world.act {
            phone.check()
            phone.pushToken = token
        }
    }

    override suspend fun sync() {
        val reached = world.act {
            phone.check()
            phone.pull()
        }
        if (!reached) fail(SupportErrorKind.Unreachable, "unreachable", "the server could not be reached")
        while (world.look { world.link.delay } > kotlin.time.Duration.ZERO && world.look { !phone.upToDate }) {
            if (!world.step(world.now.plusSeconds(STEP))) break
        }
    }

    override fun wake() {
        world.act { if (phone.used && !phone.over) phone.wake() }
    }

    override suspend fun pause() {
        world.act {
            if (phone.over) phone.check()
            phone.paused = true
        }
    }

    override suspend fun resume() {
        world.act {
            if (phone.over) phone.check()
            phone.paused = false
            phone.wake()
        }
    }

    override suspend fun shutdown() {
        close()
    }

    override fun close() {
        world.act { phone.over = true }
    }

    private companion object {
        /** Seconds that a slow answer is waited for. */
        const val STEP = 60L
    }
}

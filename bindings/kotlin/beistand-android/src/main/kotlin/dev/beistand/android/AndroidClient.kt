// The client, tied to the life of the app. Everything it does goes through the public surface of the client inside, which
// knows nothing of Android.

package dev.beistand.android

import android.app.Application
import dev.beistand.Attachments
import dev.beistand.Connection
import dev.beistand.Conversations
import dev.beistand.Faq
import dev.beistand.FlushResult
import dev.beistand.LogLevel
import dev.beistand.LogoutMode
import dev.beistand.LogoutResult
import dev.beistand.Outbox
import dev.beistand.OutboxState
import dev.beistand.PushToken
import dev.beistand.SupportClient
import dev.beistand.SupportEvent
import dev.beistand.SupportException
import dev.beistand.SupportIdentity
import dev.beistand.SupportLog
import dev.beistand.SupportSettings
import dev.beistand.TokenProvider
import dev.beistand.internal.AndroidTrust
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds

/**
 * Until the app has used support for the first time, all this does is to remember whether the app is in front. An app whose
 * users never write to support so pays for a list entry, not for a thread or a watch.
 */
internal class AndroidClient(
    private val application: Application,
    private val client: SupportClient,
    private val log: SupportLog?,
) : SupportClient by client {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    /** `null` until an activity has started or stopped: the process may have been started for something else. */
    private val inFront = MutableStateFlow<Boolean?>(null)
    private val presence = Presence(::moved)
    private val network = NetworkWatch(application) { client.wake() }
    private val used = AtomicBoolean()
    private val settling = AtomicBoolean()

    /** One change at a time: the job of the system and the activities both rouse the client and put it to rest. */
    private val turn = Mutex()

    fun watch() {
        application.registerActivityLifecycleCallbacks(presence)
        SendLaterService.remember(this)
    }

    override val conversations: Conversations = NoticedConversations(client.conversations, ::use)
        get() = field.also { use() }
    override val faq: Faq get() = client.faq.also { use() }
    override val outbox: Outbox get() = client.outbox.also { use() }
    override val attachments: Attachments get() = client.attachments.also { use() }

    override val identity: StateFlow<SupportIdentity> get() = client.identity.also { use() }
    override val connection: StateFlow<Connection> get() = client.connection.also { use() }
    override val events: Flow<SupportEvent> get() = client.events.also { use() }

    override suspend fun login(provider: TokenProvider): SupportIdentity {
        use()
        return client.login(provider)
    }

    override suspend fun logout(mode: LogoutMode): LogoutResult {
        use()
        return client.logout(mode)
    }

    override suspend fun settings(): SupportSettings {
        use()
        return client.settings()
    }

    override suspend fun setPushToken(token: PushToken?) {
        use()
        client.setPushToken(token)
    }

    override suspend fun sync() {
        use()
        client.sync()
    }

    override suspend fun shutdown() {
        leave()
        client.shutdown()
    }

    override fun close() {
        leave()
        client.close()
    }

    /**
     * Sends what waits, for the job of the system.
     *
     * @return whether something still waits that another try may bring over.
     */
    suspend fun sendWaiting(within: Duration = JOB_TIME): Boolean {
        try {
            if (inFront.value == false) turn.withLock { client.resume() }
            return client.outbox.flush(within) is FlushResult.TimedOut
        } catch (error: SupportException) {
            note("sending later", error)
            return false
        } finally {
            withContext(NonCancellable) { turn.withLock { if (inFront.value == false) quietly("rest") { client.pause() } } }
        }
    }

    /** Waits until a change that is under way has been told to the client. */
    internal suspend fun rested() = turn.withLock { }

    private fun use() {
        if (used.compareAndSet(false, true)) {
            // Before whatever is asked for may need a server.
            if (!AndroidTrust.prepare(application)) note("certificates cannot be verified", null)
            scope.launch { inFront.collect { turn.withLock { follow(it) } } }
        }
        if (inFront.value != true) sendLaterIfAppStaysAway()
    }

    private fun moved(front: Boolean) {
        inFront.value = front
    }

    private suspend fun follow(front: Boolean?) {
        if (front == false) {
            network.end()
            // Before the rest: from now on the system may stop the process at any time.
            quietly("look at what waits") { sendLaterIfSomethingWaits() }
            quietly("pause") { client.pause() }
            return
        }
        if (!network.begin()) note("the network cannot be watched", null)
        if (front == true) {
            SendLaterService.drop(application)
            quietly("resume") { client.resume() }
        }
    }

    /** Used from a notification or a worker: what is written now must not wait until the app is opened. */
    private fun sendLaterIfAppStaysAway() {
        if (!settling.compareAndSet(false, true)) return
        scope.launch {
            // An app that has just been started comes to the front, and what is written just now is stored, within this time.
            delay(SETTLE)
            settling.set(false)
            turn.withLock { if (inFront.value != true) quietly("look at what waits") { sendLaterIfSomethingWaits() } }
        }
    }

    private suspend fun sendLaterIfSomethingWaits() {
        if (client.outbox.items().all { it.state is OutboxState.Wedged }) return
        if (!SendLaterService.plan(application)) note("the system takes no job", null)
    }

    private fun leave() {
        application.unregisterActivityLifecycleCallbacks(presence)
        SendLaterService.forget(this)
        scope.cancel()
        network.close()
    }

    private suspend fun quietly(what: String, work: suspend () -> Unit) {
        try {
            work()
        } catch (error: SupportException) {
            // Nobody waits for it; a client that was shut down says so to whoever uses it.
            note(what, error)
        }
    }

    private fun note(what: String, error: SupportException?) {
        log?.log(LogLevel.Warn, "beistand::android", if (error == null) what else "$what: ${error.code}")
    }

    private companion object {
        /** A job may run for ten minutes; a network that brings nothing over in one is none. */
        val JOB_TIME = 1.minutes
        val SETTLE = 1.seconds
    }
}

// The client over the native library. Everything is made with the first use: until then there is a configuration and
// nothing else.

package dev.beistand.internal

import dev.beistand.Attachments
import dev.beistand.Connection
import dev.beistand.Conversations
import dev.beistand.Faq
import dev.beistand.FlushResult
import dev.beistand.LogoutMode
import dev.beistand.LogoutResult
import dev.beistand.OperationId
import dev.beistand.Outbox
import dev.beistand.OutboxItem
import dev.beistand.PushToken
import dev.beistand.SupportClient
import dev.beistand.SupportEvent
import dev.beistand.SupportIdentity
import dev.beistand.SupportSettings
import dev.beistand.TokenProvider
import dev.beistand.internal.ffi.FfiPushToken
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.map
import kotlin.time.Duration
import kotlin.time.toJavaDuration

internal class NativeClient(checked: CheckedConfig) : SupportClient {
    private val core = Core(checked)
    private val who = WatchedState(core.scope, SupportIdentity(null, false)) { tell ->
        core.watch(
            open = { handles ->
                // Who it is stands on the disk: the first call that looks there brings it.
                handles.client.settings()
                handles.client.watchIdentity()
            },
            next = { it.next() },
            cancel = { it.cancel() },
            tell = { tell(it.translated()) },
        )
    }

    override val conversations: Conversations = NativeConversations(core)
    override val faq: Faq = NativeFaq(core)
    override val outbox: Outbox = NativeOutbox(core)
    override val attachments: Attachments = NativeAttachments(core)
    override val identity: StateFlow<SupportIdentity> = who

    override val connection: StateFlow<Connection> = WatchedState(core.scope, Connection.Idle) { tell ->
        core.watch({ it.client.watchConnection() }, { it.next() }, { it.cancel() }) { tell(it.translated()) }
    }

    override val events: Flow<SupportEvent> =
        core.flow({ it.client.events() }, { it.next() }, { it.cancel() }).map { it.translated() }

    override val supportsCalls: Boolean
        get() {
            Library.ensure()
            return dev.beistand.internal.ffi.supportsCalls()
        }

    override suspend fun login(provider: TokenProvider): SupportIdentity = core.call { handles ->
        val identity = handles.client.login(Tokens(provider), null).translated()
        if (identity.subject != who.value.subject) core.persons.incrementAndGet()
        showWho(handles)
        identity
    }

    override suspend fun logout(mode: LogoutMode): LogoutResult = core.call { handles ->
        val result = handles.client.logout(mode.lowered(), null)
        core.persons.incrementAndGet()
        showWho(handles)
        LogoutResult(result.sent.count(), result.kept.count(), result.discarded.count())
    }

    /** For whoever reads the state without collecting it; a watch that tells something newer meanwhile has the last word. */
    private fun showWho(handles: Handles) {
        do {
            val now = handles.client.identity()
            who.tell(now.translated())
        } while (handles.client.identity() != now)
    }

    override suspend fun settings(): SupportSettings = core.call { it.client.settings().translated() }

    override suspend fun setPushToken(token: PushToken?) = core.call { handles ->
        handles.client.setPushToken(token?.let { FfiPushToken(it.service, it.token) })
    }

    override suspend fun sync() = core.call { it.client.sync(null) }

    override fun wake() = core.ifUsed { it.client.wake() }

    override suspend fun pause() = core.callIfUsed { it.client.pause() }

    override suspend fun resume() = core.callIfUsed { it.client.resume() }

    override suspend fun shutdown() = core.shutdown()

    override fun close() = core.close()
}

internal class NativeOutbox(private val core: Core) : Outbox {
    override suspend fun items(): List<OutboxItem> = core.call { handles -> handles.outbox.items().map { it.translated() } }

    override suspend fun retry(id: OperationId) = core.call { it.outbox.retry(id.value) }

    override suspend fun discard(id: OperationId) = core.call { it.outbox.discard(id.value) }

    override suspend fun flush(within: Duration): FlushResult =
        core.call { it.outbox.flush(within.coerceAtLeast(Duration.ZERO).coerceAtMost(LONGEST).toJavaDuration(), null).translated() }
}

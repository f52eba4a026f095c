// Conversations over the native library.

package dev.beistand.internal

import dev.beistand.Author
import dev.beistand.Conversation
import dev.beistand.ConversationId
import dev.beistand.ConversationInfo
import dev.beistand.ConversationList
import dev.beistand.Conversations
import dev.beistand.Message
import dev.beistand.MessageDraft
import dev.beistand.MessageId
import dev.beistand.SupportErrorKind
import dev.beistand.SupportException
import dev.beistand.SupportRetry
import dev.beistand.TicketDraft
import dev.beistand.Timeline
import dev.beistand.internal.ffi.FfiMessageDraft
import dev.beistand.internal.ffi.FfiTicketDraft
import dev.beistand.internal.ffi.FfiTimelineWatch
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.filterNotNull
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.withTimeoutOrNull
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlin.time.toJavaDuration

internal class NativeConversations(private val core: Core) : Conversations {
    override val list: StateFlow<ConversationList> = WatchedState(core.scope, ConversationList(), core.persons::get) { tell ->
        core.watch({ it.conversations.watchList() }, { it.next() }, { it.cancel() }) { items ->
            tell(ConversationList(loaded = true, items.map { it.translated() }))
        }
    }

    override suspend fun open(draft: TicketDraft): Conversation = core.call { handles ->
        val opened = Sources.lent(core.scope, draft.attachments) { files ->
            val fields = draft.fields.mapValues { (_, value) -> value.lowered() }
            handles.conversations.open(
                FfiTicketDraft(draft.subject, draft.text, draft.category, draft.priority.lowered(), fields, files),
            )
        }
        NativeConversation(core, ConversationId(opened.conversation))
    }

    override suspend fun get(id: ConversationId): Conversation = core.call { handles ->
        NativeConversation(core, ConversationId(handles.conversations.get(id.value).id))
    }

    override suspend fun unread(): Int = core.call { it.conversations.unread().coerceAtMost(Int.MAX_VALUE.toULong()).toInt() }
}

internal class NativeConversation(private val core: Core, override val id: ConversationId) : Conversation {
    /** The watch behind [timeline], while it is collected and open. */
    private val open = MutableStateFlow<FfiTimelineWatch?>(null)

    private val window = WatchedState(core.scope, Timeline(), core.persons::get) { tell ->
        try {
            watch(tell)
        } catch (gone: SupportException) {
            if (gone.kind != SupportErrorKind.NotFound) throw gone
            // Taken back, or another person's: there is nothing to see.
            tell(Timeline(loaded = true))
        }
    }

    private suspend fun watch(tell: (Timeline) -> Unit) {
        val window = Window()
        core.watch(
            open = { handles -> handles.conversations.timeline(id.value).also { open.value = it } },
            next = { it.next() },
            cancel = {
                open.compareAndSet(it, null)
                it.cancel()
            },
            tell = { tell(window.after(it)) },
        )
    }

    override val timeline: StateFlow<Timeline> = window

    override val typing: Flow<List<Author>> =
        core.flow({ it.client.watchTyping() }, { it.next() }, { it.cancel() })
            .map { all -> all.filter { it.conversation == id.value }.map { it.author.translated() } }
            .distinctUntilChanged()

    override suspend fun info(): ConversationInfo = core.call { it.conversations.get(id.value).translated() }

    override suspend fun send(draft: MessageDraft): MessageId = core.call { handles ->
        Sources.lent(core.scope, draft.attachments) { files ->
            MessageId(handles.conversations.send(id.value, FfiMessageDraft(draft.text, files)))
        }
    }

    override suspend fun edit(message: MessageId, text: String) = core.call { it.conversations.edit(message.value, text) }

    override suspend fun retract(message: MessageId) = core.call { it.conversations.retract(message.value) }

    override suspend fun retry(message: MessageId) = core.call { it.conversations.retry(message.value) }

    override suspend fun discard(message: MessageId) = core.call { it.conversations.discard(message.value) }

    override suspend fun markRead(upTo: Long?) = core.call {
        it.conversations.markRead(id.value, upTo?.coerceAtLeast(0)?.toULong())
    }

    override suspend fun closeTicket() = core.call { it.conversations.closeTicket(id.value) }

    override suspend fun reopenTicket() = core.call { it.conversations.reopenTicket(id.value) }

    override fun setTyping(typing: Boolean) = core.ifUsed { it.conversations.setTyping(id.value, typing) }

    override suspend fun loadEarlier(count: Int) = core.call {
        // Whoever has just begun to collect has a watch in a moment.
        val watch = if (window.collected) withTimeoutOrNull(OPENS_WITHIN) { open.filterNotNull().first() } else null
        watch ?: throw SupportException(
            SupportErrorKind.InvalidInput,
            "not-collected",
            SupportRetry.AfterChange,
            "loadEarlier widens the timeline that somebody collects: nobody does",
        )
        watch.loadEarlier(count.coerceIn(1, PAGE).toUInt(), null)
    }

    override suspend fun message(id: MessageId): Message = core.call { it.conversations.message(id.value).translated() }

    override suspend fun awaitSent(id: MessageId, within: Duration): Message? = core.call {
        it.conversations.awaitSent(id.value, within.coerceAtLeast(Duration.ZERO).coerceAtMost(LONGEST).toJavaDuration(), null)?.translated()
    }

    private companion object {
        /** The most that the library takes. */
        const val PAGE = 100

        val OPENS_WITHIN = 10.seconds
    }
}

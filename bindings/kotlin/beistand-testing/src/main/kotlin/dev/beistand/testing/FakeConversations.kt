// Conversations of the fake: what a person does, by the rules of the real core.

package dev.beistand.testing

import dev.beistand.AttachmentSource
import dev.beistand.Author
import dev.beistand.Conversation
import dev.beistand.ConversationId
import dev.beistand.ConversationInfo
import dev.beistand.ConversationList
import dev.beistand.ConversationStatus
import dev.beistand.Conversations
import dev.beistand.Message
import dev.beistand.MessageDraft
import dev.beistand.MessageId
import dev.beistand.MessageState
import dev.beistand.OperationKind
import dev.beistand.OutboxState
import dev.beistand.SupportErrorKind
import dev.beistand.TicketDraft
import dev.beistand.Timeline
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.StateFlow
import java.io.IOException
import kotlin.time.Duration
import kotlin.time.toJavaDuration

internal class FakeConversations(private val world: World) : Conversations {
    override val list: StateFlow<ConversationList> = Look(world, ConversationList(), listens = true) {
        ConversationList(loaded = true, world.phone.known.values.sortedByDescending { it.order }.map(Views::info))
    }

    override suspend fun open(draft: TicketDraft): Conversation {
        val files = read(world, draft.attachments)
        val id = world.act {
            val phone = world.phone
            phone.check()
            checkTicket(draft)
            val id = ConversationId(world.mint())
            val message = MessageId(world.mint())
            val stored = phone.takeIn(files)
            phone.enqueue(phone.row(OperationKind.Open, id, message, draft.text, draft, stored))
            val known = Known(id, draft, world.now, world.next())
            known.echoes[message] = Echo(message, draft.text, stored, world.now)
            phone.known[id] = known
            id
        }
        return FakeConversation(world, id)
    }

    private fun checkTicket(draft: TicketDraft) {
        val settings = world.settings
        checkWords(draft.subject, settings.limits.subjectChars)
        if (draft.category != null && settings.categories.none { it.id == draft.category }) {
            invalid("unknown-category", "the category is not announced")
        }
        draft.fields.keys.find { key ->
            settings.fields.none { it.key == key }
        }?.let { invalid("unknown-field", "a field is not announced") }
        if (settings.fields.any { it.required && it.key !in draft.fields }) invalid("field-required", "a required field is missing")
        checkWords(draft.text, settings.limits.textChars, draft.attachments.size)
    }

    override suspend fun get(id: ConversationId): Conversation = world.act {
        world.phone.check()
        world.phone.conversation(id)
        FakeConversation(world, id)
    }

    override suspend fun unread(): Int = world.act {
        world.phone.check()
        world.phone.known.values.sumOf { Views.info(it).unread }
    }

    companion object {
        /** Reads files outside the lock: a stream may call whatever it likes. */
        fun read(world: World, sources: List<AttachmentSource>): List<Pair<AttachmentSource, ByteArray>> {
            val limits = world.settings.limits
            if (sources.size > limits.attachments) invalid("too-many-attachments", "at most ${limits.attachments} files are allowed")
            return sources.map { source ->
                val bytes = try {
                    source.open().use { it.readBytes() }
                } catch (_: IOException) {
                    fail(SupportErrorKind.Unreadable, "unreadable", "the file cannot be read")
                } catch (_: RuntimeException) {
                    fail(SupportErrorKind.Unreadable, "unreadable", "the file cannot be read")
                }
                if (bytes.isEmpty()) invalid("attachment-empty", "the file is empty")
                if (bytes.size > limits.attachmentBytes) invalid("attachment-too-large", "the file is too large")
                source to bytes
            }
        }
    }
}

internal class FakeConversation(private val world: World, override val id: ConversationId) : Conversation {
    private var window = WINDOW
    private val look = Look(world, Timeline(), listens = true) {
        val known = world.phone.known[id]
        if (known == null) Timeline(loaded = true) else Views.timeline(world.phone, known, window)
    }

    override val timeline: StateFlow<Timeline> = look

    override val typing: Flow<List<Author>> = Look(world, emptyList(), listens = true) {
        val there = world.desk.conversations[id]?.takeIf { world.link.online && it.agentTypes > 0 }
        if (there == null) emptyList() else listOf(Author.Agent(World.AGENT.id, World.AGENT.name))
    }

    private fun <T> act(work: (Known) -> T): T = world.act {
        world.phone.check()
        work(world.phone.conversation(id))
    }

    override suspend fun info(): ConversationInfo = act(Views::info)

    override suspend fun send(draft: MessageDraft): MessageId {
        val files = FakeConversations.read(world, draft.attachments)
        return act { known ->
            checkWords(draft.text, world.settings.limits.textChars, files.size)
            val message = MessageId(world.mint())
            val stored = world.phone.takeIn(files)
            world.phone.enqueue(world.phone.row(OperationKind.Send, id, message, draft.text, files = stored))
            known.echoes[message] = Echo(message, draft.text, stored, world.now)
            known.updatedAt = world.now
            known.order = world.next()
            message
        }
    }

    override suspend fun edit(message: MessageId, text: String): Unit = act { known ->
        checkWords(text, world.settings.limits.textChars)
        own(known, message)
        if (Views.retracted(known, message)) fail(SupportErrorKind.TooLate, "too-late", "the message was taken back")
        val phone = world.phone
        val waiting = phone.rows.lastOrNull {
            it.message == message && it.kind in WORDS &&
                (!it.mayBeStored || it.state is OutboxState.Wedged)
        }
        if (waiting == null) {
            phone.enqueue(phone.row(OperationKind.Edit, id, message, text))
            known.pendingTexts[message] = text
        } else {
            waiting.text = text
            known.echoes[message]?.text = text
            if (waiting.kind == OperationKind.Edit) known.pendingTexts[message] = text
            requeue(waiting)
        }
    }

    override suspend fun retract(message: MessageId): Unit = act { known ->
        own(known, message)
        if (Views.retracted(known, message)) return@act
        val creating = world.phone.rows.find { it.message == message && it.kind in CREATING }
        if (creating != null) {
            giveUp(world.phone, creating)
        } else {
            world.phone.rows.removeAll { it.message == message && it.kind == OperationKind.Edit }
            known.pendingTexts.remove(message)
            known.pendingRetractions.add(message)
            world.phone.rows.add(world.phone.row(OperationKind.Retract, id, message))
        }
    }

    override suspend fun retry(message: MessageId): Unit = act { requeue(rowOf(message)) }

    override suspend fun discard(message: MessageId): Unit = act { giveUp(world.phone, rowOf(message)) }

    private fun rowOf(message: MessageId): Row {
        val about = world.phone.rows.filter { it.message == message && it.visible }
        return about.find { it.state is OutboxState.Wedged } ?: about.firstOrNull()
            ?: fail(SupportErrorKind.NotFound, "local-not-found", "there is no such outbox item")
    }

    private fun requeue(row: Row) {
        if (row.state != OutboxState.Sending) row.state = OutboxState.Queued
        row.dueAt = world.now
    }

    private fun own(known: Known, message: MessageId) {
        val there = known.messages.find { it.id == message }
        when {
            there == null && message !in known.echoes ->
                fail(SupportErrorKind.NotFound, "local-not-found", "there is no such message on this phone")
            there != null && there.author != Author.Person -> fail(
                SupportErrorKind.TooLate,
                "too-late",
                "only an own message can be changed",
            )
        }
    }

    override suspend fun markRead(upTo: Long?): Unit = act { known ->
        val newest = known.messages.lastOrNull { it.author != Author.Person }?.seq ?: 0
        val mark = minOf(upTo ?: newest, newest)
        if (mark > known.readUpTo) {
            known.readUpTo = mark
            world.phone.rows.removeAll { it.kind == OperationKind.Read && it.conversation == id && !it.mayBeStored }
            world.phone.rows.add(world.phone.row(OperationKind.Read, id, upTo = mark))
        }
    }

    override suspend fun closeTicket(): Unit = setStatus(ConversationStatus.Closed)

    override suspend fun reopenTicket(): Unit = setStatus(ConversationStatus.Open)

    private fun setStatus(status: ConversationStatus) = act { known ->
        world.phone.enqueue(world.phone.row(OperationKind.Status, id, status = status))
        known.status = status
    }

    override fun setTyping(typing: Boolean) {
        world.act { if (world.link.online && !world.phone.over) world.desk.conversations[id]?.personTypes = typing }
    }

    override suspend fun loadEarlier(count: Int) {
        act {
            if (!look.collected) invalid("not-collected", "loadEarlier widens the timeline that somebody collects: nobody does")
            window += count.coerceIn(1, PAGE)
        }
    }

    override suspend fun message(id: MessageId): Message = act { known ->
        Views.messages(world.phone, known).find { it.id == id }
            ?: fail(SupportErrorKind.NotFound, "local-not-found", "there is no such message on this phone")
    }

    override suspend fun awaitSent(id: MessageId, within: Duration): Message? {
        val end = world.look { world.now.plus(within.toJavaDuration()) }
        while (true) {
            val message = message(id)
            if (message.state !is MessageState.Queued && message.state !is MessageState.Sending) return message
            if (!world.step(end)) {
                return message(id).takeUnless { it.state is MessageState.Queued || it.state is MessageState.Sending }
            }
        }
    }

    companion object {
        const val WINDOW = 50
        const val PAGE = 100
        val CREATING = setOf(OperationKind.Open, OperationKind.Send)
        val WORDS = CREATING + OperationKind.Edit

        /** Gives a row up; what may have happened at the server is taken back there. */
        fun giveUp(phone: Phone, row: Row) {
            phone.rows.remove(row)
            val known = phone.known[row.conversation]
            when (row.kind) {
                OperationKind.Open -> {
                    phone.rows.removeAll { it.conversation == row.conversation }
                    phone.known.remove(row.conversation)
                    if (row.mayBeStored) phone.rows.add(phone.row(OperationKind.Withdraw, row.conversation))
                }
                OperationKind.Send -> {
                    phone.rows.removeAll { it.message == row.message }
                    known?.echoes?.remove(row.message)
                    if (row.mayBeStored &&
                        row.state !is OutboxState.Wedged
                    ) {
                        phone.rows.add(phone.row(OperationKind.Retract, row.conversation, row.message))
                    }
                }
                OperationKind.Edit -> known?.pendingTexts?.remove(row.message)
                OperationKind.Retract -> known?.pendingRetractions?.remove(row.message)
                OperationKind.Status ->
                    known?.status =
                        if (row.status == ConversationStatus.Closed) ConversationStatus.Open else ConversationStatus.Closed
                else -> Unit
            }
        }
    }
}

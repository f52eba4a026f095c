// The phone's side of the fake: what it knows of its conversations, and what waits to be sent, by the rules of the real
// outbox: safe first, in order inside a conversation, tried again until the server has answered.

package dev.beistand.testing

import dev.beistand.AttachmentSource
import dev.beistand.Connection
import dev.beistand.ConversationId
import dev.beistand.ConversationStatus
import dev.beistand.MessageId
import dev.beistand.OperationId
import dev.beistand.OperationKind
import dev.beistand.OutboxState
import dev.beistand.PushToken
import dev.beistand.SupportErrorKind
import dev.beistand.SupportEvent
import dev.beistand.SupportIdentity
import dev.beistand.TicketDraft
import java.time.Instant
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds

/** Whom this installation speaks for, until the next logout. */
internal class PhoneIdentity {
    var person: Person? = null
    var subject: String? = null
    var confirmed = false

    /** A token that the server has not seen yet. */
    var token: String? = null

    fun shown() = SupportIdentity(subject, confirmed)
}

/** A write that waits. */
internal class Row(
    val id: OperationId,
    val kind: OperationKind,
    val conversation: ConversationId,
    val message: MessageId?,
    val identity: PhoneIdentity,
    val createdAt: Instant,
    var text: String = "",
    val ticket: TicketDraft? = null,
    val files: List<StoredFile> = emptyList(),
    val status: ConversationStatus? = null,
    val upTo: Long = 0,
    val rating: Pair<String, Boolean>? = null,
) {
    var state: OutboxState = OutboxState.Queued
    var attempts = 0
    var dueAt: Instant = createdAt
    var mayBeStored = false

    /** Writes of one lane leave in their order. */
    val lane: String get() = when (kind) {
        OperationKind.Read -> "read ${conversation.value}"
        OperationKind.Feedback -> "feedback"
        else -> conversation.value
    }

    val visible: Boolean get() = kind != OperationKind.Read && kind != OperationKind.Feedback
}

/** An own message that no server has confirmed. */
internal class Echo(val id: MessageId, var text: String, val files: List<StoredFile>, val createdAt: Instant)

/** A conversation as this phone knows it. */
internal class Known(val id: ConversationId, val ticket: TicketDraft, val createdAt: Instant, var order: Long) {
    var atServer = false
    var messages: List<DeskMessage> = emptyList()
    val echoes = LinkedHashMap<MessageId, Echo>()
    val pendingTexts = HashMap<MessageId, String>()
    val pendingRetractions = HashSet<MessageId>()
    var status = ConversationStatus.Open
    var taken = false
    var agentsRead = 0L
    var readUpTo = 0L
    var updatedAt = createdAt
}

internal class Phone(private val world: World) {
    var identity = PhoneIdentity()
        private set
    var known = LinkedHashMap<ConversationId, Known>()
        private set
    val rows = ArrayList<Row>()
    val fetched = HashMap<String, java.nio.file.Path>()
    var connection = Connection.Idle
        private set
    var used = false
    var lookers = 0
    var paused = false
    var over = false
    var pushToken: PushToken? = null
    private var pushTold: PushToken? = null
    private var seen = -1L

    /** Counts who has left. */
    var persons = 0L
        private set
    private var pulling = false
    var articles: List<FakeArticle>? = null

    /** Whether it has seen everything that the server has. */
    val upToDate: Boolean get() = seen == world.desk.version

    fun check() {
        if (over) fail(SupportErrorKind.ShutDown, "shut-down", "the client was shut down")
        used = true
    }

    fun conversation(id: ConversationId): Known =
        known[id] ?: fail(SupportErrorKind.NotFound, "local-not-found", "there is no such conversation on this phone")

    fun enqueue(row: Row) {
        if (row.visible && rows.count { it.visible } >= world.outboxItems) {
            fail(SupportErrorKind.OutboxFull, "outbox-full", "the outbox holds as much as it may")
        }
        rows.add(row)
    }

    fun row(
        kind: OperationKind,
        conversation: ConversationId,
        message: MessageId? = null,
        text: String = "",
        ticket: TicketDraft? = null,
        files: List<StoredFile> = emptyList(),
        status: ConversationStatus? = null,
        upTo: Long = 0,
        rating: Pair<String, Boolean>? = null,
    ) = Row(
        OperationId(world.mint()),
        kind,
        conversation,
        message,
        identity,
        world.now,
        text,
        ticket,
        files,
        status,
        upTo,
        rating,
    )

    fun wake() {
        rows.forEach { if (it.state == OutboxState.Queued) it.dueAt = world.now }
    }

    /** Everything that follows at once: writes leave, what is new comes in. */
    fun settle() {
        if (!used || over || paused) return
        do {
            val before = world.order
            confirmLogin()
            heads().forEach(::attempt)
        } while (world.order != before)
        tellPushToken()
        if (lookers > 0) pull()
    }

    private fun heads(): List<Row> {
        val lanes = HashSet<String>()
        return rows.toList().filter { row ->
            // A wedged row holds its lane.
            lanes.add(row.lane) && row.state == OutboxState.Queued && row.dueAt <= world.now
        }
    }

    private fun attempt(row: Row) {
        world.next()
        row.mayBeStored = true
        if (world.link.online && world.link.delay > Duration.ZERO) {
            row.state = OutboxState.Sending
            world.later(world.link.delay) { if (row in rows && row.state == OutboxState.Sending) arrive(row) }
        } else {
            arrive(row)
        }
    }

    private fun arrive(row: Row) {
        world.next()
        val link = world.link
        if (!link.online) return again(row, Connection.Offline)
        if (link.failing > 0) {
            link.failing--
            return again(row, Connection.Online)
        }
        val refusal = world.desk.refusals.removeFirstOrNull() ?: world.desk.run(row)
        if (link.losing) {
            link.losing = false
            return again(row, Connection.Offline)
        }
        connection = Connection.Online
        if (refusal != null) {
            row.state = OutboxState.Wedged(refusal, "the server refused the write")
            if (row.visible) world.emit(SupportEvent.Wedged(row.conversation, refusal)) else rows.remove(row)
            return
        }
        rows.remove(row)
        answered(row)
    }

    private fun Desk.run(row: Row): String? {
        val person = personOf(row.identity)
        return when (row.kind) {
            OperationKind.Open -> open(person, row)
            OperationKind.Send -> send(row)
            OperationKind.Edit -> edit(row)
            OperationKind.Retract -> retract(row)
            OperationKind.Withdraw -> withdraw(row)
            OperationKind.Status -> setStatus(row)
            OperationKind.Read -> read(row)
            OperationKind.Feedback, OperationKind.Report -> null.also { row.rating?.let { ratings[it.first] = it.second } }
        }
    }

    /** The same again later: after a wait that doubles up to five minutes. */
    private fun again(row: Row, connection: Connection) {
        this.connection = connection
        row.state = OutboxState.Queued
        row.attempts++
        val wait = minOf(5.minutes, 1.seconds * (1 shl minOf(row.attempts - 1, 16)))
        row.dueAt = world.now.plusMillis(wait.inWholeMilliseconds)
        // The clock has to stop there, for the row to be looked at.
        world.later(wait) {}
    }

    /** The answer holds the resource as it is now. */
    private fun answered(row: Row) {
        val local = known[row.conversation]?.takeIf { row.identity === identity } ?: return
        val there = world.desk.conversations[row.conversation] ?: return
        val message = row.message?.let { id -> there.messages.find { it.id == id } }
        when (row.kind) {
            OperationKind.Edit -> if (rows.none {
                    it.kind == OperationKind.Edit && it.message == row.message
                }
            ) {
                local.pendingTexts.remove(row.message)
            }
            OperationKind.Retract -> local.pendingRetractions.remove(row.message)
            OperationKind.Status -> local.status = there.status
            OperationKind.Open, OperationKind.Send -> local.atServer = true
            else -> Unit
        }
        if (message != null) {
            local.echoes.remove(message.id)
            local.messages = (local.messages.filter { it.id != message.id } + message).sortedBy { it.seq }
            local.order = maxOf(local.order, there.order)
        }
        world.next()
    }

    /** Fetches everything that is new. `false` if the server could not be reached. */
    fun pull(): Boolean {
        if (!world.link.online) {
            connection = Connection.Offline
            return false
        }
        if (world.link.delay > Duration.ZERO) {
            if (!pulling && seen != world.desk.version) {
                pulling = true
                world.later(world.link.delay) {
                    pulling = false
                    if (!over && world.link.online) take()
                }
            }
        } else {
            take()
        }
        return true
    }

    private fun take() {
        connection = Connection.Online
        if (seen == world.desk.version) return
        seen = world.desk.version
        val there = world.desk.of(identity.person)
        there.forEach { conversation ->
            val ticket = TicketDraft(conversation.subject, "", conversation.category, conversation.priority, conversation.fields)
            val local = known.getOrPut(conversation.id) { Known(conversation.id, ticket, conversation.createdAt, conversation.order) }
            local.atServer = true
            local.messages = conversation.messages
            conversation.messages.forEach { local.echoes.remove(it.id) }
            if (rows.none { it.kind == OperationKind.Status && it.conversation == conversation.id }) local.status = conversation.status
            local.taken = conversation.taken
            local.agentsRead = conversation.agentsRead
            local.readUpTo = maxOf(local.readUpTo, conversation.personRead)
            local.updatedAt = conversation.updatedAt
            local.order = conversation.order
        }
        val ids = there.map { it.id }.toSet()
        known.values.removeIf { it.atServer && it.id !in ids && it.echoes.isEmpty() }
    }

    // Who the person is.

    /** Hands a token to the server; the problem's code if it is not accepted, and `null` as well while there is no network. */
    fun login(token: String, subject: String): String? {
        if (identity.subject != null && identity.subject != subject) return become(token, subject)
        identity.token = token
        if (world.link.online) return hand(token, subject)
        connection = Connection.Offline
        identity.subject = subject
        return null
    }

    /** Another user than before: as after a logout that keeps what waits, unless the server refuses the new one. */
    private fun become(token: String, subject: String): String? {
        val candidate = PhoneIdentity()
        if (world.link.online) {
            val problem = world.desk.login(candidate, token)
            if (problem != null) return problem
            candidate.confirmed = true
        } else {
            candidate.token = token
        }
        candidate.subject = subject
        leave(keep = true)
        identity = candidate
        pull()
        return null
    }

    private fun hand(token: String, subject: String): String? {
        identity.token = null
        connection = Connection.Online
        val problem = world.desk.login(identity, token)
        world.next()
        if (problem != null) {
            if (!identity.confirmed) identity.subject = null
            return problem
        }
        identity.subject = subject
        identity.confirmed = true
        pull()
        return null
    }

    private fun confirmLogin() {
        val token = identity.token ?: return
        val subject = identity.subject ?: return
        if (world.link.online) world.emit(hand(token, subject)?.let { SupportEvent.LoginRefused(it) } ?: SupportEvent.LoginConfirmed)
    }

    /** A new, anonymous person. Writes of the one before stay only if they are kept. */
    fun leave(keep: Boolean): Int {
        val own = rows.filter { it.identity === identity }
        if (!keep) rows.removeAll(own.toSet())
        identity = PhoneIdentity()
        persons++
        known = LinkedHashMap()
        pushToken = null
        seen = -1
        return own.count { it.visible }
    }

    private fun tellPushToken() {
        if (pushToken != pushTold && world.link.online && identity.person != null) {
            pushTold = pushToken
            world.desk.pushToken = pushToken
        }
    }

    fun takeIn(sources: List<Pair<AttachmentSource, ByteArray>>): List<StoredFile> = sources.map { (source, bytes) ->
        val name = source.displayName
        StoredFile(dev.beistand.AttachmentId(world.mint()), name, MediaTypes.of(name), bytes)
    }
}

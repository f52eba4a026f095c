// The server's side of the fake: what arrived, in the order it arrived, and what agents do with it. Each write has a name,
// so that one that comes twice is stored once.

package dev.beistand.testing

import dev.beistand.AttachmentId
import dev.beistand.Author
import dev.beistand.ConversationId
import dev.beistand.ConversationStatus
import dev.beistand.FieldValue
import dev.beistand.MessageId
import dev.beistand.Priority
import dev.beistand.PushToken
import java.time.Instant
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/** A person as the server knows one; several installations of a user are one person. */
internal class Person(var subject: String?)

internal class StoredFile(val id: AttachmentId, val name: String, val mediaType: String, val bytes: ByteArray)

/** A message of the server; never changed, only replaced. */
internal data class DeskMessage(
    val id: MessageId,
    val seq: Long,
    val author: Author,
    val text: String,
    val files: List<StoredFile>,
    val createdAt: Instant,
    val edited: Boolean = false,
    val retracted: Boolean = false,
)

internal class DeskConversation(
    val id: ConversationId,
    var person: Person,
    val subject: String,
    val category: String?,
    val priority: Priority,
    val fields: Map<String, FieldValue>,
    val createdAt: Instant,
) {
    var messages: List<DeskMessage> = emptyList()
    var status = ConversationStatus.Open
    var taken = false
    var agentsRead = 0L
    var personRead = 0L
    var updatedAt = createdAt
    var order = 0L
    var agentTypes = 0L
    var personTypes = false
    var answered = false
}

internal class Desk(private val world: World, var articles: List<FakeArticle>) {
    private class Script(val text: String, val after: Duration)

    val conversations = LinkedHashMap<ConversationId, DeskConversation>()
    val refusals = ArrayDeque<String>()
    val ratings = LinkedHashMap<String, Boolean>()
    var pushToken: PushToken? = null
    private val users = HashMap<String, Person>()
    private val withdrawn = HashSet<ConversationId>()
    private val gone = HashSet<MessageId>()
    private val scripts = ArrayDeque<Script>()

    /** Grows with every change that a phone may see. */
    var version = 0L
        private set

    fun open(person: Person, row: Row): String? {
        val id = row.conversation
        if (id in withdrawn || id in conversations) return null
        val draft = checkNotNull(row.ticket)
        val conversation =
            DeskConversation(id, person, draft.subject, draft.category, draft.priority, draft.fields, world.now)
        conversations[id] = conversation
        store(conversation, checkNotNull(row.message), Author.Person, row.text, row.files)
        return null
    }

    fun send(row: Row): String? {
        val conversation = conversations[row.conversation] ?: return "not-found"
        val message = checkNotNull(row.message)
        if (message in gone || conversation.messages.any { it.id == message }) return null
        store(conversation, message, Author.Person, row.text, row.files)
        return null
    }

    fun edit(row: Row): String? {
        val conversation = conversations[row.conversation] ?: return "not-found"
        val message = conversation.messages.find { it.id == row.message } ?: return "not-found"
        if (message.retracted) return "message-retracted"
        replace(conversation, message.copy(text = row.text, edited = true))
        return null
    }

    fun retract(row: Row): String? {
        val conversation = conversations[row.conversation] ?: return null
        val id = checkNotNull(row.message)
        gone.add(id)
        conversation.messages.find { it.id == id }?.let {
            replace(conversation, it.copy(text = "", files = emptyList(), retracted = true))
        }
        return null
    }

    fun withdraw(row: Row): String? {
        withdrawn.add(row.conversation)
        conversations.remove(row.conversation)
        version++
        return null
    }

    fun setStatus(row: Row): String? {
        val conversation = conversations[row.conversation] ?: return "not-found"
        conversation.status = checkNotNull(row.status)
        touch(conversation)
        return null
    }

    fun read(row: Row): String? {
        conversations[row.conversation]?.let { it.personRead = maxOf(it.personRead, row.upTo) }
        version++
        return null
    }

    /** A person logs in; the problem's code if the server does not accept it. */
    fun login(identity: PhoneIdentity, token: String): String? {
        val (kind, subject) = FakeToken.parse(token) ?: return "token-refused"
        when (kind) {
            TokenKind.Expired -> return "token-expired"
            TokenKind.Refused -> return "token-refused"
            TokenKind.Early -> return "token-not-yet-valid"
            TokenKind.Good -> Unit
        }
        val person = personOf(identity)
        if (person.subject != null && person.subject != subject) return "other-user"
        val user = users.getOrPut(subject) { person.also { it.subject = subject } }
        if (user !== person) {
            conversations.values.filter { it.person === person }.forEach { it.person = user }
            identity.person = user
        }
        version++
        return null
    }

    fun personOf(identity: PhoneIdentity): Person = identity.person ?: Person(null).also { identity.person = it }

    fun of(person: Person?): List<DeskConversation> = conversations.values.filter { it.person === person }

    // What agents do.

    fun script(text: String, after: Duration) {
        val waiting = conversations.values.filter { !it.answered }.maxByOrNull { it.order }
        if (waiting == null) {
            scripts.add(Script(text, after))
        } else {
            answer(waiting, Script(text, after))
        }
    }

    private fun answer(conversation: DeskConversation, script: Script) {
        conversation.answered = true
        world.later(script.after) { fromAgent(conversation.id, script.text, emptyList()) }
    }

    fun fromAgent(id: ConversationId, text: String, files: List<Pair<String, ByteArray>>): MessageId {
        val conversation = known(id)
        val message = MessageId(world.mint())
        val stored = files.map { (name, bytes) -> StoredFile(AttachmentId(world.mint()), name, MediaTypes.of(name), bytes) }
        conversation.agentTypes = 0
        store(conversation, message, Author.Agent(World.AGENT.id, World.AGENT.name), text, stored)
        return message
    }

    fun types(id: ConversationId, typing: Boolean) {
        val conversation = known(id)
        val sign = if (typing) world.next() else 0L
        conversation.agentTypes = sign
        if (typing) {
            world.later(TYPING) { if (conversation.agentTypes == sign) conversation.agentTypes = 0 }
        }
    }

    fun agentReads(id: ConversationId) {
        val conversation = known(id)
        conversation.agentsRead = conversation.messages.size.toLong()
        version++
    }

    fun agentSets(id: ConversationId, status: ConversationStatus) {
        val conversation = known(id)
        conversation.status = status
        touch(conversation)
    }

    fun agentTakes(id: ConversationId) {
        val conversation = known(id)
        conversation.taken = true
        touch(conversation)
    }

    private fun known(id: ConversationId) = requireNotNull(conversations[id]) { "the server does not have this conversation yet" }

    private fun store(conversation: DeskConversation, id: MessageId, author: Author, text: String, files: List<StoredFile>) {
        val message = DeskMessage(id, conversation.messages.size + 1L, author, text, files, world.now)
        conversation.messages = conversation.messages + message
        // An answer passes the turn to the person; one to something that is over leaves it so.
        when {
            author == Author.Person -> conversation.status = ConversationStatus.Open
            conversation.status == ConversationStatus.Open -> conversation.status = ConversationStatus.Pending
        }
        touch(conversation)
        conversation.answered = author != Author.Person
        if (author == Author.Person) scripts.removeFirstOrNull()?.let { answer(conversation, it) }
    }

    private fun replace(conversation: DeskConversation, message: DeskMessage) {
        conversation.messages = conversation.messages.map { if (it.id == message.id) message else it }
        version++
    }

    private fun touch(conversation: DeskConversation) {
        conversation.updatedAt = world.now
        conversation.order = world.next()
        version++
    }

    private companion object {
        val TYPING = 6.seconds
    }
}

internal object FakeToken {
    fun parse(token: String): Pair<TokenKind, String>? {
        val parts = token.split(":", limit = 3)
        if (parts.size != 3 || parts[0] != "fake" || parts[2].isEmpty()) return null
        val kind = TokenKind.values().find { it.name == parts[1] } ?: return null
        return kind to parts[2]
    }
}

internal object MediaTypes {
    fun of(name: String): String = java.net.URLConnection.guessContentTypeFromName(name) ?: "application/octet-stream"
}

// What a test decides: time, the network, the agent, the users; and what it may look at.

package dev.beistand.testing

import dev.beistand.AttachmentSource
import dev.beistand.ConversationId
import dev.beistand.ConversationStatus
import dev.beistand.MessageId
import java.time.Instant
import kotlin.time.Duration

/** The fake's clock. It stands still until it is moved. */
public class VirtualClock internal constructor(private val world: World) {
    /** What time it is. */
    public val now: Instant get() = world.look { world.now }

    /** Lets time pass; what falls due on the way happens in its order. */
    public fun advance(by: Duration) {
        require(!by.isNegative()) { "time does not run backwards" }
        world.advance(by)
    }
}

/** What lies between the phone and the server: in order, until told otherwise. */
public class FakeNetwork internal constructor(private val world: World) {
    /** Nothing comes through any more. */
    public fun offline(): Unit = world.act { world.link.online = false }

    /** All is well again, and the phone's system says so: what waits is due. */
    public fun online(): Unit = world.act {
        world.link.online = true
        world.link.delay = Duration.ZERO
        world.phone.wake()
    }

    /** Each request takes so long, by the virtual clock. */
    public fun slow(by: Duration): Unit = world.act { world.link.delay = by }

    /** The next [times] writes are answered with a fault, and never reach the server. The phone tries them again later. */
    public fun failNext(times: Int = 1, status: Int = 500) {
        require(times > 0 && status in 400..599) { "a fault has a status of 400 to 599" }
        world.act { world.link.failing = times }
    }

    /** The next write is stored, but its answer never comes. The phone sends it again. */
    public fun loseNextAnswer(): Unit = world.act { world.link.losing = true }
}

/** The agent at the other end. */
public class ScriptedAgent internal constructor(private val world: World) {
    /** Which agent. */
    public val id: String get() = World.AGENT.id

    /** The name that the person sees. */
    public val name: String get() = World.AGENT.name

    /**
     * Answers the newest message that nobody has answered yet, or else the next one that arrives. Said several times, each
     * answers one message.
     *
     * @param after how long after the message, or after now if it is there already, by the virtual clock.
     */
    public fun replies(text: String, after: Duration = Duration.ZERO): Unit = world.act { world.desk.script(text, after) }

    /** Writes into a conversation now. */
    public fun sends(conversation: ConversationId, text: String, attachments: List<AttachmentSource> = emptyList()): MessageId {
        val files = attachments.map { it.displayName to it.open().use { stream -> stream.readBytes() } }
        return world.act { world.desk.fromAgent(conversation, text, files) }
    }

    /** Types, or has stopped; a sign is gone after six seconds unless it is renewed. */
    public fun types(conversation: ConversationId, typing: Boolean = true): Unit = world.act { world.desk.types(conversation, typing) }

    /** Has read everything of a conversation. */
    public fun reads(conversation: ConversationId): Unit = world.act { world.desk.agentReads(conversation) }

    /** Closes a conversation. */
    public fun closes(conversation: ConversationId): Unit = sets(conversation, ConversationStatus.Closed)

    /** Says where a conversation stands. */
    public fun sets(
        conversation: ConversationId,
        status: ConversationStatus,
    ): Unit = world.act { world.desk.agentSets(conversation, status) }

    /** Takes care of a conversation from now on. */
    public fun takes(conversation: ConversationId): Unit = world.act { world.desk.agentTakes(conversation) }
}

/** Who may log in. */
public class FakeUsers internal constructor(private val world: World) {
    /** A token for a user, as the app's own server would give it. */
    public fun token(subject: String, kind: TokenKind = TokenKind.Good): String = "fake:${kind.name}:$subject"

    /** The user that the server knows this installation as; `null`: an anonymous person. */
    public val loggedIn: String? get() = world.look { world.phone.identity.person?.subject }
}

/** The server: what it has, and what it says next. */
public class FakeServer internal constructor(private val world: World) {
    /** All conversations, newest first. */
    public fun conversations(): List<ConversationId> = world.look { world.desk.conversations.keys.reversed() }

    /** The messages of a conversation in the server's order; empty if the server does not have it. */
    public fun messages(conversation: ConversationId): List<ServerMessage> = world.look {
        world.desk.conversations[conversation]?.messages.orEmpty().map { message ->
            ServerMessage(
                message.id.value,
                message.author == dev.beistand.Author.Person,
                message.text.takeUnless { message.retracted },
                message.files.map { it.name },
            )
        }
    }

    /** Where a conversation stands; `null` if the server does not have it. */
    public fun status(conversation: ConversationId): ConversationStatus? = world.look { world.desk.conversations[conversation]?.status }

    /** Whether the person types, as the agents see it. */
    public fun personTypes(
        conversation: ConversationId,
    ): Boolean = world.look { world.desk.conversations[conversation]?.personTypes == true }

    /** The ratings of articles, by their ids: the last word on each. */
    public fun ratings(): Map<String, Boolean> = world.look { world.desk.ratings.toMap() }

    /** The push token that the server has; `null`: none. */
    public fun pushToken(): dev.beistand.PushToken? = world.look { world.desk.pushToken }

    /**
     * Refuses the next writes for good, with a code of the documentation's page of errors: they wait for the person then.
     */
    public fun refuseNext(code: String, times: Int = 1): Unit = world.act { repeat(times) { world.desk.refusals.add(code) } }

    /** Replaces the FAQ; the phone has it once it has asked again, see `Faq.refresh`. */
    public fun publish(articles: List<FakeArticle>): Unit = world.act { world.desk.articles = articles }
}

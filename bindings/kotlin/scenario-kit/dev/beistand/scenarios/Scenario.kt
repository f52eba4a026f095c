// Runs the project's scenarios (`bindings/scenarios`) on any client: what the person does goes to the client, what others
// do goes to the stage, and what is expected is awaited.

package dev.beistand.scenarios

import dev.beistand.ArticleId
import dev.beistand.Author
import dev.beistand.Connection
import dev.beistand.Conversation
import dev.beistand.ConversationId
import dev.beistand.LogoutMode
import dev.beistand.MessageBody
import dev.beistand.MessageDraft
import dev.beistand.MessageId
import dev.beistand.MessageState
import dev.beistand.OutboxState
import dev.beistand.SupportClient
import dev.beistand.SupportException
import dev.beistand.TicketDraft
import dev.beistand.TokenReason
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import java.nio.file.Files
import java.nio.file.Path

/** What lies around the client. */
interface Stage {
    val client: SupportClient

    /** A step of others, conversations named by their ids. */
    suspend fun perform(step: String, arguments: JsonElement): JsonObject

    /** Lets some time pass while something is awaited; `false` once it is too late. */
    suspend fun wait(round: Int): Boolean
}

class Scenario(val name: String, private val source: JsonObject) {
    override fun toString(): String = name

    suspend fun run(stage: Stage) {
        val run = ScenarioRun(stage)
        try {
            source["articles"]?.let { stage.perform("articles", it.jsonObject.withLocale()) }
            source.getValue("steps").jsonArray.forEachIndexed { at, step ->
                try {
                    run.step(step.jsonObject)
                } catch (failure: Throwable) {
                    throw AssertionError("$name, step ${at + 1} $step: ${failure.message}", failure)
                }
            }
        } finally {
            run.end()
        }
    }

    companion object {
        fun all(folder: Path): List<Scenario> = Files.list(folder).use { files ->
            files.filter { it.toString().endsWith(".json") }.sorted().map { file ->
                val source = Json.parseToJsonElement(Files.readString(file)).jsonObject
                Scenario(source.getValue("name").jsonPrimitive.content, source)
            }.collect(java.util.stream.Collectors.toList())
        }
    }
}

internal fun JsonObject.withLocale(): JsonObject = if ("locale" in this) this else JsonObject(this + ("locale" to JsonPrimitive("en")))

internal fun JsonObject.text(name: String): String? = (this[name] as? JsonPrimitive)?.contentOrNull

internal class ScenarioRun(private val stage: Stage) {
    private val client = stage.client
    private val tickets = HashMap<String, Conversation>()
    private val messages = HashMap<String, Pair<Conversation, MessageId>>()
    private val looking = Job()
    private val looks = CoroutineScope(looking + Dispatchers.Unconfined)
    private val typing = HashMap<String, List<Author>>()
    private var tokensLeft = ArrayDeque<String>()

    init {
        look { client.conversations.list.collect {} }
        look { client.identity.collect {} }
        look { client.connection.collect {} }
    }

    private fun look(work: suspend () -> Unit) {
        looks.launch(start = CoroutineStart.UNDISPATCHED) { work() }
    }

    fun end() {
        looking.cancel()
    }

    suspend fun step(step: JsonObject) {
        val name = step.keys.single { it != "fails" }
        val fails = step["fails"]?.jsonObject
        val arguments = step.getValue(name)
        if (fails == null) return perform(name, arguments)
        val failure = try {
            perform(name, arguments)
            null
        } catch (exception: SupportException) {
            exception
        }
        checkNotNull(failure) { "it does not fail" }
        val kind = failure.kind.name.replace(Regex("(?<=[a-z])(?=[A-Z])"), "_").lowercase()
        check(kind == fails.text("kind")) { "it fails with $kind, ${failure.message}" }
        fails.text("code")?.let { check(failure.code == it) { "its code is ${failure.code}" } }
    }

    private suspend fun perform(name: String, arguments: JsonElement) {
        when (name) {
            "open" -> open(arguments.jsonObject)
            "send" -> send(arguments.jsonObject)
            "edit" -> message(arguments.jsonObject.text("message")!!).let { (ticket, id) ->
                ticket.edit(id, arguments.jsonObject.text("text")!!)
            }
            "retract" -> message(arguments).let { (ticket, id) -> ticket.retract(id) }
            "retry" -> message(arguments).let { (ticket, id) -> ticket.retry(id) }
            "discard" -> message(arguments).let { (ticket, id) -> ticket.discard(id) }
            "mark_read" -> ticket(arguments).markRead()
            "close_ticket" -> ticket(arguments).closeTicket()
            "reopen_ticket" -> ticket(arguments).reopenTicket()
            "load_earlier" -> ticket(arguments.jsonObject["of"]!!).loadEarlier(arguments.jsonObject["count"]!!.jsonPrimitive.int)
            "login" -> login(arguments.jsonObject)
            "logout" -> client.logout(
                when (arguments.jsonPrimitive.content) {
                    "keep" -> LogoutMode.Keep
                    "discard" -> LogoutMode.Discard
                    else -> LogoutMode.SendFirst()
                },
            )
            "search" -> search(arguments.jsonObject)
            "suggest" -> ids(
                arguments.jsonObject,
                "offers",
                client.faq.suggest(arguments.jsonObject.text("draft")!!).map {
                    it.article.value
                },
            )
            "article" -> {
                val article = client.faq.article(ArticleId(arguments.jsonObject.text("id")!!))
                check(article?.title == arguments.jsonObject.text("title")) { "its title is ${article?.title}" }
            }
            "rate" -> {
                val article = checkNotNull(client.faq.article(ArticleId(arguments.jsonObject.text("id")!!))) { "there is no such article" }
                client.faq.rate(article, arguments.jsonObject["helpful"]!!.jsonPrimitive.boolean)
            }
            "pause" -> client.pause()
            "resume" -> client.resume()
            else -> if (name.startsWith("expect_")) expect(name, arguments) else others(name, arguments)
        }
    }

    private suspend fun open(arguments: JsonObject) {
        val ticket = client.conversations.open(
            TicketDraft(arguments.text("subject")!!, arguments.text("text")!!, arguments.text("category")),
        )
        val name = arguments.text("as")!!
        tickets[name] = ticket
        look { ticket.timeline.collect {} }
        look { ticket.typing.collect { typing[name] = it } }
        eventually { if (ticket.timeline.value.loaded) null else "the timeline was not read" }
        ticket.timeline.value.messages.firstOrNull()?.let { messages["$name.first"] = ticket to it.id }
    }

    private suspend fun send(arguments: JsonObject) {
        val ticket = ticket(arguments["to"]!!)
        val id = ticket.send(MessageDraft(arguments.text("text")!!))
        arguments.text("as")?.let { messages[it] = ticket to id }
    }

    private suspend fun login(arguments: JsonObject) {
        val user = arguments.text("user")!!
        tokensLeft = ArrayDeque(arguments["tokens"]?.jsonArray?.map { it.jsonPrimitive.content } ?: listOf("good"))
        val reasons = ArrayList<TokenReason>()
        client.login { reason ->
            reasons.add(reason)
            val kind = tokensLeft.removeFirstOrNull() ?: "good"
            check(kind != "throws") { "the app's server is down" }
            stage.perform("token", JsonObject(mapOf("user" to JsonPrimitive(user), "kind" to JsonPrimitive(kind)))).text("token")!!
        }
        arguments["reasons"]?.jsonArray?.map { it.jsonPrimitive.content }?.let { wanted ->
            val asked = reasons.map { it.name.replace(Regex("(?<=[a-z])(?=[A-Z])"), "_").lowercase() }
            check(asked == wanted) { "it was asked for $asked" }
        }
    }

    private suspend fun search(arguments: JsonObject) = eventually {
        val found = client.faq.search(arguments.text("query")!!).hits.map { it.article.value }
        val wanted = arguments.getValue("finds").jsonArray.map { it.jsonPrimitive.content }
        if (if (wanted.isEmpty()) found.isEmpty() else found.take(wanted.size) == wanted) null else "it finds $found"
    }

    private fun ids(arguments: JsonObject, member: String, found: List<String>) {
        val wanted = arguments.getValue(member).jsonArray.map { it.jsonPrimitive.content }
        check(if (wanted.isEmpty()) found.isEmpty() else found.take(wanted.size) == wanted) { "it finds $found" }
    }

    private suspend fun others(name: String, arguments: JsonElement) {
        val after = (arguments as? JsonObject)?.get("after_ms")?.jsonPrimitive?.long
        if (after != null) {
            // With a stage of its own clock the agent takes this long as well.
            kotlinx.coroutines.delay(if (stage.client.javaClass.name.contains("Fake")) 0 else after)
        }
        val renamed = when (arguments) {
            is JsonObject -> JsonObject(
                arguments.filterKeys { it != "after_ms" }.mapValues { (key, value) ->
                    if (key in ADDRESSES && value is JsonPrimitive &&
                        value.isString
                    ) {
                        JsonPrimitive(tickets.getValue(value.content).id.value)
                    } else {
                        value
                    }
                },
            )
            else -> arguments
        }
        stage.perform(name, if (name == "articles") (renamed as JsonObject).withLocale() else renamed)
        if (name == "network" && (arguments as? JsonPrimitive)?.content == "online") client.wake()
    }

    private suspend fun expect(name: String, arguments: JsonElement) = eventually {
        when (name) {
            "expect_timeline" -> timeline(arguments.jsonObject)
            "expect_list" -> list(arguments.jsonArray)
            "expect_outbox" -> outbox(arguments.jsonArray)
            "expect_identity" -> {
                val who = client.identity.value
                val user = arguments.jsonObject["user"].let { if (it is JsonNull) null else it?.jsonPrimitive?.content }
                val confirmed = arguments.jsonObject["confirmed"]?.jsonPrimitive?.boolean
                if (who.subject == user &&
                    (confirmed == null || who.confirmed == confirmed)
                ) {
                    null
                } else {
                    "it is ${who.subject}, ${who.confirmed}"
                }
            }
            "expect_connection" -> {
                val wanted = if (arguments.jsonPrimitive.content == "online") Connection.Online else Connection.Offline
                client.connection.value.let { if (it == wanted) null else "it is $it" }
            }
            "expect_typing" -> {
                val names = typing[arguments.jsonObject.text("in")!!].orEmpty().filterIsInstance<Author.Agent>().map { it.name }
                if (names == arguments.jsonObject.getValue("names").jsonArray.map { it.jsonPrimitive.content }) null else "they are $names"
            }
            "expect_server" -> {
                val there = stage.perform(
                    "server_messages",
                    JsonObject(mapOf("of" to JsonPrimitive(ticket(arguments.jsonObject["of"]!!).id.value))),
                )
                val texts = there.getValue("messages").jsonArray.mapNotNull { it.jsonObject.text("text") }
                if (texts == arguments.jsonObject.getValue("texts").jsonArray.map { it.jsonPrimitive.content }) null else "it has $texts"
            }
            "expect_unread" -> client.conversations.unread().let { if (it == arguments.jsonPrimitive.int) null else "it is $it" }
            else -> error("no such step")
        }
    }

    private suspend fun timeline(arguments: JsonObject): String? {
        val shown = ticket(arguments["of"]!!).timeline.value
        val texts = shown.messages.map { it.text ?: "(${it.body.javaClass.simpleName})" }
        arguments["has_earlier"]?.jsonPrimitive?.boolean?.let { if (shown.hasEarlier != it) return "hasEarlier is ${shown.hasEarlier}" }
        arguments["count"]?.jsonPrimitive?.int?.let { if (shown.messages.size != it) return "it has ${shown.messages.size}" }
        arguments.text("first")?.let { if (texts.firstOrNull() != it) return "the first is ${texts.firstOrNull()}" }
        arguments.text("last")?.let { if (texts.lastOrNull() != it) return "the last is ${texts.lastOrNull()}" }
        val wanted = arguments["messages"]?.jsonArray ?: return null
        if (wanted.size != shown.messages.size) return "it shows $texts"
        wanted.forEachIndexed { at, element ->
            val expected = element.jsonObject
            val message = shown.messages[at]
            val seen = "message ${at + 1} is ${message.text}, ${message.state}, edited ${message.edited}"
            if (expected.text("text")?.let { it != message.text } == true) return seen
            if (expected.text("from")?.let { (it == "person") != (message.author == Author.Person) } == true) return seen
            if (expected.text("state")?.let { state(message.state) !in it.split('|') } == true) return seen
            if (expected["edited"]?.jsonPrimitive?.booleanOrNull?.let { it != message.edited } == true) return seen
            if (expected["retracted"]?.jsonPrimitive?.booleanOrNull?.let { it != (message.body == MessageBody.Retracted) } ==
                true
            ) {
                return seen
            }
        }
        return null
    }

    private fun list(wanted: JsonArray): String? {
        val shown = client.conversations.list.value
        val seen = shown.items.map { "${it.subject} ${it.status} ${it.unread} ${it.preview}" }
        val same =
            shown.loaded && wanted.size == shown.items.size && wanted.map { it.jsonObject }.zip(shown.items).all { (expected, item) ->
                expected.text("subject").let { it == null || it == item.subject } &&
                    expected.text("status").let { it == null || it == item.status.name.lowercase() } &&
                    expected["unread"]?.jsonPrimitive?.int.let { it == null || it == item.unread } &&
                    expected.text("preview").let { it == null || it == item.preview }
            }
        return if (same) null else "it shows $seen"
    }

    private suspend fun outbox(wanted: JsonArray): String? {
        val items = client.outbox.items().map { item ->
            item.kind.name.lowercase() to when (item.state) {
                OutboxState.Queued -> "queued"
                OutboxState.Sending -> "sending"
                is OutboxState.Wedged -> "wedged"
            }
        }
        val same = items.size == wanted.size && wanted.map { it.jsonObject }.zip(items).all { (expected, item) ->
            expected.text("kind") == item.first && item.second in expected.text("state")!!.split('|')
        }
        return if (same) null else "it holds $items"
    }

    private fun state(state: MessageState) = when (state) {
        is MessageState.Wedged -> "wedged"
        else -> state.toString().lowercase()
    }

    private suspend fun eventually(check: suspend () -> String?) {
        var round = 0
        while (true) {
            val wrong = check() ?: return
            check(stage.wait(round++)) { wrong }
        }
    }

    private fun ticket(name: JsonElement): Conversation = tickets.getValue(name.jsonPrimitive.content)

    private fun message(name: JsonElement) = message(name.jsonPrimitive.content)

    private fun message(name: String) = messages.getValue(name)

    private companion object {
        val ADDRESSES = setOf("to", "in", "of")
    }
}

// The real server for tests: a world of the program `beistand-stage`, which runs beside the tests and ends with them.

package dev.beistand.scenarios

import dev.beistand.Beistand
import dev.beistand.BeistandConfig
import dev.beistand.ConversationId
import dev.beistand.SupportClient
import kotlinx.coroutines.delay
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import java.io.File
import java.net.HttpURLConnection
import java.net.URI
import java.nio.file.Files
import java.nio.file.Path
import kotlin.time.Duration.Companion.milliseconds

/** The program: one for all tests of a JVM. */
private object StageProgram {
    private val program = System.getProperty("beistand.stage").orEmpty().ifEmpty {
        error("-Dbeistand.stage names no program: these tests need `beistand-stage`, see tests/stage/README.md")
    }

    /** Its standard input stays open for as long as this process lives; with it the program ends. */
    private val process = ProcessBuilder(program).redirectError(ProcessBuilder.Redirect.INHERIT).start()

    val address: String = process.inputStream.bufferedReader().readLine().removePrefix("stage ").trim()

    fun call(method: String, path: String, body: String?): JsonObject {
        val connection = URI(address + path).toURL().openConnection() as HttpURLConnection
        connection.requestMethod = method
        if (body != null) {
            connection.doOutput = true
            connection.setRequestProperty("content-type", "application/json")
            connection.outputStream.use { it.write(body.encodeToByteArray()) }
        }
        val good = connection.responseCode in 200..299
        val text = (if (good) connection.inputStream else connection.errorStream)?.use { it.readBytes().decodeToString() }.orEmpty()
        check(good) { "$method $path: ${connection.responseCode} $text" }
        return if (text.isBlank()) JsonObject(emptyMap()) else Json.parseToJsonElement(text).jsonObject
    }
}

/** A server, a network that breaks when told to, and an agent. Ends its clients with itself. */
class World : AutoCloseable {
    private val told = StageProgram.call("POST", "/worlds", "{}")
    private val path = "/worlds/" + told.getValue("id").jsonPrimitive.content
    private val clients = ArrayList<SupportClient>()
    private val folders = ArrayList<File>()

    val config: BeistandConfig
        get() = BeistandConfig(
            server = told.getValue("server").jsonPrimitive.content,
            appKey = told.getValue("app_key").jsonPrimitive.content,
            folder = folder(),
            locale = "en",
        )

    fun folder(): Path = Files.createTempDirectory("beistand-test").also { folders.add(it.toFile()) }

    fun client(config: BeistandConfig = this.config): SupportClient = Beistand(config).also { clients.add(it) }

    /** A step of the stage, as JSON. */
    fun act(step: String): JsonObject = StageProgram.call("POST", "$path/do", step)

    fun replies(to: ConversationId, text: String) {
        act("""{"agent_replies": {"to": "${to.value}", "text": "$text"}}""")
    }

    fun fill(of: ConversationId, messages: Int) {
        act("""{"fill": {"of": "${of.value}", "messages": $messages}}""")
    }

    fun network(state: String) {
        act("""{"network": "$state"}""")
    }

    fun token(user: String, kind: String = "good"): String =
        act("""{"token": {"user": "$user", "kind": "$kind"}}""").getValue("token").jsonPrimitive.content

    /** What the server has of a conversation, in words. */
    fun texts(of: ConversationId): List<String?> =
        act("""{"server_messages": {"of": "${of.value}"}}""").getValue("messages").jsonArray.map { it.jsonObject.text("text") }

    override fun close() {
        clients.forEach { it.close() }
        StageProgram.call("DELETE", path, null)
        folders.forEach { it.deleteRecursively() }
    }
}

/** A world as the scenarios see one. */
class RealStage(private val world: World) : Stage {
    override val client: SupportClient = world.client()

    override suspend fun perform(step: String, arguments: JsonElement): JsonObject =
        world.act(JsonObject(mapOf(step to arguments)).toString())

    override suspend fun wait(round: Int): Boolean {
        delay(ROUND)
        return round < ROUNDS
    }

    private companion object {
        val ROUND = 25.milliseconds

        /** Ten seconds and something for a busy machine. */
        const val ROUNDS = 800
    }
}

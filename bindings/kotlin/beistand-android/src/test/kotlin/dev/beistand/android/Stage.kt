// Worlds with the real server, from the stage of `tests/stage`: what the calls mean stands in its README.

package dev.beistand.android

import org.json.JSONObject
import java.net.HttpURLConnection
import java.net.URI

/** The program, one for all tests of this process; it ends with its standard input. */
internal object Stage {
    val address: String by lazy {
        val program =
            checkNotNull(System.getProperty("beistand.stage")?.takeIf { it.isNotBlank() }) { "-Dbeistand.stage= names no program" }
        val process = ProcessBuilder(program).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val first = checkNotNull(process.inputStream.bufferedReader().readLine()) { "the stage said nothing" }
        first.removePrefix("stage ")
    }

    fun post(path: String, body: JSONObject): JSONObject = call("POST", path, body)

    fun call(method: String, path: String, body: JSONObject?): JSONObject {
        val connection = URI(address + path).toURL().openConnection() as HttpURLConnection
        connection.requestMethod = method
        if (body != null) {
            connection.doOutput = true
            connection.setRequestProperty("content-type", "application/json")
            connection.outputStream.use { it.write(body.toString().toByteArray()) }
        }
        val good = connection.responseCode in 200..299
        val text = (if (good) connection.inputStream else connection.errorStream)?.use { it.readBytes().decodeToString() }.orEmpty()
        check(good) { "$method $path: ${connection.responseCode} $text" }
        return if (text.isBlank()) JSONObject() else JSONObject(text)
    }
}

/** A world: a server, a network that breaks when told to, and an agent. */
internal class World : AutoCloseable {
    private val told = Stage.post("/worlds", JSONObject())
    val server: String = told.getString("server")
    val appKey: String = told.getString("app_key")
    private val path = "/worlds/" + told.getString("id")

    fun network(state: String) {
        act(JSONObject().put("network", state))
    }

    /** What the server has of a conversation. */
    fun messages(conversation: String): List<Stored> {
        val messages = act(JSONObject().put("server_messages", JSONObject().put("of", conversation))).getJSONArray("messages")
        return List(messages.length()) { index ->
            val message = messages.getJSONObject(index)
            Stored(message.optString("text"), message.optJSONArray("attachments")?.length() ?: 0)
        }
    }

    private fun act(step: JSONObject): JSONObject = Stage.post("$path/do", step)

    override fun close() {
        Stage.call("DELETE", path, null)
    }
}

/** A message as the server has it. */
internal data class Stored(val text: String, val files: Int)

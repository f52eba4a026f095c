// The app's code twice: against the fake, as an app's own tests do it, and against the real library and the real server.

package shop

import dev.beistand.MessageState
import dev.beistand.Timeline
import dev.beistand.testing.FakeSupport
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Path
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.time.Duration.Companion.seconds

class ShopTest {
    @Test
    fun `the app is tested with the fake alone`() = runTest {
        val fake = FakeSupport()
        val ticket = complain(fake.client)
        val seen = Channel<Timeline>(Channel.UNLIMITED)
        val showing = launch { show(ticket) { seen.trySend(it) } }
        fake.agent.replies("It arrives tomorrow.", after = 2.seconds)
        fake.clock.advance(2.seconds)
        do {
            val shown = seen.receive()
        } while (shown.messages.size < 2)
        assertEquals(listOf("It never came", "It arrives tomorrow."), ticket.timeline.value.messages.map { it.text })
        showing.cancel()
    }

    @Test
    fun `the fake needs no native library`() {
        // In a process of its own: another test may have loaded one here.
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val command = listOf(java, "-cp", System.getProperty("java.class.path"), "shop.ShopTestKt")
        val process = ProcessBuilder(command).redirectErrorStream(true).start()
        val said = process.inputStream.readAllBytes().decodeToString()
        assertEquals(0, process.waitFor(), said)
    }

    @Test
    fun `the same code has a conversation with the real server`(
        @TempDir folder: Path,
    ) = runBlocking {
        Stage().use { stage ->
            val support = support(stage.server, stage.appKey, folder)
            withTimeout(60.seconds) {
                val ticket = complain(support)
                val seen = Channel<Timeline>(Channel.UNLIMITED)
                val showing = launch { show(ticket) { seen.trySend(it) } }
                do {
                    val sent = seen.receive()
                } while (sent.messages.singleOrNull()?.state !in ARRIVED)
                stage.act("""{"agent_replies": {"to": "${ticket.id.value}", "text": "It arrives tomorrow."}}""")
                do {
                    val shown = seen.receive()
                } while (shown.messages.size < 2)
                assertEquals(listOf("It never came", "It arrives tomorrow."), ticket.timeline.value.messages.map { it.text })
                showing.cancel()
            }
            support.shutdown()
        }
    }

    private companion object {
        val ARRIVED = setOf(MessageState.Sent, MessageState.Delivered, MessageState.Read)
    }
}

/** The fake in a process of its own: fails if a native library of Beistand or of JNA was loaded for it. */
fun main() = runBlocking {
    complain(FakeSupport().client)
    // Where a process does not tell what it has loaded, there is nothing to look at.
    val maps = File("/proc/self/maps").takeIf { it.exists() }?.readText().orEmpty()
    assertFalse("libbeistand" in maps || "jnidispatch" in maps, "the fake has loaded something native")
}

/** A world of `tests/stage`: a real server of its own. */
private class Stage : AutoCloseable {
    private val process = ProcessBuilder(System.getProperty("beistand.stage")).redirectError(ProcessBuilder.Redirect.INHERIT).start()
    private val address = process.inputStream.bufferedReader().readLine().removePrefix("stage ")
    private val told = post("/worlds", "{}")
    val server = member("server")
    val appKey = member("app_key")

    fun act(step: String) = post("/worlds/${member("id")}/do", step)

    private fun member(name: String) = checkNotNull(Regex("\"$name\":\\s*\"?([^\",}]*)").find(told)).groupValues[1]

    private fun post(path: String, body: String): String {
        val request = HttpRequest.newBuilder(URI(address + path)).header("content-type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)).build()
        val answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString())
        check(answer.statusCode() / 100 == 2) { "$path: ${answer.statusCode()} ${answer.body()}" }
        return answer.body()
    }

    /** The stage ends with its standard input. */
    override fun close() = process.outputStream.close()
}

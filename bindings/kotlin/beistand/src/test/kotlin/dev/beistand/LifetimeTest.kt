// Handles, threads, cancellation and the end: nothing stays behind, nothing hurts, and a call too late says so.

package dev.beistand

import dev.beistand.internal.ffi.liveHandles
import dev.beistand.scenarios.World
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

class LifetimeTest {
    @Test
    fun `a thousand subscriptions leave no handle and no thread`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        ticket.timeline.awaits { it.loaded }
        val (handles, threads) = liveHandles() to Thread.activeCount()
        repeat(THOUSAND) { round ->
            when (round % 4) {
                0 -> ticket.timeline.awaits { it.loaded }
                1 -> client.conversations.get(ticket.id).timeline.awaits { it.loaded }
                2 -> client.conversations.list.awaits { it.loaded }
                else -> client.connection.first()
            }
        }
        eventually("handles are let go: ${liveHandles()} after $handles") { liveHandles() <= handles }
        assertTrue(Thread.activeCount() <= threads + FEW, "${Thread.activeCount()} threads after $threads")
    }

    @Test
    fun `many collectors of one timeline are one handle`() = inWorld { world ->
        val ticket = world.client().opened()
        ticket.timeline.awaits { it.loaded }
        eventually("nobody looks any more") { liveHandles() == liveHandlesOfAClient() }
        val before = liveHandles()
        val looking = List(20) { launch { ticket.timeline.collect {} } }
        eventually("one handle is there") { liveHandles() == before + 1 }
        looking.drop(1).forEach { it.cancelAndJoin() }
        delay(100.milliseconds)
        assertEquals(before + 1, liveHandles())
        looking.first().cancelAndJoin()
        eventually("it is gone with the last one") { liveHandles() == before }
    }

    private var known = -1L

    /** What is left once nothing is watched: found by waiting until it stands still. */
    private suspend fun liveHandlesOfAClient(): Long {
        if (known < 0) {
            delay(300.milliseconds)
            known = liveHandles()
        }
        return known
    }

    @Test
    fun `a call that is cancelled in the middle hurts nothing`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        repeat(60) { round ->
            val sending = launch { ticket.send("Round $round") }
            if (round % 3 != 0) delay((round % 5).milliseconds)
            sending.cancelAndJoin()
        }
        world.act("""{"network": {"slow_ms": 3000}}""")
        val syncing = launch { client.sync() }
        delay(50.milliseconds)
        withTimeout(2.seconds) { syncing.cancelAndJoin() }
        world.network("online")
        client.wake()
        val last = ticket.send("The last")
        assertEquals(FlushResult.Empty, client.outbox.flush(60.seconds))
        assertEquals(MessageState.Sent, ticket.message(last).state)
        // What was given up either happened or did not, and may have happened behind the next; nothing happened twice.
        val rounds = world.texts(ticket.id).filterNotNull().filter { it.startsWith("Round") }
        assertEquals(rounds.distinct(), rounds)
        assertTrue("The last" in world.texts(ticket.id))
    }

    @Test
    fun `a client that is closed while it is busy lets every call end`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        world.act("""{"network": {"slow_ms": 5000}}""")
        val looking = launch { ticket.timeline.collect {} }
        val busy = List(8) { index ->
            async {
                runCatching {
                    when (index % 4) {
                        0 -> client.sync()
                        1 -> client.outbox.flush(20.seconds)
                        2 -> ticket.awaitSent(ticket.timeline.awaits { it.loaded }.messages.first().id, 20.seconds)
                        else -> repeat(200) { ticket.send("Busy $it") }
                    }
                }
            }
        }
        delay(100.milliseconds)
        client.close()
        withTimeout(20.seconds) {
            busy.map { it.await().exceptionOrNull() }.forEach { failure ->
                if (failure != null && failure !is CancellationException) assertIs<SupportException>(failure)
            }
        }
        looking.cancelAndJoin()
    }

    @Test
    fun `after the end every call says so, and a flow keeps silent`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        val shown = ticket.timeline.awaits { it.loaded }
        client.shutdown()
        client.shutdown()
        client.close()
        val calls = listOf<suspend () -> Unit>(
            { client.opened() },
            { client.conversations.get(ticket.id) },
            { client.conversations.unread() },
            { ticket.send("x") },
            { ticket.info() },
            { ticket.loadEarlier() },
            { client.outbox.items() },
            { client.outbox.flush(1.seconds) },
            { client.attachments.fetch(AttachmentId("x")) },
            { client.faq.search("x") },
            { client.sync() },
            { client.settings() },
            { client.pause() },
            { client.resume() },
            { client.setPushToken(null) },
        )
        calls.forEach { failing(SupportErrorKind.ShutDown, "shut-down") { it() } }
        client.wake()
        ticket.setTyping(true)
        assertEquals(shown.messages.size, ticket.timeline.first().messages.size)
        assertEquals(0, ticket.typing.awaitsEnd())
    }

    private suspend fun kotlinx.coroutines.flow.Flow<*>.awaitsEnd(): Int {
        var count = 0
        try {
            withTimeout(5.seconds) { collect { count++ } }
        } catch (failure: SupportException) {
            assertEquals(SupportErrorKind.ShutDown, failure.kind)
        }
        return count
    }

    @Test
    fun `the folder of a client that has ended is free, and holds what was written`() = inWorld { world ->
        val config = world.config
        val first = world.client(config)
        val ticket = first.opened()
        val second = world.client(config)
        failing(SupportErrorKind.FolderInUse) { second.conversations.unread() }
        first.shutdown()
        assertEquals(ticket.id, second.conversations.get(ticket.id).id)
    }

    @Test
    fun `two clients in one process know nothing of each other`() = inWorld { world ->
        World().use { elsewhere ->
            val (here, there) = world.client() to elsewhere.client()
            val tickets = List(2) { listOf(here, there)[it].opened("Subject $it", "Text $it") }
            assertEquals(FlushResult.Empty, here.outbox.flush(20.seconds))
            assertEquals(FlushResult.Empty, there.outbox.flush(20.seconds))
            failing(SupportErrorKind.NotFound) { here.conversations.get(tickets[1].id) }
            here.shutdown()
            tickets[1].send("Still here")
            assertEquals(FlushResult.Empty, there.outbox.flush(20.seconds))
            assertEquals(listOf("Text 1", "Still here"), elsewhere.texts(tickets[1].id))
        }
    }

    @Test
    fun `calls from many threads before the first use make one client`() = inWorld { world ->
        val client = world.client()
        List(32) { index -> launch { if (index % 2 == 0) client.conversations.unread() else client.settings() } }.joinAll()
        assertEquals(0, client.conversations.unread())
    }

    private companion object {
        const val THOUSAND = 1_000

        /** Workers of coroutines come and go. */
        const val FEW = 8
    }
}

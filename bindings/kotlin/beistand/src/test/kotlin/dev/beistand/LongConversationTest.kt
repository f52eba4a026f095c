// Ten thousand messages: a window, more when asked, and differences that copy nothing.

package dev.beistand

import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Test
import java.util.concurrent.atomic.AtomicReference
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.seconds

class LongConversationTest {
    @Test
    fun `a long history is a window that widens, and a receipt changes one message`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        val own = ticket.timeline.awaits { timeline -> timeline.messages.any { it.seq != null } }.messages.single()
        world.fill(ticket.id, MESSAGES)
        val mine = AtomicReference(own)
        val looking = launch { ticket.timeline.onEach { shown -> shown.messages.find { it.id == own.id }?.let(mine::set) }.collect {} }
        val window = ticket.timeline.awaits { it.messages.lastOrNull()?.text == "Line $MESSAGES" }
        assertEquals(WINDOW, window.messages.size)
        assertTrue(window.hasEarlier)
        ticket.loadEarlier(count = 7)
        assertEquals("Line ${MESSAGES - WINDOW - 6}", ticket.timeline.awaits { it.messages.size == WINDOW + 7 }.messages.first().text)
        while (ticket.timeline.value.hasEarlier) {
            val before = ticket.timeline.value.messages.size
            ticket.loadEarlier(count = 100)
            ticket.timeline.awaits { it.messages.size > before || !it.hasEarlier }
        }
        val all = ticket.timeline.awaits { it.messages.size == MESSAGES + 1 }
        assertEquals((1..MESSAGES).map { "Line $it" }, all.messages.drop(1).map { it.text })
        world.act("""{"agent_reads": {"of": "${ticket.id.value}"}}""")
        val read = ticket.timeline.awaits { it.messages.first().state == MessageState.Read }
        assertEquals(all.messages.size, read.messages.size)
        val changed = all.messages.indices.filter { all.messages[it] !== read.messages[it] }
        assertEquals(listOf(0), changed, "a receipt has replaced other messages")
        ticket.send("A new one")
        val longer = ticket.timeline.awaits { it.messages.last().text == "A new one" }
        assertTrue(longer.messages.size >= MESSAGES + 1)
        assertTrue(
            longer.messages.dropLast(1).takeLast(MESSAGES / 2).all { message ->
                read.messages.any { it === message } ||
                    message.seq == null
            },
        )
        client.outbox.flush(20.seconds)
        looking.cancelAndJoin()
    }

    private companion object {
        const val MESSAGES = 10_000
        const val WINDOW = 50
    }
}

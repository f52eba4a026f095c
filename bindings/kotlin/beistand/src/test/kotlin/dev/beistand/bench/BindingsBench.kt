// How long it takes until Kotlin has what the core has: printed beside what is aimed at, asserted nowhere. Run by
// `cargo xtask bench bindings` with the native library, a stage and the class path of this module's tests.

package dev.beistand.bench

import dev.beistand.Beistand
import dev.beistand.Conversation
import dev.beistand.TicketDraft
import dev.beistand.Timeline
import dev.beistand.internal.Window
import dev.beistand.internal.ffi.FfiAuthor
import dev.beistand.internal.ffi.FfiConverterTypeFfiTimelineBatch
import dev.beistand.internal.ffi.FfiDifference
import dev.beistand.internal.ffi.FfiMessage
import dev.beistand.internal.ffi.FfiMessageBody
import dev.beistand.internal.ffi.FfiMessageState
import dev.beistand.internal.ffi.FfiTimelineBatch
import dev.beistand.scenarios.World
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.nio.ByteBuffer
import java.util.Locale
import kotlin.time.Duration.Companion.seconds

internal object BindingsBench {
    private const val THOUSAND = 1_000
    private const val ROUNDS = 60

    @JvmStatic
    fun main(arguments: Array<String>) {
        World().use { world ->
            constructor(world)
            lifting()
            runBlocking(Dispatchers.Default) { whole(world) }
        }
        System.exit(0)
    }

    private fun constructor(world: World) {
        val config = world.config
        repeat(THOUSAND) { Beistand(config) }
        print("constructor", median { timed { Beistand(config) } }, aim = 1.0)
    }

    /** From the bytes that the library hands over to the list that an app sees. */
    private fun lifting() {
        val thousand =
            bytes(FfiTimelineBatch(listOf(FfiDifference.Reset(List(THOUSAND) { message(it, FfiMessageState.Sent) })), true, true))
        val receipt = bytes(
            FfiTimelineBatch(
                listOf(FfiDifference.Update((THOUSAND - 1).toUInt(), message(THOUSAND - 1, FfiMessageState.Read))),
                true,
                true,
            ),
        )
        val window = Window()
        print("1,000 messages, from bytes to the list", median { timed { window.after(lifted(thousand)) } }, aim = 20.0)
        print("one receipt in 1,000 messages, from bytes to the list", median { timed { window.after(lifted(receipt)) } }, aim = 0.2)
    }

    private fun bytes(batch: FfiTimelineBatch): ByteArray {
        val room = ByteBuffer.allocate(FfiConverterTypeFfiTimelineBatch.allocationSize(batch).toInt())
        FfiConverterTypeFfiTimelineBatch.write(batch, room)
        return room.array().copyOf(room.position())
    }

    private fun lifted(bytes: ByteArray) = FfiConverterTypeFfiTimelineBatch.read(ByteBuffer.wrap(bytes))

    private fun message(number: Int, state: FfiMessageState) = FfiMessage(
        id = "0190a0a0-0000-7000-8000-%012d".format(number),
        conversation = "0190a0a0-0000-7000-8000-000000000000",
        seq = number.toULong(),
        author = FfiAuthor.Agent("0190a0a0-0000-7000-8000-0000000000a1", "Deniz"),
        body = FfiMessageBody.Text("A message as long as most of them are, which is a line or two on a phone. $number"),
        attachments = emptyList(),
        state = state,
        changePending = false,
        edited = false,
        createdAt = 1_790_000_000_000 + number,
    )

    /** The same with everything below: the core's own read of the disk, the way through the library, the collector. */
    private suspend fun whole(world: World) {
        val client = world.client()
        val ticket = client.conversations.open(TicketDraft("Bench", "How long does it take?"))
        client.outbox.flush(30.seconds)
        world.fill(ticket.id, THOUSAND)
        client.sync()
        print(
            "window of 50, from subscribing to the collector",
            median {
                timed { loaded(client.conversations.get(ticket.id)) }
            },
            aim = 2.0,
        )
        world.network("offline")
        val message = ticket.send("Changed often")
        val looking = ticket.timeline
        runBlocking(Dispatchers.Default) {
            val held = launch { looking.collect {} }
            looking.first { shown -> shown.messages.any { it.id == message } }
            var round = 0
            val times = List(ROUNDS) {
                val text = "Changed ${++round}"
                timed {
                    ticket.edit(message, text)
                    looking.first { it.messages.last().text == text }
                }
            }
            print("one change, from the call over the disk to the collector", times.sorted()[ROUNDS / 2], aim = null)
            held.cancelAndJoin()
        }
    }

    private suspend fun loaded(ticket: Conversation): Timeline = ticket.timeline.first { it.loaded }

    private inline fun median(once: () -> Double): Double {
        repeat(ROUNDS) { once() }
        return List(ROUNDS) { once() }.sorted()[ROUNDS / 2]
    }

    private inline fun timed(work: () -> Unit): Double {
        val begin = System.nanoTime()
        work()
        return (System.nanoTime() - begin) / 1e6
    }

    private fun print(name: String, milliseconds: Double, aim: Double?) {
        val aimed = if (aim == null) "" else "aim %.1f ms".format(Locale.ROOT, aim)
        println("%-58s %9.4f ms   %s".format(Locale.ROOT, name, milliseconds, aimed).trimEnd())
    }
}

// What an app may do to the client without meaning to: files that vanish, streams that break or block, a log that calls
// back, throws or sleeps.

package dev.beistand

import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test
import java.io.File
import java.io.FilterInputStream
import java.io.IOException
import java.io.InputStream
import java.io.RandomAccessFile
import java.nio.file.Files
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

class HostileHostTest {
    @Test
    fun `a hundred megabytes by path are taken in without being held`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        world.network("offline")
        val large = world.folder().resolve("video.bin")
        RandomAccessFile(large.toFile(), "rw").use { it.setLength(HUNDRED_MEGABYTES) }
        val before = peak()
        val message = ticket.send(MessageDraft("", listOf(AttachmentSource.path(large))))
        assertEquals(HUNDRED_MEGABYTES, ticket.message(message).attachments.single().size)
        assertTrue(peak() - before < MOST_OF_IT, "${peak() - before} bytes more were needed")
        Files.delete(large)
        assertEquals(AttachmentState.Waiting, ticket.message(message).attachments.single().state)
        RandomAccessFile(large.toFile(), "rw").use { it.setLength(HUNDRED_MEGABYTES + 1) }
        val tooLarge = MessageDraft("", listOf(AttachmentSource.path(large)))
        failing(SupportErrorKind.InvalidInput, "attachment-too-large") { ticket.send(tooLarge) }
    }

    @Test
    fun `a large stream passes through in pieces`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        world.network("offline")
        val before = peak()
        val source = AttachmentSource.stream("stream.bin") { Zeros(STREAM) }
        val message = ticket.send(MessageDraft("", listOf(source)))
        assertEquals(STREAM, ticket.message(message).attachments.single().size)
        assertTrue(peak() - before < MOST_OF_IT, "${peak() - before} bytes more were needed")
    }

    /** The most memory that this process has had, in bytes. */
    private fun peak(): Long = Files.readAllLines(java.nio.file.Path.of("/proc/self/status"))
        .first { it.startsWith("VmHWM") }.filter { it.isDigit() }.toLong() * 1024

    private class Zeros(private var left: Long) : InputStream() {
        override fun read(): Int = if (left-- > 0) 0 else -1

        override fun read(into: ByteArray, at: Int, length: Int): Int {
            if (left <= 0) return -1
            val read = minOf(left, length.toLong()).toInt()
            left -= read
            return read
        }
    }

    @Test
    fun `a file that is gone and a stream that breaks are unreadable, and nothing is stored`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        val gone = AttachmentSource.path(world.folder().resolve("gone.txt"))
        val unreadable = failing(SupportErrorKind.Unreadable, "unreadable") { ticket.send(MessageDraft("x", listOf(gone))) }
        assertTrue("gone.txt" !in unreadable.detail, "the name of a person's file is in an error")
        val folder = AttachmentSource.path(world.folder())
        failing(SupportErrorKind.Unreadable) { ticket.send(MessageDraft("x", listOf(folder))) }
        val breaks = AttachmentSource.stream("half.bin") {
            object : FilterInputStream(Zeros(10_000_000)) {
                private var read = 0

                override fun read(into: ByteArray, at: Int, length: Int): Int {
                    if (read > 1_000_000) throw IOException("the other app has gone")
                    return super.read(into, at, length).also { read += it }
                }
            }
        }
        failing(SupportErrorKind.Unreadable) { ticket.send(MessageDraft("x", listOf(breaks))) }
        val never = AttachmentSource.stream("never.bin") { error("no such content") }
        failing(SupportErrorKind.Unreadable) { ticket.send(MessageDraft("x", listOf(never))) }
        assertEquals(1, ticket.timeline.awaits { it.loaded }.messages.size)
    }

    @Test
    fun `a stream that blocks for ever lets its call be cancelled`() = inWorld { world ->
        val ticket = world.client().opened()
        val free = CountDownLatch(1)
        val blocks = AttachmentSource.stream("blocks.bin") {
            object : InputStream() {
                override fun read(): Int {
                    free.await()
                    return -1
                }
            }
        }
        val sending = launch { ticket.send(MessageDraft("x", listOf(blocks))) }
        delay(200.milliseconds)
        withTimeout(5.seconds) { sending.cancelAndJoin() }
        free.countDown()
        ticket.send("Afterwards")
        eventually("the next message is there") { ticket.timeline.awaits { it.loaded }.messages.any { it.text == "Afterwards" } }
    }

    @Test
    fun `a log that calls the client, throws and is slow does no harm`() = inWorld { world ->
        val called = AtomicInteger()
        val inside = AtomicBoolean(false)
        val overlaps = AtomicInteger()
        var client: SupportClient? = null
        val log = SupportLog { _, _, message ->
            if (!inside.compareAndSet(false, true)) overlaps.incrementAndGet()
            if (called.incrementAndGet() < 20) runBlocking { client?.conversations?.unread() }
            inside.set(false)
            error("the log has failed at a line of ${message.length} characters")
        }
        client = world.client(world.config.copy(log = log))
        val ticket = client.opened()
        world.network("offline")
        ticket.send("Unseen")
        client.wake()
        eventually("lines were told") { called.get() > 0 }
        world.network("online")
        client.wake()
        assertEquals(FlushResult.Empty, client.outbox.flush(60.seconds))
        assertEquals(0, overlaps.get(), "lines came at the same time")
        assertTrue(LOG_THREAD in threads() || !TASKS.isDirectory, "the thread of the log has another name")
        client.shutdown()
        // What waited is still told; the library's thread ends with it.
        eventually("the log's thread ends") { LOG_THREAD !in threads() }
        val after = called.get()
        world.client().opened()
        assertEquals(after, called.get(), "a client that has ended still logs")
    }

    @Test
    fun `an observer that is slow or throws does not stop the others`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        val slow = launch { ticket.timeline.collect { delay(10.seconds) } }
        val broken = launch { runCatching { ticket.timeline.collect { error("the screen has failed") } } }
        assertEquals(FlushResult.Empty, client.outbox.flush(20.seconds))
        world.replies(ticket.id, "Hello")
        assertEquals("Hello", ticket.timeline.awaits { it.messages.size == 2 }.messages.last().text)
        slow.cancelAndJoin()
        broken.join()
    }

    /** Those of the process by the names that Linux knows, the library's among them. */
    private fun threads(): List<String> = TASKS.listFiles().orEmpty()
        .mapNotNull { task -> runCatching { File(task, "comm").readText().trim() }.getOrNull() }

    private companion object {
        val TASKS = File("/proc/self/task")
        const val LOG_THREAD = "beistand-log"
        const val HUNDRED_MEGABYTES = 100_000_000L
        const val STREAM = 100_000_000L

        /** Far below the size of the file. */
        const val MOST_OF_IT = 60_000_000L
    }
}

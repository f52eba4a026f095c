// Outbox and files of the fake.

package dev.beistand.testing

import dev.beistand.AttachmentId
import dev.beistand.Attachments
import dev.beistand.FlushResult
import dev.beistand.OperationId
import dev.beistand.Outbox
import dev.beistand.OutboxItem
import dev.beistand.OutboxState
import dev.beistand.SupportErrorKind
import dev.beistand.Transfer
import kotlinx.coroutines.flow.StateFlow
import java.nio.file.Files
import java.nio.file.Path
import kotlin.time.Duration
import kotlin.time.toJavaDuration

internal class FakeOutbox(private val world: World) : Outbox {
    private val phone = world.phone

    override suspend fun items(): List<OutboxItem> = world.act {
        phone.check()
        phone.rows.filter { it.visible && it.identity === phone.identity }.map {
            OutboxItem(it.id, it.kind, it.conversation, it.message, it.state, it.attempts, it.createdAt)
        }
    }

    private fun row(id: OperationId): Row {
        phone.check()
        return phone.rows.find { it.id == id } ?: fail(SupportErrorKind.NotFound, "local-not-found", "there is no such outbox item")
    }

    override suspend fun retry(id: OperationId): Unit = world.act {
        val row = row(id)
        if (row.state != OutboxState.Sending) row.state = OutboxState.Queued
        row.dueAt = world.now
    }

    override suspend fun discard(id: OperationId): Unit = world.act { FakeConversation.giveUp(phone, row(id)) }

    override suspend fun flush(within: Duration): FlushResult {
        val end = world.act {
            phone.check()
            phone.wake()
            world.now.plus(within.toJavaDuration())
        }
        while (true) {
            settled()?.let { return it }
            if (!world.step(end)) {
                return settled()
                    ?: FlushResult.TimedOut(world.look { phone.rows.count { it.state !is OutboxState.Wedged } })
            }
        }
    }

    /** What nothing more can come of without the person; `null` while something is on its way. */
    private fun settled(): FlushResult? = world.look {
        val wedged = phone.rows.filter { it.state is OutboxState.Wedged }
        val lanes = wedged.map { it.lane }.toSet()
        val (held, free) = phone.rows.filter { it.state !is OutboxState.Wedged }.partition { it.lane in lanes }
        when {
            free.isNotEmpty() -> null
            wedged.isEmpty() -> FlushResult.Empty
            else -> FlushResult.Wedged(wedged.size, held.size)
        }
    }
}

internal class FakeAttachments(private val world: World) : Attachments {
    private val folder: Path by lazy {
        Files.createTempDirectory("beistand-fake").also { it.toFile().deleteOnExit() }
    }

    override suspend fun fetch(id: AttachmentId): Path = world.act {
        world.phone.check()
        val file = find(id) ?: fail(SupportErrorKind.NotFound, "local-not-found", "there is no such file on this phone")
        world.phone.fetched[id.value] ?: run {
            if (!world.link.online && !isOwn(id)) fail(SupportErrorKind.Unreachable, "unreachable", "the server could not be reached")
            val path = folder.resolve(id.value)
            Files.write(path, file.bytes)
            path.toFile().deleteOnExit()
            world.phone.fetched[id.value] = path
            path
        }
    }

    override suspend fun thumbnail(id: AttachmentId): Path {
        world.act { world.phone.check() }
        fail(SupportErrorKind.NotFound, "local-not-found", "the fake makes no small pictures")
    }

    override fun progress(id: AttachmentId): StateFlow<Transfer> = Look(world, Transfer(), listens = false) {
        val size = find(id)?.bytes?.size?.toLong() ?: 0
        val row = world.phone.rows.find { row -> row.files.any { it.id == id } }
        Transfer(done = if (row == null) size else 0, total = size, active = row?.state == OutboxState.Sending)
    }

    private fun isOwn(id: AttachmentId) = world.phone.known.values.any { known ->
        known.echoes.values.any { echo -> echo.files.any { it.id == id } } ||
            known.messages.any { message -> message.author == dev.beistand.Author.Person && message.files.any { it.id == id } }
    }

    private fun find(id: AttachmentId): StoredFile? = world.phone.known.values.firstNotNullOfOrNull { known ->
        known.echoes.values.firstNotNullOfOrNull { echo -> echo.files.find { it.id == id } }
            ?: known.messages.firstNotNullOfOrNull { message -> message.files.find { it.id == id } }
    }
}

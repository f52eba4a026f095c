// What the phone knows, as an app sees it; pure.

package dev.beistand.testing

import dev.beistand.Attachment
import dev.beistand.AttachmentState
import dev.beistand.Author
import dev.beistand.ConversationInfo
import dev.beistand.Message
import dev.beistand.MessageBody
import dev.beistand.MessageId
import dev.beistand.MessageState
import dev.beistand.OutboxState
import dev.beistand.Timeline

internal object Views {
    fun info(known: Known): ConversationInfo {
        val newest = known.echoes.values.lastOrNull()?.text
            ?: known.messages.lastOrNull()?.let {
                if (it.retracted ||
                    it.id in known.pendingRetractions
                ) {
                    ""
                } else {
                    known.pendingTexts[it.id] ?: it.text
                }
            }
        return ConversationInfo(
            id = known.id,
            subject = known.ticket.subject,
            category = known.ticket.category,
            priority = known.ticket.priority,
            fields = known.ticket.fields,
            status = known.status,
            assignee = World.AGENT.takeIf { known.taken },
            unread = known.messages.count { it.author != Author.Person && it.seq > known.readUpTo && !it.retracted },
            atServer = known.atServer,
            createdAt = known.createdAt,
            updatedAt = known.updatedAt,
            preview = newest.orEmpty(),
        )
    }

    fun retracted(known: Known, id: MessageId): Boolean =
        id in known.pendingRetractions || known.messages.any { it.id == id && it.retracted }

    fun timeline(phone: Phone, known: Known, window: Int): Timeline {
        val hidden = known.messages.size + known.echoes.size - window
        val from = hidden.coerceIn(0, known.messages.size)
        val earlier = from > 0
        return Timeline(loaded = true, messages(phone, known, from), earlier, earlier)
    }

    fun messages(phone: Phone, known: Known, from: Int = 0): List<Message> {
        val rows = phone.rows.filter { it.message != null }.groupBy { it.message }
        val sent = known.messages.subList(from, known.messages.size).map { sent(phone, known, it, rows[it.id].orEmpty()) }
        return sent + known.echoes.values.map { echo(known, it, rows[it.id].orEmpty()) }
    }

    private fun sent(phone: Phone, known: Known, message: DeskMessage, rows: List<Row>): Message {
        val pendingText = known.pendingTexts[message.id]
        val retracting = message.id in known.pendingRetractions
        val mine = message.author == Author.Person
        val retracted = retracting || message.retracted
        val state = when {
            !mine -> MessageState.Received
            else -> wedged(rows) ?: if (message.seq <= known.agentsRead) MessageState.Read else MessageState.Sent
        }
        return Message(
            id = message.id,
            conversation = known.id,
            seq = message.seq,
            author = message.author,
            body = if (retracted) MessageBody.Retracted else MessageBody.Text(pendingText ?: message.text),
            attachments = if (retracted) emptyList() else message.files.map { attachment(it, mine || it.id.value in phone.fetched) },
            state = state,
            changePending = pendingText != null || retracting,
            edited = message.edited,
            createdAt = message.createdAt,
        )
    }

    private fun echo(known: Known, echo: Echo, rows: List<Row>): Message {
        val sending = rows.any { it.state == OutboxState.Sending }
        return Message(
            id = echo.id,
            conversation = known.id,
            seq = null,
            author = Author.Person,
            body = MessageBody.Text(known.pendingTexts[echo.id] ?: echo.text),
            attachments = echo.files.map {
                attachment(it, here = false).copy(state = if (sending) AttachmentState.Uploading else AttachmentState.Waiting)
            },
            state = wedged(rows) ?: if (sending) MessageState.Sending else MessageState.Queued,
            changePending = echo.id in known.pendingTexts,
            edited = false,
            createdAt = echo.createdAt,
        )
    }

    private fun wedged(rows: List<Row>): MessageState? =
        rows.firstNotNullOfOrNull { it.state as? OutboxState.Wedged }?.let { MessageState.Wedged(it.code) }

    private fun attachment(file: StoredFile, here: Boolean) = Attachment(
        id = file.id,
        name = file.name,
        mediaType = file.mediaType,
        size = file.bytes.size.toLong(),
        state = if (here) AttachmentState.Here else AttachmentState.Remote,
    )
}

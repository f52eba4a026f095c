// From the generated records to the models of the façade, and back for what goes in.

package dev.beistand.internal

import dev.beistand.Agent
import dev.beistand.Alignment
import dev.beistand.Article
import dev.beistand.ArticleEntry
import dev.beistand.ArticleId
import dev.beistand.Attachment
import dev.beistand.AttachmentId
import dev.beistand.AttachmentState
import dev.beistand.Author
import dev.beistand.Block
import dev.beistand.Category
import dev.beistand.CollectionId
import dev.beistand.Connection
import dev.beistand.ConversationId
import dev.beistand.ConversationInfo
import dev.beistand.ConversationStatus
import dev.beistand.FaqCollection
import dev.beistand.FaqHit
import dev.beistand.FaqStatus
import dev.beistand.FieldDefinition
import dev.beistand.FieldKind
import dev.beistand.FieldValue
import dev.beistand.FlushResult
import dev.beistand.Limits
import dev.beistand.Message
import dev.beistand.MessageBody
import dev.beistand.MessageId
import dev.beistand.MessageState
import dev.beistand.OperationId
import dev.beistand.OperationKind
import dev.beistand.OutboxItem
import dev.beistand.OutboxState
import dev.beistand.Picture
import dev.beistand.Priority
import dev.beistand.Span
import dev.beistand.SupportEvent
import dev.beistand.SupportSettings
import dev.beistand.Target
import dev.beistand.Transfer
import dev.beistand.internal.ffi.FfiAlignment
import dev.beistand.internal.ffi.FfiArticle
import dev.beistand.internal.ffi.FfiArticleEntry
import dev.beistand.internal.ffi.FfiAttachment
import dev.beistand.internal.ffi.FfiAttachmentState
import dev.beistand.internal.ffi.FfiAuthor
import dev.beistand.internal.ffi.FfiBlock
import dev.beistand.internal.ffi.FfiCollection
import dev.beistand.internal.ffi.FfiConnection
import dev.beistand.internal.ffi.FfiConversation
import dev.beistand.internal.ffi.FfiEvent
import dev.beistand.internal.ffi.FfiFaqStatus
import dev.beistand.internal.ffi.FfiFieldKind
import dev.beistand.internal.ffi.FfiFieldValue
import dev.beistand.internal.ffi.FfiFlushOutcome
import dev.beistand.internal.ffi.FfiHighlight
import dev.beistand.internal.ffi.FfiHit
import dev.beistand.internal.ffi.FfiMessage
import dev.beistand.internal.ffi.FfiMessageBody
import dev.beistand.internal.ffi.FfiMessageState
import dev.beistand.internal.ffi.FfiOperationKind
import dev.beistand.internal.ffi.FfiOutboxItem
import dev.beistand.internal.ffi.FfiOutboxState
import dev.beistand.internal.ffi.FfiPicture
import dev.beistand.internal.ffi.FfiPriority
import dev.beistand.internal.ffi.FfiSettings
import dev.beistand.internal.ffi.FfiSpan
import dev.beistand.internal.ffi.FfiStatus
import dev.beistand.internal.ffi.FfiTarget
import dev.beistand.internal.ffi.FfiTransfer
import java.time.Instant

/** A count of things on a phone: fits, or is as many as can be said. */
internal fun ULong.count(): Int = coerceAtMost(Int.MAX_VALUE.toULong()).toInt()

private fun instant(millis: Long): Instant = Instant.ofEpochMilli(millis)

internal fun FfiMessage.translated(): Message = Message(
    id = MessageId(id),
    conversation = ConversationId(conversation),
    seq = seq?.toLong(),
    author = author.translated(),
    body = when (val body = body) {
        is FfiMessageBody.Text -> MessageBody.Text(body.text)
        is FfiMessageBody.Retracted -> MessageBody.Retracted
        is FfiMessageBody.Unsupported -> MessageBody.Unsupported(body.kind, body.raw)
    },
    attachments = attachments.map { it.translated() },
    state = when (val state = state) {
        is FfiMessageState.Queued -> MessageState.Queued
        is FfiMessageState.Sending -> MessageState.Sending
        is FfiMessageState.Sent -> MessageState.Sent
        is FfiMessageState.Delivered -> MessageState.Delivered
        is FfiMessageState.Read -> MessageState.Read
        is FfiMessageState.Wedged -> MessageState.Wedged(state.code)
        is FfiMessageState.Received -> MessageState.Received
    },
    changePending = changePending,
    edited = edited,
    createdAt = instant(createdAt),
)

internal fun FfiAuthor.translated(): Author = when (this) {
    is FfiAuthor.Person -> Author.Person
    is FfiAuthor.Agent -> Author.Agent(id, name)
    is FfiAuthor.System -> Author.System
    is FfiAuthor.Unknown -> Author.Unknown
}

private fun FfiAttachment.translated() = Attachment(
    id = AttachmentId(id),
    name = name,
    mediaType = mediaType,
    size = size.toLong(),
    width = dimensions?.width?.toInt(),
    height = dimensions?.height?.toInt(),
    thumbnailWidth = thumbnail?.width?.toInt(),
    thumbnailHeight = thumbnail?.height?.toInt(),
    state = when (state) {
        FfiAttachmentState.WAITING -> AttachmentState.Waiting
        FfiAttachmentState.UPLOADING -> AttachmentState.Uploading
        FfiAttachmentState.HERE -> AttachmentState.Here
        FfiAttachmentState.REMOTE -> AttachmentState.Remote
        FfiAttachmentState.SCANNING -> AttachmentState.Scanning
        FfiAttachmentState.BLOCKED -> AttachmentState.Blocked
    },
)

internal fun FfiConversation.translated(): ConversationInfo = ConversationInfo(
    id = ConversationId(id),
    subject = subject,
    category = category,
    priority = when (priority) {
        FfiPriority.LOW -> Priority.Low
        FfiPriority.NORMAL -> Priority.Normal
        FfiPriority.HIGH -> Priority.High
        FfiPriority.URGENT -> Priority.Urgent
    },
    fields = fields.mapValues { (_, value) ->
        when (value) {
            is FfiFieldValue.Flag -> FieldValue.Bool(value.value)
            is FfiFieldValue.Number -> FieldValue.Number(value.value)
            is FfiFieldValue.Text -> FieldValue.Text(value.value)
        }
    },
    status = when (status) {
        FfiStatus.OPEN -> ConversationStatus.Open
        FfiStatus.PENDING -> ConversationStatus.Pending
        FfiStatus.SOLVED -> ConversationStatus.Solved
        FfiStatus.CLOSED -> ConversationStatus.Closed
    },
    assignee = assignee?.let { Agent(it.id, it.name) },
    unread = unread.count(),
    atServer = atServer,
    createdAt = instant(createdAt),
    updatedAt = instant(updatedAt),
    preview = preview,
)

internal fun Priority.lowered(): FfiPriority = when (this) {
    Priority.Low -> FfiPriority.LOW
    Priority.Normal -> FfiPriority.NORMAL
    Priority.High -> FfiPriority.HIGH
    Priority.Urgent -> FfiPriority.URGENT
}

internal fun FieldValue.lowered(): FfiFieldValue = when (this) {
    is FieldValue.Text -> FfiFieldValue.Text(value)
    is FieldValue.Number -> FfiFieldValue.Number(value)
    is FieldValue.Bool -> FfiFieldValue.Flag(value)
}

internal fun FfiConnection.translated(): Connection = when (this) {
    FfiConnection.IDLE -> Connection.Idle
    FfiConnection.OFFLINE -> Connection.Offline
    FfiConnection.ONLINE -> Connection.Online
}

internal fun FfiTransfer.translated() = Transfer(done.toLong(), total.toLong(), active)

internal fun FfiEvent.translated(): SupportEvent = when (this) {
    is FfiEvent.DatabaseRecovered -> SupportEvent.DatabaseRecovered(movedTo, outboxRows.toLong(), messages.toLong())
    is FfiEvent.UpdateRequired -> SupportEvent.UpdateRequired
    is FfiEvent.UnknownApp -> SupportEvent.UnknownApp
    is FfiEvent.CredentialRefused -> SupportEvent.CredentialRefused
    is FfiEvent.HistoryChanged -> SupportEvent.HistoryChanged(requeued.toLong())
    is FfiEvent.Wedged -> SupportEvent.Wedged(ConversationId(conversation), code)
    is FfiEvent.LoginConfirmed -> SupportEvent.LoginConfirmed
    is FfiEvent.LoginRefused -> SupportEvent.LoginRefused(code)
    is FfiEvent.LoginLost -> SupportEvent.LoginLost
    is FfiEvent.LeftUnsent -> SupportEvent.LeftUnsent(discarded.toLong())
    is FfiEvent.FaqRefused -> SupportEvent.FaqRefused(code)
    is FfiEvent.FaqRebuilt -> SupportEvent.FaqRebuilt
    is FfiEvent.TaskFailed -> SupportEvent.TaskFailed(task)
    is FfiEvent.Missed -> SupportEvent.Other("missed")
    is FfiEvent.Other -> SupportEvent.Other("other")
}

internal fun FfiSettings.translated() = SupportSettings(
    categories = categories.map { Category(it.id, it.label) },
    fields = fields.map { field ->
        val kind = when (field.kind) {
            FfiFieldKind.TEXT -> FieldKind.Text
            FfiFieldKind.NUMBER -> FieldKind.Number
            FfiFieldKind.CHOICE -> FieldKind.Choice
            FfiFieldKind.DATE -> FieldKind.Date
            FfiFieldKind.FLAG -> FieldKind.Bool
        }
        FieldDefinition(field.key, kind, field.label, field.required, field.choices, field.maxChars?.toInt())
    },
    limits = Limits(
        textChars = limits.textChars.toInt(),
        subjectChars = limits.subjectChars.toInt(),
        fieldChars = limits.fieldChars.toInt(),
        fields = limits.fields.toInt(),
        attachments = limits.attachments.toInt(),
        attachmentBytes = limits.attachmentBytes.toLong(),
        imagePixels = limits.imagePixels.toLong(),
    ),
    features = features,
    announced = announced,
)

internal fun FfiOutboxItem.translated() = OutboxItem(
    id = OperationId(id),
    kind = when (kind) {
        FfiOperationKind.OPEN -> OperationKind.Open
        FfiOperationKind.SEND -> OperationKind.Send
        FfiOperationKind.EDIT -> OperationKind.Edit
        FfiOperationKind.RETRACT -> OperationKind.Retract
        FfiOperationKind.WITHDRAW -> OperationKind.Withdraw
        FfiOperationKind.STATUS -> OperationKind.Status
        FfiOperationKind.READ -> OperationKind.Read
        FfiOperationKind.FEEDBACK -> OperationKind.Feedback
        FfiOperationKind.REPORT -> OperationKind.Report
    },
    conversation = ConversationId(conversation),
    message = message?.let(::MessageId),
    state = when (val state = state) {
        is FfiOutboxState.Queued -> OutboxState.Queued
        is FfiOutboxState.Sending -> OutboxState.Sending
        is FfiOutboxState.Wedged -> OutboxState.Wedged(state.code, state.detail)
    },
    attempts = attempts.toInt(),
    createdAt = instant(createdAt),
)

internal fun FfiFlushOutcome.translated(): FlushResult = when (this) {
    is FfiFlushOutcome.Empty -> FlushResult.Empty
    is FfiFlushOutcome.Wedged -> FlushResult.Wedged(wedged.count(), heldBack.count())
    is FfiFlushOutcome.TimedOut -> FlushResult.TimedOut(waiting.count())
}

internal fun FfiHit.translated() = FaqHit(
    article = ArticleId(article),
    locale = locale,
    collection = collection?.let(::CollectionId),
    title = title,
    titleHighlights = titleHighlights.map { it.translated() },
    snippet = snippet.text,
    snippetHighlights = snippet.highlights.map { it.translated() },
    score = score,
)

private fun FfiHighlight.translated(): IntRange = start.toInt() until end.toInt()

internal fun FfiCollection.translated() = FaqCollection(CollectionId(id), title, description, articles.toInt())

internal fun FfiArticleEntry.translated() = ArticleEntry(ArticleId(id), collection?.let(::CollectionId), title)

internal fun FfiFaqStatus.translated() = FaqStatus(
    locale = locale,
    version = version?.toLong(),
    articles = articles.toInt(),
    checkedAt = checkedAt?.let(::instant),
    refreshing = refreshing,
    cached = cached,
)

internal fun FfiArticle.translated() = Article(
    id = ArticleId(id),
    locale = locale,
    collection = collection?.let(::CollectionId),
    title = title,
    blocks = blocks.blocks(),
    tags = tags,
    version = version.toLong(),
    updatedAt = instant(updatedAt),
)

// A block or span that this version has no name for is left out: the rest of the answer still helps.

private fun List<FfiBlock>.blocks(): List<Block> = mapNotNull { block ->
    when (block) {
        is FfiBlock.Heading -> Block.Heading(block.level.toInt(), block.spans.spans())
        is FfiBlock.Paragraph -> Block.Paragraph(block.spans.spans())
        is FfiBlock.Items -> Block.Listing(block.start?.toLong(), block.items.map { it.blocks() })
        is FfiBlock.Quote -> Block.Quote(block.blocks.blocks())
        is FfiBlock.Code -> Block.Code(block.language, block.text)
        is FfiBlock.Table -> Block.Table(
            block.alignments.map { it.translated() },
            block.header.map { it.spans() },
            block.rows.map { row -> row.map { it.spans() } },
        )
        is FfiBlock.Image -> Block.Image(block.picture.translated())
        is FfiBlock.Rule -> Block.Rule
        is FfiBlock.Other -> null
    }
}

private fun FfiAlignment.translated(): Alignment = when (this) {
    FfiAlignment.NATURAL -> Alignment.Natural
    FfiAlignment.LEFT -> Alignment.Left
    FfiAlignment.CENTER -> Alignment.Center
    FfiAlignment.RIGHT -> Alignment.Right
}

private fun List<FfiSpan>.spans(): List<Span> = mapNotNull { span ->
    when (span) {
        is FfiSpan.Text -> Span.Text(span.text)
        is FfiSpan.Emphasis -> Span.Emphasis(span.spans.spans())
        is FfiSpan.Strong -> Span.Strong(span.spans.spans())
        is FfiSpan.Strike -> Span.Strike(span.spans.spans())
        is FfiSpan.Code -> Span.Code(span.text)
        is FfiSpan.Link -> Span.Link(span.target.translated(), span.spans.spans())
        is FfiSpan.Break -> Span.Break
        is FfiSpan.Image -> Span.Image(span.picture.translated())
        is FfiSpan.Other -> null
    }
}

private fun FfiTarget.translated(): Target = when (this) {
    is FfiTarget.Article -> Target.Article(ArticleId(id))
    is FfiTarget.App -> Target.App(url)
    is FfiTarget.Web -> Target.Web(url)
}

private fun FfiPicture.translated() = Picture(alt, sha256, width.toInt(), height.toInt())

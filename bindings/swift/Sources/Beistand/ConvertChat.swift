import BeistandAPI
import BeistandFFI
import Foundation

// Tickets, messages, files and the outbox, in the words of the public models.

extension FfiPriority {
    init(_ priority: Priority) {
        switch priority {
        case .low: self = .low
        case .normal: self = .normal
        case .high: self = .high
        case .urgent: self = .urgent
        }
    }
}

extension Priority {
    init(_ priority: FfiPriority) {
        switch priority {
        case .low: self = .low
        case .normal: self = .normal
        case .high: self = .high
        case .urgent: self = .urgent
        }
    }
}

extension ConversationStatus {
    init(_ status: FfiStatus) {
        switch status {
        case .open: self = .open
        case .pending: self = .pending
        case .solved: self = .solved
        case .closed: self = .closed
        }
    }
}

extension FfiFieldValue {
    init(_ value: FieldValue) {
        switch value {
        case .text(let text): self = .text(value: text)
        case .number(let number): self = .number(value: number)
        case .flag(let flag): self = .flag(value: flag)
        }
    }
}

extension FieldValue {
    init(_ value: FfiFieldValue) {
        switch value {
        case .text(let text): self = .text(text)
        case .number(let number): self = .number(number)
        case .flag(let flag): self = .flag(flag)
        }
    }
}

extension FfiAttachmentSource {
    init(_ source: AttachmentSource) {
        switch source.content {
        case .path(let path): self = .path(path: path, name: source.name, keepLocation: source.keepLocation)
        case .bytes(let bytes):
            self = .bytes(bytes: bytes, name: source.name ?? "file", keepLocation: source.keepLocation)
        }
    }
}

extension FfiTicketDraft {
    init(_ draft: TicketDraft) {
        self.init(
            subject: draft.subject, text: draft.text, category: draft.category, priority: FfiPriority(draft.priority),
            fields: draft.fields.mapValues(FfiFieldValue.init),
            attachments: draft.attachments.map(FfiAttachmentSource.init))
    }
}

extension FfiMessageDraft {
    init(_ draft: MessageDraft) {
        self.init(text: draft.text, attachments: draft.attachments.map(FfiAttachmentSource.init))
    }
}

extension ConversationInfo {
    init(_ info: FfiConversation) {
        self.init(
            id: ConversationId(info.id), subject: info.subject, category: info.category,
            priority: Priority(info.priority), fields: info.fields.mapValues(FieldValue.init),
            status: ConversationStatus(info.status), assignee: info.assignee.map { Agent(id: $0.id, name: $0.name) },
            unread: Int(info.unread), atServer: info.atServer, createdAt: Date(info.createdAt),
            updatedAt: Date(info.updatedAt), preview: info.preview)
    }
}

extension Author {
    init(_ author: FfiAuthor) {
        switch author {
        case .person: self = .person
        case .agent(let id, let name): self = .agent(Agent(id: id, name: name))
        case .system: self = .system
        case .unknown: self = .unknown
        }
    }
}

extension MessageBody {
    init(_ body: FfiMessageBody) {
        switch body {
        case .text(let text): self = .text(text)
        case .retracted: self = .retracted
        case .unsupported(let kind, let raw): self = .unsupported(kind: kind, raw: raw)
        }
    }
}

extension MessageState {
    init(_ state: FfiMessageState) {
        switch state {
        case .queued: self = .queued
        case .sending: self = .sending
        case .sent: self = .sent
        case .delivered: self = .delivered
        case .read: self = .read
        case .wedged(let code): self = .wedged(code: code)
        case .received: self = .received
        }
    }
}

extension AttachmentState {
    init(_ state: FfiAttachmentState) {
        switch state {
        case .waiting: self = .waiting
        case .uploading: self = .uploading
        case .here: self = .here
        case .remote: self = .remote
        case .scanning: self = .scanning
        case .blocked: self = .blocked
        }
    }
}

extension Attachment {
    init(_ file: FfiAttachment) {
        self.init(
            id: AttachmentId(file.id), name: file.name, mediaType: file.mediaType, size: file.size,
            width: file.dimensions.map { Int($0.width) }, height: file.dimensions.map { Int($0.height) },
            thumbnailWidth: file.thumbnail.map { Int($0.width) },
            thumbnailHeight: file.thumbnail.map { Int($0.height) },
            state: AttachmentState(file.state))
    }
}

extension Message {
    init(_ message: FfiMessage) {
        self.init(
            id: MessageId(message.id), conversation: ConversationId(message.conversation), seq: message.seq,
            author: Author(message.author), body: MessageBody(message.body),
            attachments: message.attachments.map(Attachment.init), state: MessageState(message.state),
            changePending: message.changePending, edited: message.edited, createdAt: Date(message.createdAt))
    }
}

extension OperationKind {
    init(_ kind: FfiOperationKind) {
        switch kind {
        case .open: self = .open
        case .send: self = .send
        case .edit: self = .edit
        case .retract: self = .retract
        case .withdraw: self = .withdraw
        case .status: self = .status
        case .read: self = .read
        case .feedback: self = .feedback
        case .report: self = .report
        }
    }
}

extension OutboxState {
    init(_ state: FfiOutboxState) {
        switch state {
        case .queued: self = .queued
        case .sending: self = .sending
        case .wedged(let code, let detail): self = .wedged(code: code, detail: detail)
        }
    }
}

extension OutboxItem {
    init(_ item: FfiOutboxItem) {
        self.init(
            id: OperationId(item.id), kind: OperationKind(item.kind), conversation: ConversationId(item.conversation),
            message: item.message.map { MessageId($0) }, state: OutboxState(item.state), attempts: Int(item.attempts),
            createdAt: Date(item.createdAt))
    }
}

extension FlushResult {
    init(_ outcome: FfiFlushOutcome) {
        switch outcome {
        case .empty: self = .empty
        case .wedged(let wedged, let heldBack): self = .wedged(wedged: Int(wedged), heldBack: Int(heldBack))
        case .timedOut(let waiting): self = .timedOut(waiting: Int(waiting))
        }
    }
}

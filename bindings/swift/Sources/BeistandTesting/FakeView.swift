import BeistandAPI
import Foundation

// What the phone shows: what it last saw of the desk, and what waits in the outbox on top.

extension FakeWorld {
    /// A conversation and its messages.
    struct View {
        var info: ConversationInfo
        var messages: [Message]
        var event: UInt64
    }

    /// The writes of whoever is logged in.
    var own: [FakeOperation] { operations.filter { $0.login == login } }

    func views() -> [View] {
        let opened = own.compactMap { operation -> ConversationId? in
            if case .open = operation.payload, seen[operation.conversation] == nil { return operation.conversation }
            return nil
        }
        let all = (Array(seen.keys) + opened).compactMap { view($0) }
        return all.sorted { $0.event > $1.event }
    }

    func view(_ id: ConversationId) -> View? {
        let waiting = own.filter { $0.conversation == id }
        var ticket = seen[id]
        var messages = ticket.map { ticket in ticket.messages.map { shown($0, in: ticket) } } ?? []
        var event = ticket?.event ?? 0
        let atServer = ticket != nil
        for operation in waiting {
            if operation.kind != .read, operation.kind != .feedback { event = max(event, operation.serial) }
            switch operation.payload {
            case .open(let draft):
                guard ticket == nil else { continue }
                ticket = draft
                messages = draft.messages.map { echo($0, operation) }
            case .send(let message):
                if !messages.contains(where: { $0.id == message.id }) { messages.append(echo(message, operation)) }
            case .edit(let text):
                change(&messages, operation) { $0.body = .text(text) }
            case .retract:
                change(&messages, operation) { $0.body = .retracted }
            case .status(let status): ticket?.status = status
            case .read(let seq):
                let before = ticket?.personRead ?? 0
                ticket?.personRead = max(before, seq)
            case .feedback: break
            }
        }
        guard let ticket else { return nil }
        return View(
            info: info(ticket, messages, atServer: atServer, at: waiting.last?.createdAt), messages: messages,
            event: event)
    }

    private func info(_ ticket: DeskTicket, _ messages: [Message], atServer: Bool, at last: Date?) -> ConversationInfo {
        let unread = ticket.messages.filter { $0.seq > ticket.personRead && $0.author != .person }.count
        return ConversationInfo(
            id: ticket.id, subject: ticket.subject, category: ticket.category, priority: ticket.priority,
            fields: ticket.fields, status: ticket.status, assignee: ticket.assignee, unread: unread, atServer: atServer,
            createdAt: ticket.createdAt, updatedAt: max(ticket.updatedAt, last ?? ticket.updatedAt),
            preview: messages.last { $0.body != .retracted }?.text ?? "")
    }

    private func shown(_ message: DeskMessage, in ticket: DeskTicket) -> Message {
        let own = message.author == .person
        return Message(
            id: message.id, conversation: ticket.id, seq: message.seq, author: message.author,
            body: message.text.map(MessageBody.text) ?? .retracted,
            attachments: message.text == nil ? [] : message.attachments.map { $0.shown(own ? .here : .remote) },
            state: own ? (message.seq <= ticket.agentRead ? .read : .sent) : .received, edited: message.edited,
            createdAt: message.createdAt)
    }

    private func echo(_ message: DeskMessage, _ operation: FakeOperation) -> Message {
        let state: MessageState
        switch operation.state {
        case .queued: state = .queued
        case .sending: state = .sending
        case .wedged(let code, _): state = .wedged(code: code)
        }
        return Message(
            id: message.id, conversation: operation.conversation, author: .person, body: .text(message.text ?? ""),
            attachments: message.attachments.map { $0.shown(.waiting) }, state: state, createdAt: message.createdAt)
    }

    private func change(
        _ messages: inout [Message], _ operation: FakeOperation, _ work: (inout Message) -> Void
    ) {
        guard let index = messages.firstIndex(where: { $0.id == operation.message }) else { return }
        work(&messages[index])
        messages[index].changePending = true
    }

    /// A window over a conversation.
    func timeline(_ id: ConversationId, limit: Int) -> Timeline {
        let messages = view(id)?.messages ?? []
        return Timeline(
            loaded: true, messages: Array(messages.suffix(limit)), hasEarlier: messages.count > limit,
            hasEarlierHere: messages.count > limit)
    }

    func message(_ id: MessageId) -> Message? {
        for view in views() {
            if let found = view.messages.first(where: { $0.id == id }) { return found }
        }
        return nil
    }

    func file(_ id: AttachmentId) -> FakeFile? {
        for ticket in tickets.values {
            for message in ticket.messages {
                if let file = message.attachments.first(where: { $0.id == id }) { return file }
            }
        }
        for operation in operations {
            switch operation.payload {
            case .open(let ticket):
                if let file = ticket.messages.first?.attachments.first(where: { $0.id == id }) { return file }
            case .send(let message):
                if let file = message.attachments.first(where: { $0.id == id }) { return file }
            default: continue
            }
        }
        return nil
    }

    var connection: Connection {
        guard started, !paused else { return .idle }
        return online ? .online : .offline
    }

    var identity: SupportIdentity {
        SupportIdentity(subject: logins[login].subject, confirmed: logins[login].confirmed)
    }

    func items() -> [OutboxItem] {
        own.filter { $0.kind != .feedback }.map { operation in
            OutboxItem(
                id: operation.id, kind: operation.kind, conversation: operation.conversation,
                message: operation.message,
                state: operation.state, attempts: operation.attempts, createdAt: operation.createdAt)
        }
    }
}

extension FakeFile {
    func shown(_ state: AttachmentState) -> Attachment {
        Attachment(id: id, name: name, mediaType: mediaType, size: UInt64(bytes.count), state: state)
    }
}

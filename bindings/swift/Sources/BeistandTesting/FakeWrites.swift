import BeistandAPI
import Foundation

// What a person does, as changes of the phone: each is refused before anything is stored, or is safe once it returns.

extension SupportError {
    static let shutDown = SupportError(kind: .shutDown, code: "shut-down", detail: "the client was shut down")
    static func notFound(_ what: String) -> SupportError {
        SupportError(kind: .notFound, code: "local-not-found", detail: "there is no such \(what) on this phone")
    }
    static func invalid(_ code: String, _ detail: String) -> SupportError {
        SupportError(kind: .invalidInput, code: code, retry: .afterChange, detail: detail)
    }
    static let tooLate = SupportError(kind: .tooLate, code: "too-late", detail: "the change comes too late")
    static let unreachable = SupportError(
        kind: .unreachable, code: "unreachable", retry: .soon, detail: "the server could not be reached")
}

extension FakeWorld {
    mutating func begin() throws {
        if shutDown { throw SupportError.shutDown }
        started = true
    }

    private func check(text: String, files: Int, field: String) throws {
        let words = text.trimmingCharacters(in: .whitespacesAndNewlines)
        if words.isEmpty && files == 0 { throw SupportError.invalid("text-empty", "\(field): is empty") }
        if text.unicodeScalars.count > settings.limits.textChars {
            throw SupportError.invalid("text-too-long", "\(field): is too long")
        }
        if files > settings.limits.attachments {
            throw SupportError.invalid("too-many-attachments", "attachments: are too many")
        }
    }

    private func check(_ draft: TicketDraft) throws {
        if draft.subject.trimmingCharacters(in: .whitespacesAndNewlines).isEmpty {
            throw SupportError.invalid("text-empty", "subject: is empty")
        }
        if draft.subject.unicodeScalars.count > settings.limits.subjectChars {
            throw SupportError.invalid("text-too-long", "subject: is too long")
        }
        if let category = draft.category, settings.announced,
            !settings.categories.contains(where: { $0.id == category })
        {
            throw SupportError.invalid("unknown-category", "category: is not announced")
        }
        for field in settings.fields where field.required && draft.fields[field.key] == nil {
            throw SupportError.invalid("field-required", "fields: one is required")
        }
        if settings.announced, draft.fields.keys.contains(where: { key in !settings.fields.contains { $0.key == key } })
        {
            throw SupportError.invalid("unknown-field", "fields: one is not announced")
        }
        try check(text: draft.text, files: draft.attachments.count, field: "message.text")
    }

    private mutating func enqueue(
        _ payload: FakeOperation.Payload, in conversation: ConversationId, message: MessageId? = nil
    ) throws {
        if own.count >= 2_000 {
            throw SupportError(
                kind: .outboxFull, code: "outbox-full", retry: .afterChange, detail: "2,000 writes wait")
        }
        operations.append(
            FakeOperation(
                id: OperationId(mint()), login: login, conversation: conversation, message: message, payload: payload,
                notBefore: now, createdAt: now, serial: nextSerial()))
    }

    mutating func open(_ draft: TicketDraft) throws -> ConversationId {
        try begin()
        try check(draft)
        let files = try take(draft.attachments)
        let (conversation, message) = (ConversationId(mint()), MessageId(mint()))
        let first = DeskMessage(
            id: message, author: .person, text: draft.text, attachments: files, seq: 0, createdAt: now)
        let ticket = DeskTicket(
            id: conversation, person: logins[login].person,
            subject: draft.subject.trimmingCharacters(in: .whitespacesAndNewlines), category: draft.category,
            priority: draft.priority, fields: draft.fields, messages: [first], createdAt: now, updatedAt: now,
            event: nextSerial())
        try enqueue(.open(ticket), in: conversation, message: message)
        return conversation
    }

    mutating func send(_ draft: MessageDraft, to conversation: ConversationId) throws -> MessageId {
        try begin()
        guard view(conversation) != nil else { throw SupportError.notFound("conversation") }
        try check(text: draft.text, files: draft.attachments.count, field: "text")
        let files = try take(draft.attachments)
        let message = DeskMessage(
            id: MessageId(mint()), author: .person, text: draft.text, attachments: files, seq: 0, createdAt: now)
        try enqueue(.send(message), in: conversation, message: message.id)
        return message.id
    }

    private mutating func take(_ sources: [AttachmentSource]) throws -> [FakeFile] {
        try sources.map { source in
            let bytes: Data
            var name = source.name ?? "file"
            switch source.content {
            case .bytes(let data): bytes = data
            case .path(let path):
                guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe) else {
                    throw SupportError(
                        kind: .unreadable, code: "unreadable", retry: .afterChange, detail: "the file cannot be read")
                }
                bytes = data
                name = source.name ?? URL(fileURLWithPath: path).lastPathComponent
            }
            if bytes.isEmpty { throw SupportError.invalid("attachment-empty", "attachments: one has no bytes") }
            if UInt64(bytes.count) > settings.limits.attachmentBytes {
                throw SupportError.invalid("attachment-too-large", "attachments: one is too large")
            }
            return FakeFile(id: AttachmentId(mint()), name: name, mediaType: mediaType(of: bytes), bytes: bytes)
        }
    }

    private func mediaType(of bytes: Data) -> String {
        let head = [UInt8](bytes.prefix(8))
        if head.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return "image/png" }
        if head.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if head.starts(with: [0x25, 0x50, 0x44, 0x46]) { return "application/pdf" }
        return "application/octet-stream"
    }

    /// An own message that waits, and where it waits.
    private func waiting(_ id: MessageId) -> Int? {
        operations.firstIndex { operation in
            guard operation.login == login, operation.message == id else { return false }
            return operation.kind == .send || operation.kind == .open
        }
    }

    private func ownMessage(_ id: MessageId) throws -> Message {
        guard let message = message(id), message.author == .person else { throw SupportError.notFound("message") }
        return message
    }

    mutating func edit(_ id: MessageId, text: String) throws {
        try begin()
        let message = try ownMessage(id)
        try check(text: text, files: message.attachments.count, field: "text")
        if message.body == .retracted { throw SupportError.tooLate }
        if let index = waiting(id), operations[index].attempts == 0 || operations[index].isWedged {
            rewrite(index) { $0.text = text }
            operations[index].state = .queued
        } else {
            try enqueue(.edit(text), in: message.conversation, message: id)
        }
    }

    private mutating func rewrite(_ index: Int, _ work: (inout DeskMessage) -> Void) {
        switch operations[index].payload {
        case .open(var ticket):
            work(&ticket.messages[0])
            operations[index].payload = .open(ticket)
        case .send(var message):
            work(&message)
            operations[index].payload = .send(message)
        default: break
        }
    }

    mutating func retract(_ id: MessageId) throws {
        try begin()
        let message = try ownMessage(id)
        if message.body == .retracted { return }
        guard let index = waiting(id) else {
            return try enqueue(.retract, in: message.conversation, message: id)
        }
        let operation = operations[index]
        if operation.kind == .open {
            operations.removeAll { $0.conversation == operation.conversation }
            tickets[operation.conversation] = nil
        } else if operation.attempts == 0 || operation.isWedged {
            operations.removeAll { $0.message == id }
        } else {
            try enqueue(.retract, in: message.conversation, message: id)
        }
    }

    mutating func retry(_ matches: (FakeOperation) -> Bool, _ what: String) throws {
        try begin()
        guard let index = operations.firstIndex(where: { $0.login == login && matches($0) }) else {
            throw SupportError.notFound(what)
        }
        operations[index].state = .queued
        operations[index].notBefore = now
    }

    mutating func discard(_ matches: (FakeOperation) -> Bool, _ what: String) throws {
        try begin()
        guard let index = operations.firstIndex(where: { $0.login == login && matches($0) }) else {
            throw SupportError.notFound(what)
        }
        let operation = operations[index]
        if operation.attempts > 0, !operation.isWedged { throw SupportError.tooLate }
        if operation.kind == .open {
            operations.removeAll { $0.conversation == operation.conversation }
        } else {
            operations.remove(at: index)
        }
    }

    mutating func markRead(_ id: ConversationId, upTo seq: UInt64?) throws {
        try begin()
        guard view(id) != nil else { throw SupportError.notFound("conversation") }
        let newest = seen[id]?.lastSeq ?? 0
        let upTo = min(seq ?? newest, newest)
        if upTo > (seen[id]?.personRead ?? 0) { try enqueue(.read(upTo), in: id) }
    }

    mutating func setStatus(_ id: ConversationId, _ status: ConversationStatus) throws {
        try begin()
        guard view(id) != nil else { throw SupportError.notFound("conversation") }
        try enqueue(.status(status), in: id)
    }

    mutating func rate(_ rating: FakeRating) throws {
        try begin()
        if (rating.comment?.unicodeScalars.count ?? 0) > 1_000 {
            throw SupportError.invalid("text-too-long", "comment: is too long")
        }
        // A lane of its own for each article.
        try enqueue(.feedback(rating), in: ConversationId("faq/\(rating.article)"))
    }

    // MARK: Who the person is

    mutating func logIn(_ subject: String) {
        logins[login].subject = subject
        logins[login].confirmed = false
    }

    mutating func logOut(discarding: Bool) -> (kept: Int, discarded: Int) {
        let left = own.count
        if discarding { operations.removeAll { [login] in $0.login == login } }
        logins.append(FakeLogin(person: "person-\(nextSerial())"))
        seen = [:]
        pushToken = nil
        return discarding ? (0, left) : (left, 0)
    }
}

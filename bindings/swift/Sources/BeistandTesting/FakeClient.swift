import BeistandAPI
import Foundation

// The client of the fake: each call is one look at the world, or one change of it.

struct FakeClient: SupportClient {
    let engine: FakeEngine

    var conversations: any Conversations { FakeConversations(engine: engine) }
    var faq: any Faq { FakeFaq(engine: engine) }
    var outbox: any Outbox { FakeOutbox(engine: engine) }
    var attachments: any Attachments { FakeAttachments(engine: engine) }
    var identity: Updates<SupportIdentity> { engine.watch { $0.identity } }
    var connection: Updates<Connection> { engine.watch { $0.connection } }
    var events: Updates<SupportEvent> { engine.watchEvents() }
    var supportsCalls: Bool { false }

    func login(_ provider: any TokenProvider) async throws -> SupportIdentity {
        try engine.change { try $0.begin() }
        var reason = TokenReason.first
        var tries = 0
        while true {
            let token: String
            do {
                token = try await provider.token(reason: reason)
            } catch {
                throw Self.failed("login-provider-failed", "the app's token provider failed")
            }
            tries += 1
            let answer: (code: String, next: TokenReason)? = try engine.change { world in
                try world.begin()
                guard let verdict = world.accepted[token] else {
                    throw Self.failed("login-token-malformed", "the fake knows no such token: make it with users.token")
                }
                // Without a network nobody judges it now.
                if world.online, let refusal = verdict.kind.refusal { return refusal }
                world.takeLogin(verdict.subject)
                return nil
            }
            guard let answer else { return engine.read { $0.identity } }
            if tries == 2 { throw Self.failed(answer.code, "the server does not take the token") }
            reason = answer.next
        }
    }

    private static func failed(_ code: String, _ detail: String) -> SupportError {
        SupportError(kind: .loginFailed, code: code, detail: detail)
    }

    func logout(_ mode: LogoutMode) async throws -> LogoutResult {
        try engine.change { world in
            try world.begin()
            let login = world.login
            let before = world.own.count
            if case .sendFirst(let within) = mode {
                _ = world.pass(within: within) { world in
                    world.operations.allSatisfy { $0.login != login || $0.isWedged }
                }
            }
            let sent = before - world.own.count
            let (kept, discarded) = world.logOut(discarding: mode == .discard)
            return LogoutResult(sent: sent, kept: kept, discarded: discarded)
        }
    }

    func settings() async throws -> SupportSettings {
        try engine.change { world in
            try world.begin()
            return world.settings
        }
    }

    func setPushToken(_ token: PushToken?) async throws {
        try engine.change { world in
            try world.begin()
            world.pushToken = token
        }
    }

    func sync() async throws {
        try engine.change { world in
            try world.begin()
            guard world.online else { throw SupportError.unreachable }
            world.tryAtOnce()
        }
    }

    func wake() { engine.change { $0.tryAtOnce() } }

    func pause() async throws {
        try engine.change { world in
            if world.shutDown { throw SupportError.shutDown }
            world.paused = true
        }
    }

    func resume() async throws {
        try engine.change { world in
            if world.shutDown { throw SupportError.shutDown }
            world.paused = false
            world.tryAtOnce()
        }
    }

    func shutdown() async { engine.change { $0.shutDown = true } }
}

extension FakeUsers.Kind {
    /// The desk's code, and what the phone asks for next.
    var refusal: (code: String, next: TokenReason)? {
        switch self {
        case .good: nil
        case .expired: ("token-expired", .expired)
        case .refused: ("token-refused", .refused)
        case .early: ("token-not-yet-valid", .clockSkew)
        }
    }
}

extension FakeWorld {
    /// A user is here. Another than before begins with nothing; what the other one has queued still leaves.
    mutating func takeLogin(_ subject: String) {
        if let current = logins[login].subject, current != subject { _ = logOut(discarding: false) }
        if logins[login].subject == nil { logIn(subject) }
    }
}

struct FakeConversations: Conversations {
    let engine: FakeEngine

    var list: Updates<ConversationList> {
        engine.watch { ConversationList(loaded: true, items: $0.views().map(\.info)) }
    }

    func open(_ draft: TicketDraft) async throws -> any Conversation {
        FakeConversation(engine: engine, id: try engine.change { try $0.open(draft) })
    }

    func get(_ id: ConversationId) async throws -> any Conversation {
        try engine.change { world in
            try world.begin()
            if world.view(id) == nil { throw SupportError.notFound("conversation") }
        }
        return FakeConversation(engine: engine, id: id)
    }

    func unread() async throws -> Int {
        try engine.change { world in
            try world.begin()
            return world.views().reduce(0) { $0 + $1.info.unread }
        }
    }
}

/// A window that is being iterated, and how wide it is.
final class FakeWindow: Sendable {
    let conversation: ConversationId
    let width = Locked(50)

    init(_ conversation: ConversationId) { self.conversation = conversation }
}

struct FakeConversation: Conversation {
    let engine: FakeEngine
    let id: ConversationId

    var timeline: Updates<Timeline> {
        Updates { [engine, id] in
            let window = FakeWindow(id)
            engine.windows.with { $0.append(window) }
            let source = engine.watch { world in world.timeline(id, limit: window.width.with { $0 }) }
            let iterator = Locked(source.makeAsyncIterator())
            return Updates.Source {
                var own = iterator.with { $0 }
                return await own.next()
            } end: {
                engine.windows.with { windows in windows.removeAll { $0 === window } }
            }
        }
    }

    var typing: Updates<[Author]> {
        engine.watch { [id] world in (world.seen[id]?.typing ?? []).map { .agent($0) } }
    }

    func info() async throws -> ConversationInfo {
        try look { world, id in
            guard let view = world.view(id) else { throw SupportError.notFound("conversation") }
            return view.info
        }
    }

    private func look<Result>(_ work: (inout FakeWorld, ConversationId) throws -> Result) throws -> Result {
        try engine.change { world in
            try world.begin()
            return try work(&world, id)
        }
    }

    func send(_ draft: MessageDraft) async throws -> MessageId { try look { try $0.send(draft, to: $1) } }
    func edit(_ id: MessageId, text: String) async throws { try look { world, _ in try world.edit(id, text: text) } }
    func retract(_ id: MessageId) async throws { try look { world, _ in try world.retract(id) } }
    func retry(_ id: MessageId) async throws {
        try look { world, _ in try world.retry({ $0.message == id }, "message") }
    }
    func discard(_ id: MessageId) async throws {
        try look { world, _ in try world.discard({ $0.message == id }, "message") }
    }
    func markRead(upTo seq: UInt64?) async throws { try look { try $0.markRead($1, upTo: seq) } }
    func closeTicket() async throws { try look { try $0.setStatus($1, .closed) } }
    func reopenTicket() async throws { try look { try $0.setStatus($1, .open) } }
    func setTyping(_ typing: Bool) {}

    func loadEarlier(count: Int) async throws {
        let open = engine.windows.with { windows in windows.filter { $0.conversation == id } }
        if open.isEmpty {
            throw SupportError.invalid("bad-parameter", "loadEarlier widens a timeline that is being iterated: none is")
        }
        try look { _, _ in
            for window in open { window.width.with { $0 += min(max(count, 1), 100) } }
        }
    }

    func message(_ id: MessageId) async throws -> Message {
        try look { world, _ in
            guard let message = world.message(id) else { throw SupportError.notFound("message") }
            return message
        }
    }

    func awaitSent(_ id: MessageId, within: Duration) async throws -> Message? {
        try look { world, _ in
            guard world.message(id) != nil else { throw SupportError.notFound("message") }
            let sent = world.pass(within: within) { world in
                world.message(id)?.seq != nil && !world.operations.contains { $0.message == id && $0.kind == .send }
            }
            return sent ? world.message(id) : nil
        }
    }
}

struct FakeOutbox: Outbox {
    let engine: FakeEngine

    func items() async throws -> [OutboxItem] {
        try engine.change { world in
            try world.begin()
            return world.items()
        }
    }

    func retry(_ id: OperationId) async throws { try engine.change { try $0.retry({ $0.id == id }, "outbox item") } }
    func discard(_ id: OperationId) async throws {
        try engine.change { try $0.discard({ $0.id == id }, "outbox item") }
    }

    func flush(within: Duration) async throws -> FlushResult {
        try engine.change { world in
            try world.begin()
            let done = world.pass(within: within) { $0.stuck() == $0.own.count }
            let wedged = world.own.filter(\.isWedged).count
            if !done { return .timedOut(waiting: world.own.count - world.stuck()) }
            return wedged == 0 ? .empty : .wedged(wedged: wedged, heldBack: world.stuck() - wedged)
        }
    }
}

extension FakeWorld {
    /// Writes that do not leave by themselves: wedged ones, and those behind them.
    func stuck() -> Int {
        let lanes = Set(own.filter(\.isWedged).map(\.conversation))
        return own.filter { lanes.contains($0.conversation) }.count
    }
}

struct FakeAttachments: Attachments {
    let engine: FakeEngine

    func fetch(_ id: AttachmentId) async throws -> String {
        let file = try engine.change { world in
            try world.begin()
            guard let file = world.file(id) else { throw SupportError.notFound("attachment") }
            return file
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("beistand-fake-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent(file.name.replacingOccurrences(of: "/", with: "_"))
        try file.bytes.write(to: path)
        return path.path
    }

    func thumbnail(_ id: AttachmentId) async throws -> String { try await fetch(id) }

    func progress(_ id: AttachmentId) -> Updates<Transfer> {
        engine.watch { world in
            guard let file = world.file(id) else { return Transfer() }
            let size = UInt64(file.bytes.count)
            let waits = world.operations.contains { operation in
                switch operation.payload {
                case .open(let ticket): ticket.messages[0].attachments.contains { $0.id == id }
                case .send(let message): message.attachments.contains { $0.id == id }
                default: false
                }
            }
            return Transfer(done: waits ? 0 : size, total: size, active: false)
        }
    }
}

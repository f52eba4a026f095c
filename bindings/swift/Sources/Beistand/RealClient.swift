import BeistandAPI
import BeistandFFI
import Foundation

// The client over the library: each call is one call of the library, in the words of the public models.

final class RealClient: SupportClient {
    private let core: Core

    init(_ core: Core) { self.core = core }

    var conversations: any Conversations { RealConversations(core: core) }
    var faq: any Faq { RealFaq(core: core) }
    var outbox: any Outbox { RealOutbox(core: core) }
    var attachments: any Attachments { RealAttachments(core: core) }
    var supportsCalls: Bool { BeistandFFI.supportsCalls() }

    /// The core knows who it is once its first call has read the disk.
    var identity: Updates<SupportIdentity> {
        core.updates(
            { client in
                _ = try await client.settings()
                return client.watchIdentity()
            }, SupportIdentity.init)
    }
    var connection: Updates<Connection> { core.updates({ $0.watchConnection() }, Connection.init) }
    var events: Updates<SupportEvent> { core.updates({ $0.events() }, SupportEvent.init) }

    func login(_ provider: any TokenProvider) async throws -> SupportIdentity {
        let provider = AskedProvider(provider)
        return SupportIdentity(try await core.wait { try await $0.login(provider: provider, cancel: $1) })
    }

    func logout(_ mode: LogoutMode) async throws -> LogoutResult {
        let result = try await core.wait { try await $0.logout(mode: FfiLogout(mode), cancel: $1) }
        return LogoutResult(sent: Int(result.sent), kept: Int(result.kept), discarded: Int(result.discarded))
    }

    func settings() async throws -> SupportSettings {
        SupportSettings(try await core.call { try await $0.settings() })
    }

    func setPushToken(_ token: PushToken?) async throws {
        let token = token.map { FfiPushToken(service: $0.service, token: $0.token) }
        try await core.call { try await $0.setPushToken(token: token) }
    }

    func sync() async throws { try await core.wait { try await $0.sync(cancel: $1) } }
    func wake() { core.client.wake() }
    func pause() async throws { try await core.call { try await $0.pause() } }
    func resume() async throws { try await core.call { try await $0.resume() } }

    func shutdown() async {
        core.end()
        await core.client.shutdown()
    }
}

struct RealConversations: Conversations {
    let core: Core

    var list: Updates<ConversationList> {
        core.updates({ try await $0.conversations().watchList() }) { items in
            ConversationList(loaded: true, items: items.map(ConversationInfo.init))
        }
    }

    func open(_ draft: TicketDraft) async throws -> any Conversation {
        let opened = try await core.call { try await $0.conversations().open(draft: FfiTicketDraft(draft)) }
        return RealConversation(core: core, id: ConversationId(opened.conversation))
    }

    func get(_ id: ConversationId) async throws -> any Conversation {
        _ = try await core.call { try await $0.conversations().get(conversation: id.value) }
        return RealConversation(core: core, id: id)
    }

    func unread() async throws -> Int { Int(try await core.call { try await $0.conversations().unread() }) }
}

struct RealConversation: Conversation {
    let core: Core
    let id: ConversationId

    var timeline: Updates<Timeline> {
        Updates { [core, id] in
            core.begin()
            let pull = TimelinePull(core.client, id)
            core.timelines.with { $0.append(pull) }
            return Updates.Source {
                await pull.next()
            } end: {
                core.timelines.with { timelines in timelines.removeAll { $0 === pull } }
                pull.end()
            }
        }
    }

    var typing: Updates<[Author]> {
        core.updates({ $0.watchTyping() }) { [id] typists in
            typists.filter { $0.conversation == id.value }.map { Author($0.author) }
        }
    }

    private func call<Result: Sendable>(_ work: (FfiConversations) async throws -> Result) async throws -> Result {
        try await core.call { try await work($0.conversations()) }
    }

    func info() async throws -> ConversationInfo {
        ConversationInfo(try await call { try await $0.get(conversation: id.value) })
    }

    func send(_ draft: MessageDraft) async throws -> MessageId {
        MessageId(try await call { try await $0.send(conversation: id.value, draft: FfiMessageDraft(draft)) })
    }

    func edit(_ message: MessageId, text: String) async throws {
        try await call { try await $0.edit(message: message.value, text: text) }
    }

    func retract(_ message: MessageId) async throws { try await call { try await $0.retract(message: message.value) } }
    func retry(_ message: MessageId) async throws { try await call { try await $0.retry(message: message.value) } }
    func discard(_ message: MessageId) async throws { try await call { try await $0.discard(message: message.value) } }

    func markRead(upTo seq: UInt64?) async throws {
        try await call { try await $0.markRead(conversation: id.value, upTo: seq) }
    }

    func closeTicket() async throws { try await call { try await $0.closeTicket(conversation: id.value) } }
    func reopenTicket() async throws { try await call { try await $0.reopenTicket(conversation: id.value) } }

    func setTyping(_ typing: Bool) {
        // An id that is none is nowhere typed in.
        try? core.client.conversations().setTyping(conversation: id.value, typing: typing)
    }

    func loadEarlier(count: Int) async throws {
        let open = core.timelines.with { timelines in timelines.filter { $0.id == id } }
        if open.isEmpty {
            throw SupportError(
                kind: .invalidInput, code: "bad-parameter", retry: .afterChange,
                detail: "loadEarlier widens a timeline that is being iterated: none is")
        }
        let count = UInt32(min(max(count, 1), 100))
        try await core.wait { _, cancel in
            for timeline in open { try await timeline.watch?.loadEarlier(count: count, cancel: cancel) }
        }
    }

    func message(_ message: MessageId) async throws -> Message {
        Message(try await call { try await $0.message(message: message.value) })
    }

    func awaitSent(_ message: MessageId, within: Duration) async throws -> Message? {
        let sent = try await core.wait { client, cancel in
            try await client.conversations().awaitSent(
                message: message.value, within: within.interval, cancel: cancel)
        }
        return sent.map(Message.init)
    }
}

/// A window over a conversation, kept from differences: what did not change is not made anew.
final class TimelinePull: Sendable {
    let id: ConversationId
    private let pull: Pull<FfiTimelineWatch>
    private let messages = Locked<[Message]>([])

    init(_ client: FfiClient, _ id: ConversationId) {
        self.id = id
        pull = Pull { try await client.conversations().timeline(conversation: id.value) }
    }

    var watch: FfiTimelineWatch? { pull.watch }

    func next() async -> Timeline? {
        guard let batch = await pull.next() else { return nil }
        let shown = messages.with { messages in
            for difference in batch.differences { Self.apply(difference, to: &messages) }
            return messages
        }
        return Timeline(
            loaded: true, messages: shown, hasEarlier: batch.hasEarlier, hasEarlierHere: batch.hasEarlierHere)
    }

    private static func apply(_ difference: FfiDifference, to messages: inout [Message]) {
        switch difference {
        case .reset(let all): messages = all.map(Message.init)
        case .insert(let index, let message): messages.insert(Message(message), at: min(Int(index), messages.count))
        case .update(let index, let message) where Int(index) < messages.count: messages[Int(index)] = Message(message)
        case .remove(let index, _) where Int(index) < messages.count: messages.remove(at: Int(index))
        case .update, .remove: break
        }
    }

    func end() { pull.end() }
}

struct RealOutbox: Outbox {
    let core: Core

    func items() async throws -> [OutboxItem] {
        try await core.call { try await $0.outbox().items() }.map(OutboxItem.init)
    }

    func retry(_ id: OperationId) async throws {
        try await core.call { try await $0.outbox().retry(operation: id.value) }
    }
    func discard(_ id: OperationId) async throws {
        try await core.call { try await $0.outbox().discard(operation: id.value) }
    }

    func flush(within: Duration) async throws -> FlushResult {
        FlushResult(try await core.wait { try await $0.outbox().flush(within: within.interval, cancel: $1) })
    }
}

struct RealAttachments: Attachments {
    let core: Core

    func fetch(_ id: AttachmentId) async throws -> String {
        try await core.wait { try await $0.attachments().fetch(attachment: id.value, cancel: $1) }
    }

    func thumbnail(_ id: AttachmentId) async throws -> String {
        try await core.wait { try await $0.attachments().thumbnail(attachment: id.value, cancel: $1) }
    }

    func progress(_ id: AttachmentId) -> Updates<Transfer> {
        core.updates({ try $0.attachments().progress(attachment: id.value) }) { transfer in
            Transfer(done: transfer.done, total: transfer.total, active: transfer.active)
        }
    }
}

struct RealFaq: Faq {
    let core: Core

    /// The core tells nothing before its first call reads the cache.
    var status: Updates<FaqStatus> {
        core.updates(
            { client in
                _ = try await client.faq().status()
                return client.faq().watchStatus()
            }, FaqStatus.init)
    }

    func search(_ query: String, options: SearchOptions) async throws -> SearchResults {
        let options = FfiSearchOptions(
            limit: UInt32(clamping: options.limit), locale: options.locale, typing: options.typing)
        let found = try await core.call { try await $0.faq().search(query: query, options: options) }
        return SearchResults(hits: found.hits.map(FaqHit.init), localeUsed: found.localeUsed)
    }

    func suggest(_ draft: String) async throws -> [FaqHit] {
        try await core.call { try await $0.faq().suggest(draft: draft) }.map(FaqHit.init)
    }

    func article(_ id: ArticleId) async throws -> Article? {
        try await core.call { try await $0.faq().article(article: id.value) }.map(Article.init)
    }

    func rate(_ article: Article, helpful: Bool, comment: String?) async throws {
        try await core.call { client in
            try await client.faq().rate(
                article: article.id.value, locale: article.locale, version: article.version, helpful: helpful,
                comment: comment)
        }
    }

    func collections() async throws -> [FaqCollection] {
        try await core.call { try await $0.faq().collections() }.map(FaqCollection.init)
    }

    func articles(in collection: CollectionId?) async throws -> [ArticleEntry] {
        try await core.call { try await $0.faq().articles(collection: collection?.value) }.map(ArticleEntry.init)
    }

    func image(sha256: String) async throws -> String {
        try await core.wait { try await $0.faq().image(sha256: sha256, cancel: $1) }
    }

    func refresh() async throws { try await core.wait { try await $0.faq().refresh(cancel: $1) } }
    func setLocale(_ tag: String) async throws { try await core.call { try await $0.faq().setLocale(tag: tag) } }
}

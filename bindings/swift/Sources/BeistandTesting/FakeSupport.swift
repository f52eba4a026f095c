import BeistandAPI
import Foundation

// The official fake: what a test holds in its hands.

/// A desk, a network and a phone in memory, for tests of an app.
///
/// Give ``client`` to the app's own code, which sees no difference, and play the other side with ``agent``, ``network`` and
/// ``clock``. Nothing native, no network, no real time: a call that waits for time lets it pass.
///
/// ```swift
/// let fake = FakeSupport()
/// let ticket = try await fake.client.conversations.open(TicketDraft(subject: "Parcel", text: "It never came"))
/// fake.agent.replies("Let me look.", after: .seconds(2))
/// fake.clock.advance(by: .seconds(2))
/// ```
///
/// The scenarios that this fake passes are the same that the real library passes with the real server.
public final class FakeSupport: Sendable {
    /// The same protocol as the real client.
    public let client: any SupportClient
    /// Whoever sits at the desk.
    public let agent: ScriptedAgent
    /// What lies between.
    public let network: FakeNetwork
    /// The time, of both sides.
    public let clock: VirtualClock
    /// Who may log in.
    public let users: FakeUsers
    /// What the desk has, for assertions.
    public let server: FakeServer

    let engine: FakeEngine

    /// A world. `articles` are its FAQ, `settings` what the desk announces; time begins at `now`.
    public init(
        articles: [FakeArticle] = [], settings: SupportSettings = SupportSettings(announced: true),
        locale: String = "en",
        now: Date = Date(timeIntervalSince1970: 1_800_000_000)
    ) {
        engine = FakeEngine(FakeWorld(now: now, articles: articles, locale: locale, settings: settings))
        client = FakeClient(engine: engine)
        agent = ScriptedAgent(engine: engine)
        network = FakeNetwork(engine: engine)
        clock = VirtualClock(engine: engine)
        users = FakeUsers(engine: engine)
        server = FakeServer(engine: engine)
    }

    /// How many iterations of ``Updates`` are open in the app; for tests that look for a leak.
    public var openUpdates: Int { engine.watcherCount }
}

/// Time that passes only when it is told to.
public struct VirtualClock: Sendable {
    let engine: FakeEngine

    /// The time now.
    public var now: Date { engine.read { $0.now } }

    /// Lets time pass, and all that is due meanwhile happen.
    public func advance(by duration: Duration) { engine.change { $0.advance(by: duration) } }
}

/// What lies between the phone and the desk.
public struct FakeNetwork: Sendable {
    let engine: FakeEngine

    /// Nothing passes, and what is under way is lost.
    public func offline() { engine.change { $0.online = false } }

    /// It is back; what waits is tried at once, as a phone does that is told by its system.
    public func online() {
        engine.change { world in
            world.online = true
            world.tryAtOnce()
        }
    }

    /// Each request, and what comes from the desk, takes so much longer; zero for at once.
    public func slow(by duration: Duration) { engine.change { $0.latency = duration } }

    /// So many writes fail before they reach the desk. The phone tries them again after a second, two, four …
    public func failNext(times: Int = 1, status: Int = 500) {
        engine.change { world in
            world.failures = times
            world.failureStatus = status
        }
    }

    /// The next write reaches the desk, and its answer is lost.
    public func loseNextAnswer() { engine.change { $0.losesNextAnswer = true } }

    /// The desk refuses the next write for good: it is wedged until the person decides.
    public func refuseNext(code: String) { engine.change { $0.refusals.append(code) } }
}

/// An agent who does what the test says.
public struct ScriptedAgent: Sendable {
    let engine: FakeEngine

    /// What persons see of the agent.
    public var identity: Agent { engine.read { $0.agent } }

    /// Answers the newest conversation; the next one that is opened, if there is none.
    public func replies(_ text: String, after: Duration = .zero) {
        engine.change { world in
            if let id = world.newest() {
                world.reply(to: id, text: text, after: after)
            } else {
                world.scripts.append(Script(text: text, after: after))
            }
        }
    }

    /// Answers this conversation.
    public func sends(_ conversation: ConversationId, text: String, after: Duration = .zero) {
        engine.change { $0.reply(to: conversation, text: text, after: after) }
    }

    /// Types in a conversation, the newest if none is named, or stops.
    public func types(_ typing: Bool = true, in conversation: ConversationId? = nil) {
        engine.change { world in
            guard let id = conversation ?? world.newest() else { return }
            world.tickets[id]?.typing = typing ? [world.agent] : []
        }
    }

    /// Reads all of a conversation.
    public func reads(_ conversation: ConversationId) {
        engine.change { world in
            let last = world.tickets[conversation]?.lastSeq ?? 0
            world.tickets[conversation]?.agentRead = last
        }
    }

    /// Closes a conversation.
    public func closes(_ conversation: ConversationId) { sets(conversation, .closed) }

    /// Sets where a conversation stands.
    public func sets(_ conversation: ConversationId, _ status: ConversationStatus) {
        engine.change { world in
            world.tickets[conversation]?.status = status
            world.touch(conversation)
        }
    }

    /// Writes *Line 1*, *Line 2* … into a conversation.
    public func fills(_ conversation: ConversationId, messages: Int) {
        engine.change { world in
            for line in 0..<messages { world.reply(to: conversation, text: "Line \(line + 1)", after: .zero) }
        }
    }
}

/// Who may log in.
public struct FakeUsers: Sendable {
    /// What the desk thinks of a token.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// It takes it.
        case good
        /// Its time is over.
        case expired
        /// Nobody trusts it.
        case refused
        /// Its time has not come.
        case early
    }

    struct Verdict {
        var subject: String
        var kind: Kind
    }

    let engine: FakeEngine

    /// A token of a user, as the app's backend would hand it out.
    public func token(_ subject: String, kind: Kind = .good) -> String {
        let token = "fake.\(kind.rawValue).\(subject)"
        accept(token, as: subject, kind: kind)
        return token
    }

    /// Makes the desk know a token of the test's own.
    public func accept(_ token: String, as subject: String, kind: Kind = .good) {
        engine.change { $0.accepted[token] = Verdict(subject: subject, kind: kind) }
    }

    /// A provider that always gives a good token of this user.
    public func provider(_ subject: String) -> any TokenProvider { GoodProvider(token: token(subject)) }
}

private struct GoodProvider: TokenProvider {
    let token: String

    func token(reason: TokenReason) async throws -> String { token }
}

/// What the desk has, for assertions.
public struct FakeServer: Sendable {
    let engine: FakeEngine

    /// A message as the desk has it.
    public struct StoredMessage: Sendable, Hashable, Identifiable {
        /// Which one.
        public let id: MessageId
        /// Who wrote it.
        public let author: Author
        /// The words; `nil` once it was taken back.
        public let text: String?
        /// The names of its files.
        public let attachments: [String]
    }

    /// The messages of a conversation, in the desk's order.
    public func messages(_ conversation: ConversationId) -> [StoredMessage] {
        engine.read { world in
            (world.tickets[conversation]?.messages ?? []).map { message in
                StoredMessage(
                    id: message.id, author: message.author, text: message.text,
                    attachments: message.attachments.map(\.name))
            }
        }
    }

    /// All conversations, the newest first.
    public var conversations: [ConversationId] {
        engine.read { world in world.tickets.values.sorted { $0.event > $1.event }.map(\.id) }
    }

    /// Who a conversation belongs to: the subject of a login, or `nil` for somebody anonymous.
    public func subject(of conversation: ConversationId) -> String? {
        engine.read { world in
            guard let person = world.tickets[conversation]?.person, person.hasPrefix("user-") else { return nil }
            return String(person.dropFirst("user-".count))
        }
    }

    /// What readers said of articles, in order.
    public var ratings: [FakeRating] { engine.read { $0.ratings } }

    /// Where the phone is to be woken.
    public var pushToken: PushToken? { engine.read { $0.pushToken } }

    /// Changes the FAQ.
    public func publish(_ articles: [FakeArticle]) { engine.change { $0.articles = articles } }
}

/// What a reader said of an article.
public struct FakeRating: Sendable, Hashable {
    /// Which article.
    public let article: ArticleId
    /// Whether it helped.
    public let helpful: Bool
    /// What she wrote.
    public let comment: String?

    /// What a reader said.
    public init(article: ArticleId, helpful: Bool, comment: String? = nil) {
        self.article = article
        self.helpful = helpful
        self.comment = comment
    }
}

extension FakeWorld {
    /// The conversation with the newest event at the desk.
    func newest() -> ConversationId? { tickets.values.max { $0.event < $1.event }?.id }

    /// What waits for its next try no longer does.
    mutating func tryAtOnce() {
        for index in operations.indices { operations[index].notBefore = now }
    }
}

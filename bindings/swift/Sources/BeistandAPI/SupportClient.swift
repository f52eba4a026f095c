import Foundation

// The client as an app sees it: protocols, so that the official fake and an app's own double fit.

/// The desk, as this phone sees it. Commands return once they are safe on disk; what the network does later is watched.
///
/// Make one with `Beistand(_:)`, keep it as long as the app runs, and hand it to your screens as `any SupportClient`.
public protocol SupportClient: Sendable {
    /// Tickets and chat.
    var conversations: any Conversations { get }
    /// Answers without a network.
    var faq: any Faq { get }
    /// What waits to be sent.
    var outbox: any Outbox { get }
    /// Files of messages.
    var attachments: any Attachments { get }

    /// Who the person is.
    var identity: Updates<SupportIdentity> { get }
    /// How the client stands to its server.
    var connection: Updates<Connection> { get }
    /// What happens besides; those from before the iteration began are not told.
    var events: Updates<SupportEvent> { get }
    /// Whether this build of the library can make calls.
    var supportsCalls: Bool { get }

    /// Logs the app's user in. What was written before belongs to the user then.
    @discardableResult
    func login(_ provider: any TokenProvider) async throws -> SupportIdentity
    /// Logs the user out: what is hers is no longer shown, and the next one begins as nobody. Works offline.
    @discardableResult
    func logout(_ mode: LogoutMode) async throws -> LogoutResult

    /// What the desk announces, as last told.
    func settings() async throws -> SupportSettings
    /// Where this phone is woken; `nil` for nowhere.
    func setPushToken(_ token: PushToken?) async throws
    /// Asks the server for what is new and returns when it is here; for a push that has come.
    func sync() async throws
    /// The network may be back: tries at once what waits.
    func wake()
    /// The app goes to the background: the socket closes and the database is quiet.
    func pause() async throws
    /// The app is in front again.
    func resume() async throws
    /// Ends the client and closes its database. Calls that come later fail with ``SupportErrorKind/shutDown``.
    func shutdown() async
}

/// A provider that is a closure.
private struct ClosureProvider: TokenProvider {
    let give: @Sendable (TokenReason) async throws -> String

    func token(reason: TokenReason) async throws -> String { try await give(reason) }
}

extension SupportClient {
    /// Logs the app's user in, with tokens from a closure.
    @discardableResult
    public func login(_ token: @escaping @Sendable (TokenReason) async throws -> String) async throws -> SupportIdentity
    {
        try await login(ClosureProvider(give: token))
    }

    /// Logs the user out; what waits is sent first, within ten seconds.
    @discardableResult
    public func logout() async throws -> LogoutResult { try await logout(.sendFirst) }
}

/// Tickets and chat.
public protocol Conversations: Sendable {
    /// All conversations, the one with the newest event first. While somebody iterates, the app looks, and news come at once.
    var list: Updates<ConversationList> { get }
    /// Opens a ticket; offline too.
    func open(_ draft: TicketDraft) async throws -> any Conversation
    /// A conversation of this phone.
    func get(_ id: ConversationId) async throws -> any Conversation
    /// Messages of others that the person has not read, over all conversations.
    func unread() async throws -> Int
}

/// A conversation: a handle that is cheap, and holds nothing open unless its timeline is iterated.
public protocol Conversation: Sendable {
    /// Which one.
    var id: ConversationId { get }
    /// Its newest fifty messages, then what changes. While somebody iterates, the app looks, and news come at once.
    var timeline: Updates<Timeline> { get }
    /// Who types in it; told while the conversation is looked at.
    var typing: Updates<[Author]> { get }

    /// How it stands.
    func info() async throws -> ConversationInfo
    /// Sends a message, with files or without; offline too.
    @discardableResult
    func send(_ draft: MessageDraft) async throws -> MessageId
    /// Changes the words of an own message, whether it has left or not.
    func edit(_ id: MessageId, text: String) async throws
    /// Takes an own message back.
    func retract(_ id: MessageId) async throws
    /// Tries a wedged message again.
    func retry(_ id: MessageId) async throws
    /// Throws away a message that has not left.
    func discard(_ id: MessageId) async throws
    /// Marks everything up to a place in the server's order as read; `nil` for all that is here.
    func markRead(upTo seq: UInt64?) async throws
    /// Closes the ticket.
    func closeTicket() async throws
    /// Opens it again.
    func reopenTicket() async throws
    /// Tells the agents that the person types, or has stopped. May be lost.
    func setTyping(_ typing: Bool)
    /// Widens the window of the timelines that are being iterated by older messages, 1 to 100.
    func loadEarlier(count: Int) async throws
    /// One message.
    func message(_ id: MessageId) async throws -> Message
    /// Waits until a message has reached the server; `nil` if it has not in this time.
    func awaitSent(_ id: MessageId, within: Duration) async throws -> Message?
}

extension Conversation {
    /// Sends words.
    @discardableResult
    public func send(_ text: String) async throws -> MessageId { try await send(MessageDraft(text: text)) }
    /// Marks everything that is here as read.
    public func markRead() async throws { try await markRead(upTo: nil) }
    /// Widens the window by fifty older messages.
    public func loadEarlier() async throws { try await loadEarlier(count: 50) }
}

/// What waits to be sent.
public protocol Outbox: Sendable {
    /// The writes that wait, oldest first.
    func items() async throws -> [OutboxItem]
    /// Tries a wedged write again.
    func retry(_ id: OperationId) async throws
    /// Throws a write away that has not left.
    func discard(_ id: OperationId) async throws
    /// Waits until nothing leaves by itself any more.
    func flush(within: Duration) async throws -> FlushResult
}

/// Files of messages.
public protocol Attachments: Sendable {
    /// Where a file lies on this phone; fetched first if it does not. Good until room is needed: ask again rather than keep it.
    func fetch(_ id: AttachmentId) async throws -> String
    /// The same for its small picture.
    func thumbnail(_ id: AttachmentId) async throws -> String
    /// How far it has got, in either direction.
    func progress(_ id: AttachmentId) -> Updates<Transfer>
}

/// Answers without a network.
public protocol Faq: Sendable {
    /// How the FAQ on this phone stands.
    var status: Updates<FaqStatus> { get }
    /// Searches. Every text is a legal query.
    func search(_ query: String, options: SearchOptions) async throws -> SearchResults
    /// Articles that may answer what is being written, at most three.
    func suggest(_ draft: String) async throws -> [FaqHit]
    /// An article in the person's language, or the nearest that has it.
    func article(_ id: ArticleId) async throws -> Article?
    /// Tells the editors whether an article helped; offline too.
    func rate(_ article: Article, helpful: Bool, comment: String?) async throws
    /// The collections, in the editors' order.
    func collections() async throws -> [FaqCollection]
    /// The articles of a collection, or all, in the editors' order.
    func articles(in collection: CollectionId?) async throws -> [ArticleEntry]
    /// Where a picture lies on this phone; fetched first if it does not.
    func image(sha256: String) async throws -> String
    /// Asks the server now. Needs the network; nothing else does.
    func refresh() async throws
    /// The language that the person reads from now on.
    func setLocale(_ tag: String) async throws
}

extension Faq {
    /// Searches, with the usual options.
    public func search(_ query: String) async throws -> SearchResults {
        try await search(query, options: SearchOptions())
    }
    /// Tells the editors whether an article helped.
    public func rate(_ article: Article, helpful: Bool) async throws {
        try await rate(article, helpful: helpful, comment: nil)
    }
    /// All articles, in the editors' order.
    public func articles() async throws -> [ArticleEntry] { try await articles(in: nil) }
}

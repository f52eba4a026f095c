import Foundation

// What waits to be sent, as an app sees it.

/// What a write does.
public enum OperationKind: String, Sendable, Hashable, CaseIterable {
    /// Opens a conversation with its first message.
    case open
    /// Sends a message.
    case send
    /// Changes the words of a message.
    case edit
    /// Takes a message back.
    case retract
    /// Takes a whole conversation back.
    case withdraw
    /// Closes or reopens a conversation.
    case status
    /// Tells how far the person has read.
    case read
    /// Tells what the person thinks of an article.
    case feedback
    /// Tells what was counted in the FAQ.
    case report
}

/// Where a write stands.
public enum OutboxState: Sendable, Hashable {
    /// Leaves by itself.
    case queued
    /// On its way right now.
    case sending
    /// Stopped until the person decides. The code says why, `detail` says it to developers.
    case wedged(code: String, detail: String)
}

/// A write that waits.
public struct OutboxItem: Sendable, Hashable, Identifiable {
    /// The operation.
    public var id: OperationId
    /// What it does.
    public var kind: OperationKind
    /// Where.
    public var conversation: ConversationId
    /// To which message, if to one.
    public var message: MessageId?
    /// Where it stands.
    public var state: OutboxState
    /// How many attempts have failed.
    public var attempts: Int
    /// When it was written, by this phone's clock.
    public var createdAt: Date

    /// A write; for an app's own double.
    public init(
        id: OperationId, kind: OperationKind, conversation: ConversationId, message: MessageId? = nil,
        state: OutboxState, attempts: Int = 0, createdAt: Date
    ) {
        self.id = id
        self.kind = kind
        self.conversation = conversation
        self.message = message
        self.state = state
        self.attempts = attempts
        self.createdAt = createdAt
    }
}

/// How waiting for the outbox ended.
public enum FlushResult: Sendable, Hashable {
    /// Nothing waits any more.
    case empty
    /// What is left waits for a decision of the person: `wedged` writes, and `heldBack` behind them.
    case wedged(wedged: Int, heldBack: Int)
    /// Time is up, and so many writes still wait.
    case timedOut(waiting: Int)
}

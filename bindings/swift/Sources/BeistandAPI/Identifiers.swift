// Ids, each a type of its own, so that a message cannot be passed where a conversation is meant. The phone mints them:
// what was written without a network keeps its id for good.

/// What an id is: text that names one thing.
public protocol Identifier: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    /// The text.
    var value: String { get }
    /// An id from its text.
    init(_ value: String)
}

extension Identifier {
    /// The same as ``value``.
    public var rawValue: String { value }
    /// The same as ``value``.
    public var description: String { value }
    /// An id from its text; any text is taken, the call that gets it judges it.
    public init(rawValue: String) { self.init(rawValue) }
    /// An id from its text.
    public init(stringLiteral value: String) { self.init(value) }
}

/// Names a conversation.
public struct ConversationId: Identifier {
    /// The UUID as text.
    public let value: String
    /// An id from its text.
    public init(_ value: String) { self.value = value }
}

/// Names a message.
public struct MessageId: Identifier {
    /// The UUID as text.
    public let value: String
    /// An id from its text.
    public init(_ value: String) { self.value = value }
}

/// Names a file of a message.
public struct AttachmentId: Identifier {
    /// The UUID as text.
    public let value: String
    /// An id from its text.
    public init(_ value: String) { self.value = value }
}

/// Names a write that waits in the outbox.
public struct OperationId: Identifier {
    /// The UUID as text.
    public let value: String
    /// An id from its text.
    public init(_ value: String) { self.value = value }
}

/// Names an article of the FAQ.
public struct ArticleId: Identifier {
    /// The name that its editors gave it.
    public let value: String
    /// An id from its text.
    public init(_ value: String) { self.value = value }
}

/// Names a collection of articles.
public struct CollectionId: Identifier {
    /// The name that its editors gave it.
    public let value: String
    /// An id from its text.
    public init(_ value: String) { self.value = value }
}

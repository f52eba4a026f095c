import Foundation

// Messages, their files, and what a person writes.

/// Who wrote a message, or types.
public enum Author: Sendable, Hashable {
    /// The person whose conversation it is.
    case person
    /// An agent.
    case agent(Agent)
    /// The server itself.
    case system
    /// A kind that this version does not know.
    case unknown
}

/// What a message holds.
public enum MessageBody: Sendable, Hashable {
    /// Plain text; an edit under way shows at once.
    case text(String)
    /// It was taken back.
    case retracted
    /// A kind that this version does not know: `raw` is its JSON, which renders once the app is updated.
    case unsupported(kind: String, raw: String)
}

/// How far a message has got.
public enum MessageState: Sendable, Hashable {
    /// Safe on this phone; leaves by itself.
    case queued
    /// On its way right now.
    case sending
    /// The server has it.
    case sent
    /// It has reached an agent's device.
    case delivered
    /// An agent has looked at it.
    case read
    /// Stopped until the person retries, edits or discards it. The code is the server's; `nil` where the reason is the phone's
    /// own, see the outbox item.
    case wedged(code: String?)
    /// It came from somebody else.
    case received
}

/// A message of a timeline.
public struct Message: Sendable, Hashable, Identifiable {
    /// Which one.
    public var id: MessageId
    /// Where it stands.
    public var conversation: ConversationId
    /// Its place in the server's order; `nil` until the server has it.
    public var seq: UInt64?
    /// Who wrote it.
    public var author: Author
    /// What it holds.
    public var body: MessageBody
    /// Its files, in the order their writer gave them.
    public var attachments: [Attachment]
    /// How far it has got.
    public var state: MessageState
    /// Whether an edit or a retraction of it is still under way.
    public var changePending: Bool
    /// Whether its words were changed.
    public var edited: Bool
    /// When it was written: the server's time once known, else this phone's.
    public var createdAt: Date

    /// A message; for previews of screens and an app's own double.
    public init(
        id: MessageId, conversation: ConversationId, seq: UInt64? = nil, author: Author, body: MessageBody,
        attachments: [Attachment] = [], state: MessageState, changePending: Bool = false, edited: Bool = false,
        createdAt: Date
    ) {
        self.id = id
        self.conversation = conversation
        self.seq = seq
        self.author = author
        self.body = body
        self.attachments = attachments
        self.state = state
        self.changePending = changePending
        self.edited = edited
        self.createdAt = createdAt
    }

    /// The words, if it is text.
    public var text: String? {
        if case .text(let text) = body { return text }
        return nil
    }
}

/// A window over a conversation: the newest messages, pending ones last.
public struct Timeline: Sendable, Hashable {
    /// Whether ``messages`` was read; before that it is empty because nobody has looked.
    public var loaded: Bool
    /// The messages, oldest first.
    public var messages: [Message]
    /// Whether ``Conversation/loadEarlier(count:)`` may bring more.
    public var hasEarlier: Bool
    /// Whether older messages are on this phone, so that no network is needed for them.
    public var hasEarlierHere: Bool

    /// A window; without arguments what a screen shows before the first value.
    public init(
        loaded: Bool = false, messages: [Message] = [], hasEarlier: Bool = false, hasEarlierHere: Bool = false
    ) {
        self.loaded = loaded
        self.messages = messages
        self.hasEarlier = hasEarlier
        self.hasEarlierHere = hasEarlierHere
    }
}

/// What a person writes.
public struct MessageDraft: Sendable {
    /// The words; may be empty if there are files.
    public var text: String
    /// Files, in the order they are to be shown.
    public var attachments: [AttachmentSource]

    /// A draft.
    public init(text: String, attachments: [AttachmentSource] = []) {
        self.text = text
        self.attachments = attachments
    }
}

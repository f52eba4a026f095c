import Foundation

// Conversations as a phone knows them, what waits in the outbox included, and what opens one.

/// How pressing a conversation is.
public enum Priority: String, Sendable, Hashable, CaseIterable {
    /// Can wait.
    case low
    /// The usual case.
    case normal
    /// Before the usual ones.
    case high
    /// Somebody is stuck.
    case urgent
}

/// Where a conversation stands.
public enum ConversationStatus: String, Sendable, Hashable, CaseIterable {
    /// An agent has to act.
    case open
    /// The person has to act.
    case pending
    /// Answered for good, as the agent thinks; a new message opens it again.
    case solved
    /// Over; a new message, or reopening, opens it again.
    case closed
}

/// The value of a custom field.
public enum FieldValue: Sendable, Hashable {
    /// For fields of kind `text`, `choice` and `date` (`YYYY-MM-DD`).
    case text(String)
    /// For a field of kind `number`; finite.
    case number(Double)
    /// For a field of kind `bool`.
    case flag(Bool)
}

/// Somebody at the desk.
public struct Agent: Sendable, Hashable, Identifiable {
    /// Which agent.
    public let id: String
    /// The name that persons see.
    public let name: String

    /// An agent.
    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}

/// A conversation, what waits in the outbox included.
public struct ConversationInfo: Sendable, Hashable, Identifiable {
    /// Which one.
    public var id: ConversationId
    /// What it is about.
    public var subject: String
    /// What it is filed under.
    public var category: String?
    /// How pressing it is.
    public var priority: Priority
    /// Values of custom fields.
    public var fields: [String: FieldValue]
    /// Where it stands; a change under way shows at once.
    public var status: ConversationStatus
    /// Who takes care of it.
    public var assignee: Agent?
    /// Messages of others that the person has not read.
    public var unread: Int
    /// Whether the server has it.
    public var atServer: Bool
    /// When it was opened: the server's time once known, else this phone's.
    public var createdAt: Date
    /// When something last happened in it, likewise.
    public var updatedAt: Date
    /// The newest message in words, for a list; empty if it has none.
    public var preview: String

    /// A conversation; for previews of screens and an app's own double.
    public init(
        id: ConversationId, subject: String, category: String? = nil, priority: Priority = .normal,
        fields: [String: FieldValue] = [:], status: ConversationStatus = .open, assignee: Agent? = nil, unread: Int = 0,
        atServer: Bool = true, createdAt: Date, updatedAt: Date, preview: String = ""
    ) {
        self.id = id
        self.subject = subject
        self.category = category
        self.priority = priority
        self.fields = fields
        self.status = status
        self.assignee = assignee
        self.unread = unread
        self.atServer = atServer
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.preview = preview
    }
}

/// All conversations, the one with the newest event first.
public struct ConversationList: Sendable, Hashable {
    /// Whether ``items`` was read; before that the list is empty because nobody has looked.
    public var loaded: Bool
    /// The conversations.
    public var items: [ConversationInfo]

    /// A list; without arguments what a screen shows before the first value.
    public init(loaded: Bool = false, items: [ConversationInfo] = []) {
        self.loaded = loaded
        self.items = items
    }
}

/// What a person fills in to open a conversation.
public struct TicketDraft: Sendable {
    /// What it is about; one line.
    public var subject: String
    /// The first message.
    public var text: String
    /// One of the announced categories.
    public var category: String?
    /// How pressing it is.
    public var priority: Priority
    /// Values of announced custom fields.
    public var fields: [String: FieldValue]
    /// Files of the first message, in the order they are to be shown.
    public var attachments: [AttachmentSource]

    /// A draft.
    public init(
        subject: String, text: String, category: String? = nil, priority: Priority = .normal,
        fields: [String: FieldValue] = [:], attachments: [AttachmentSource] = []
    ) {
        self.subject = subject
        self.text = text
        self.category = category
        self.priority = priority
        self.fields = fields
        self.attachments = attachments
    }
}

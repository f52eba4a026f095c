import Foundation

// What the desk announces: what a ticket may be filed under, its fields, and what is accepted.

/// A category.
public struct SupportCategory: Sendable, Hashable, Identifiable {
    /// Stable name, as in ``TicketDraft/category``.
    public var id: String
    /// What a person reads, by language tag (`de`, `en`).
    public var label: [String: String]

    /// A category; for an app's own double.
    public init(id: String, label: [String: String] = [:]) {
        self.id = id
        self.label = label
    }
}

/// What a field holds.
public enum FieldKind: String, Sendable, Hashable, CaseIterable {
    /// Free text.
    case text
    /// A finite number.
    case number
    /// One of the field's choices.
    case choice
    /// A day, `YYYY-MM-DD`.
    case date
    /// Yes or no.
    case bool
}

/// A custom field of a ticket.
public struct SupportField: Sendable, Hashable, Identifiable {
    /// Stable name, as in ``TicketDraft/fields``.
    public var key: String
    /// What it holds.
    public var kind: FieldKind
    /// What a person reads, by language tag.
    public var label: [String: String]
    /// Whether a ticket cannot be opened without it.
    public var required: Bool
    /// The values that a choice may have.
    public var choices: [String]
    /// Characters in a text, if fewer than the general limit.
    public var maxChars: Int?

    /// The same as ``key``.
    public var id: String { key }

    /// A field; for an app's own double.
    public init(
        key: String, kind: FieldKind, label: [String: String] = [:], required: Bool = false, choices: [String] = [],
        maxChars: Int? = nil
    ) {
        self.key = key
        self.kind = kind
        self.label = label
        self.required = required
        self.choices = choices
        self.maxChars = maxChars
    }
}

/// What the server accepts.
public struct SupportLimits: Sendable, Hashable {
    /// Characters in one message.
    public var textChars: Int
    /// Characters in a subject.
    public var subjectChars: Int
    /// Characters in a text field.
    public var fieldChars: Int
    /// Custom fields in one ticket.
    public var fields: Int
    /// Files in one message.
    public var attachments: Int
    /// Bytes of one file.
    public var attachmentBytes: UInt64

    /// Limits; without arguments those of a server that says nothing else.
    public init(
        textChars: Int = 10_000, subjectChars: Int = 200, fieldChars: Int = 1_000, fields: Int = 50,
        attachments: Int = 10, attachmentBytes: UInt64 = 100_000_000
    ) {
        self.textChars = textChars
        self.subjectChars = subjectChars
        self.fieldChars = fieldChars
        self.fields = fields
        self.attachments = attachments
        self.attachmentBytes = attachmentBytes
    }
}

/// What the desk announces.
public struct SupportSettings: Sendable, Hashable {
    /// What a ticket may be filed under.
    public var categories: [SupportCategory]
    /// Its custom fields.
    public var fields: [SupportField]
    /// What is accepted.
    public var limits: SupportLimits
    /// Names of optional parts that the server offers.
    public var features: [String]
    /// Whether a server has told this; before that it is what every server accepts.
    public var announced: Bool

    /// Settings; without arguments those before the first contact with a server.
    public init(
        categories: [SupportCategory] = [], fields: [SupportField] = [], limits: SupportLimits = SupportLimits(),
        features: [String] = [], announced: Bool = false
    ) {
        self.categories = categories
        self.fields = fields
        self.limits = limits
        self.features = features
        self.announced = announced
    }
}

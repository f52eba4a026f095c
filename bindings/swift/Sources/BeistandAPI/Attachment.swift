import Foundation

// Files of messages: where they come from, how they stand, how far they have got.

/// A file that is to be sent. It is copied before the call that takes it returns.
public struct AttachmentSource: Sendable, Hashable {
    /// What is read.
    public enum Content: Sendable, Hashable {
        /// A file of the file system.
        case path(String)
        /// The bytes themselves.
        case bytes(Data)
    }

    /// What is read.
    public var content: Content
    /// What the file is called; `nil` for the name that it has.
    public var name: String?
    /// Whether a photo keeps where it was taken.
    public var keepLocation: Bool

    private init(content: Content, name: String?, keepLocation: Bool) {
        self.content = content
        self.name = name
        self.keepLocation = keepLocation
    }

    /// A file by its path, under another name if one is given.
    public static func path(_ path: String, name: String? = nil, keepLocation: Bool = false) -> AttachmentSource {
        AttachmentSource(content: .path(path), name: name, keepLocation: keepLocation)
    }

    /// A file by its URL, under another name if one is given.
    public static func file(_ url: URL, name: String? = nil, keepLocation: Bool = false) -> AttachmentSource {
        .path(url.path, name: name, keepLocation: keepLocation)
    }

    /// Bytes in memory.
    public static func bytes(_ bytes: Data, name: String, keepLocation: Bool = false) -> AttachmentSource {
        AttachmentSource(content: .bytes(bytes), name: name, keepLocation: keepLocation)
    }
}

/// Where a file is.
public enum AttachmentState: String, Sendable, Hashable, CaseIterable {
    /// Safe on this phone; leaves before its message does.
    case waiting
    /// On its way right now; see ``Attachments/progress(_:)``.
    case uploading
    /// On this phone, and at the server unless its message still waits.
    case here
    /// At the server only: to be fetched.
    case remote
    /// At the server, and its virus scan has not ended: to be fetched later.
    case scanning
    /// The virus scan has found something: it cannot be had.
    case blocked
}

/// A file of a message.
public struct Attachment: Sendable, Hashable, Identifiable {
    /// Which file.
    public var id: AttachmentId
    /// Its name, to show and to save under.
    public var name: String
    /// What it is, as its bytes tell.
    public var mediaType: String
    /// How many bytes it has.
    public var size: UInt64
    /// Pixels across as it is shown, if it is a picture.
    public var width: Int?
    /// Pixels down, likewise.
    public var height: Int?
    /// Pixels across of its small picture at the server, if there is one.
    public var thumbnailWidth: Int?
    /// Pixels down, likewise.
    public var thumbnailHeight: Int?
    /// Where it is.
    public var state: AttachmentState

    /// A file; for previews of screens and an app's own double.
    public init(
        id: AttachmentId, name: String, mediaType: String, size: UInt64, width: Int? = nil, height: Int? = nil,
        thumbnailWidth: Int? = nil, thumbnailHeight: Int? = nil, state: AttachmentState
    ) {
        self.id = id
        self.name = name
        self.mediaType = mediaType
        self.size = size
        self.width = width
        self.height = height
        self.thumbnailWidth = thumbnailWidth
        self.thumbnailHeight = thumbnailHeight
        self.state = state
    }
}

/// How far a file has got on its way.
public struct Transfer: Sendable, Hashable {
    /// Bytes that have arrived at the other side.
    public var done: UInt64
    /// All its bytes; 0 while that is not known.
    public var total: UInt64
    /// Whether it is on its way right now.
    public var active: Bool

    /// How far a file has got.
    public init(done: UInt64 = 0, total: UInt64 = 0, active: Bool = false) {
        self.done = done
        self.total = total
        self.active = active
    }
}

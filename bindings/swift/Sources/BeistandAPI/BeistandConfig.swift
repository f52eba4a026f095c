import Foundation

// What a client is built from, with a default for all that most apps never touch.

/// A publication of the FAQ that an app carries.
public enum FaqSeed: Sendable, Hashable {
    /// A file of the app's bundle.
    case path(String)
    /// The bytes themselves.
    case bytes(Data)
}

/// How the FAQ is kept on the phone.
public struct FaqConfig: Sendable, Hashable {
    /// Publications that the app carries, so that the first launch without a network has answers.
    public var seeds: [FaqSeed] = []
    /// The public key, in Base64, that publications must be signed with; `nil` to take any of the server.
    public var key: String?
    /// How old the word of the server may be before it is asked again.
    public var maxAge: Duration = .seconds(3600)
    /// Bytes of the FAQ's file, above which languages that were not read for longest go.
    public var cacheBytes: UInt64 = 48 * 1024 * 1024
    /// Bytes of pictures that are kept.
    public var imageBytes: UInt64 = 40 * 1024 * 1024
    /// Whether the pictures of an article are fetched when it is opened, rather than when they are asked for.
    public var prefetchImages = false
    /// Whether the server may be told which articles were opened and which searches found nothing, without a name.
    public var report = false

    /// The defaults, with what the app carries.
    public init(seeds: [FaqSeed] = [], key: String? = nil) {
        self.seeds = seeds
        self.key = key
    }
}

/// How serious a line of the log is.
public enum SupportLogLevel: Int, Sendable, Hashable, Comparable {
    /// Something broke.
    case error
    /// Something is odd.
    case warning
    /// What happens.
    case info
    /// How it happens.
    case debug
    /// Everything.
    case trace

    /// By seriousness.
    public static func < (left: SupportLogLevel, right: SupportLogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// Takes lines of the log. They never hold what a person wrote.
public protocol SupportLog: Sendable {
    /// Lines up to this level are wanted.
    var level: SupportLogLevel { get }
    /// Takes a line, on any thread.
    func line(level: SupportLogLevel, target: String, text: String)
}

/// What a client is built from.
public struct BeistandConfig: Sendable {
    /// The server's address, without `/v1`.
    public var server: String
    /// Names the app at the server.
    public var appKey: String
    /// Where the data lives; made if it is not there. By default `beistand` in the app's Application Support, excluded from
    /// backups.
    public var folder: String?
    /// The person's language tag; the system's by default.
    public var locale: String?
    /// Reported to the server: `ios`, `macos`, `linux`; the system's name by default.
    public var platform: String?
    /// How the FAQ is kept.
    public var faq = FaqConfig()
    /// Writes that may wait.
    public var outboxItems = 2_000
    /// Bytes of text that may wait.
    public var outboxBytes: UInt64 = 32 * 1024 * 1024
    /// Bytes of files that may wait.
    public var outboxFileBytes: UInt64 = 512 * 1024 * 1024
    /// Bytes of files that are kept to be looked at offline.
    public var attachmentCacheBytes: UInt64 = 200 * 1024 * 1024
    /// Certificates of authorities, in PEM, that are trusted besides the system's: for a desk with an authority of its own.
    public var trustedRootsPem: String?
    /// How long a request may hear nothing before it is given up.
    public var requestTimeout: Duration = .seconds(30)
    /// How long a token provider may take.
    public var tokenTimeout: Duration = .seconds(30)
    /// Where lines of the log go; `nil` for nowhere.
    public var log: (any SupportLog)?

    /// The defaults for a server and an app.
    public init(server: String, appKey: String, folder: String? = nil) {
        self.server = server
        self.appKey = appKey
        self.folder = folder
    }

    /// The same with the server as a URL.
    public init(server: URL, appKey: String, folder: String? = nil) {
        self.init(server: server.absoluteString, appKey: appKey, folder: folder)
    }
}

import Foundation

// What can go wrong, as an app tells it apart. Codes are stable; sentences are not.

/// What kind of failure.
public enum SupportErrorKind: String, Sendable, Hashable, CaseIterable {
    /// The input breaks a rule; ``SupportError/code`` says which. Nothing was stored.
    case invalidInput
    /// There is no such thing on this phone.
    case notFound
    /// The change comes too late: what is to be undone may have happened already.
    case tooLate
    /// The outbox holds as much as it may. Nothing was stored.
    case outboxFull
    /// The disk is full. Nothing was stored.
    case storageFull
    /// The local database failed. Nothing was promised.
    case storage
    /// The local database was damaged, and is rebuilt from what can be read: call again.
    case storageDamaged
    /// A file that was to be attached cannot be read. Nothing was stored.
    case unreadable
    /// The place where a photo was taken cannot be removed from it. Nothing was stored.
    case locationRemains
    /// The client was shut down.
    case shutDown
    /// Another client of this process uses the same folder.
    case folderInUse
    /// The client was configured with something impossible.
    case configuration
    /// The server could not be reached.
    case unreachable
    /// The server refused; ``SupportError/code`` says why.
    case refused
    /// Nobody was logged in: the app's token provider failed, or no token of it was taken.
    case loginFailed
    /// Something of the FAQ was not taken; what is on this phone stays.
    case faq
    /// This build of the library does not have that.
    case unsupported
    /// The native library is missing or is of another version.
    case libraryMissing
    /// A fault of Beistand itself: please report it.
    case `internal`
}

/// Whether doing the same again makes sense.
public enum SupportRetry: Sendable, Hashable {
    /// The same call will fail again.
    case never
    /// Once something has changed that the sentence names: another text, room on the disk.
    case afterChange
    /// At once, or a little later.
    case soon
}

/// A failure of a call.
///
/// ``kind`` is for `switch`, ``code`` for logs and for the list in the guide, ``detail`` for developers, and ``text(locale:)``
/// for the person. None of them holds what the person wrote.
public struct SupportError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure.
    public let kind: SupportErrorKind
    /// The stable code, as listed in the guide.
    public let code: String
    /// Whether doing the same again makes sense.
    public let retry: SupportRetry
    /// One sentence for developers, in English.
    public let detail: String

    /// An error; for an app's own double of the client.
    public init(kind: SupportErrorKind, code: String, retry: SupportRetry = .never, detail: String) {
        self.kind = kind
        self.code = code
        self.retry = retry
        self.detail = detail
    }

    /// Code and sentence, for a log.
    public var description: String { "\(code): \(detail)" }
}

extension SupportError: LocalizedError {
    /// The sentence for the person, in the system's language.
    public var errorDescription: String? { text(locale: .current) }
}

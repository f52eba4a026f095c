import Foundation

// What a client reports besides the changes of its data.

/// How the client stands to its server.
public enum Connection: String, Sendable, Hashable {
    /// Nothing has been tried yet, or nobody looks.
    case idle
    /// The last try failed; another follows by itself.
    case offline
    /// The last answer came.
    case online
}

/// Something that an app may want to show or log. None of it needs an answer; later versions may add some.
public enum SupportEvent: Sendable, Hashable {
    /// The local database was damaged; it was moved aside, and what could be read is kept.
    case databaseRecovered(movedTo: String, outboxRows: UInt64, messages: UInt64)
    /// The server wants a newer version of the app; what is queued stays queued.
    case updateRequired
    /// The server does not know the app key; what is queued stays queued.
    case unknownApp
    /// The server does not accept this installation; what is queued stays queued.
    case credentialRefused
    /// The server's history is another one, as after a restore from a backup; so many writes are sent again.
    case historyChanged(requeued: UInt64)
    /// A write was refused or has expired, and waits for the person.
    case wedged(conversation: ConversationId, code: String)
    /// A publication of the FAQ was not taken; what was here before stays.
    case faqRefused(code: String)
    /// The FAQ on this phone was damaged; it is begun anew from what the app carries.
    case faqRebuilt
    /// The server does not accept the login, or the app's backend hands out no more tokens of the user. What is written still
    /// leaves, as somebody whom agents cannot name; another login mends it.
    case loginRefused(code: String)
    /// The server has forgotten the login, as after a restore from a backup; it is proven again by itself.
    case loginLost
    /// The server has accepted a login that could not be confirmed at once.
    case loginConfirmed
    /// Writes of a user who has logged out were refused, or can never leave.
    case leftUnsent(discarded: UInt64)
    /// A long task died; it is started anew.
    case taskFailed(task: String)
    /// Events came faster than they were taken: so many are not told.
    case missed(count: UInt64)
    /// Something that this version of the package has no words for.
    case other
}

import Foundation

// Who the person is, and how she logs in and out.

/// Who uses the app, as the desk knows it.
public struct SupportIdentity: Sendable, Hashable {
    /// The user's id in the app's own backend; `nil` if nobody is logged in.
    public var subject: String?
    /// Whether the server has accepted the login.
    public var confirmed: Bool

    /// An identity; without arguments the anonymous one.
    public init(subject: String? = nil, confirmed: Bool = false) {
        self.subject = subject
        self.confirmed = confirmed
    }
}

/// Why a token is asked for.
public enum TokenReason: String, Sendable, Hashable, CaseIterable {
    /// For a login.
    case first
    /// The last one has expired.
    case expired
    /// The last one was refused.
    case refused
    /// The last one is not valid yet by the server's clock: the clocks of the two backends differ.
    case clockSkew
}

/// Gives tokens that say who the user is, signed by the app's own backend.
///
/// One token is asked for at a time. A provider that throws fails the login and nothing else; one that does not answer is
/// given up after ``BeistandConfig/tokenTimeout``.
public protocol TokenProvider: Sendable {
    /// A fresh token.
    func token(reason: TokenReason) async throws -> String
}

/// What becomes of writes that wait when the user logs out.
public enum LogoutMode: Sendable, Hashable {
    /// They are sent first, as far as that works in this time; what is left after it is kept.
    case sendFirst(within: Duration)
    /// They are kept, and leave later as this user's.
    case keep
    /// They are thrown away.
    case discard

    /// Sent first, within ten seconds.
    public static let sendFirst = LogoutMode.sendFirst(within: .seconds(10))
}

/// What became of them.
public struct LogoutResult: Sendable, Hashable {
    /// Writes that left before the end.
    public var sent: Int
    /// Writes that leave later, as the user's who wrote them.
    public var kept: Int
    /// Writes that were thrown away.
    public var discarded: Int

    /// A result; for an app's own double.
    public init(sent: Int = 0, kept: Int = 0, discarded: Int = 0) {
        self.sent = sent
        self.kept = kept
        self.discarded = discarded
    }
}

/// Where a phone is woken.
public struct PushToken: Sendable, Hashable {
    /// Who delivers: `apns`, `apns-sandbox`.
    public var service: String
    /// What that service calls this installation.
    public var token: String

    /// A token as text.
    public init(service: String, token: String) {
        self.service = service
        self.token = token
    }

    /// A device token as Apple's push service hands it to the app.
    public static func apns(_ token: Data, sandbox: Bool = false) -> PushToken {
        let hex = token.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        return PushToken(service: sandbox ? "apns-sandbox" : "apns", token: hex)
    }
}

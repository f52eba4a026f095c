import BeistandAPI
import BeistandFFI

// Who the person is, across the border.

/// The app's provider, as the library asks it.
final class AskedProvider: FfiTokenProvider {
    private let provider: any TokenProvider

    init(_ provider: any TokenProvider) { self.provider = provider }

    func token(reason: FfiTokenReason) async throws -> String {
        // What the app's backend said stays with the app: it may name the user.
        do { return try await provider.token(reason: TokenReason(reason)) } catch { throw FfiTokenError.Failed }
    }
}

extension TokenReason {
    init(_ reason: FfiTokenReason) {
        switch reason {
        case .first: self = .first
        case .expired: self = .expired
        case .refused: self = .refused
        case .clockSkew: self = .clockSkew
        }
    }
}

extension FfiLogout {
    init(_ mode: LogoutMode) {
        switch mode {
        case .sendFirst(let within): self = .sendFirst(within: within.interval)
        case .keep: self = .keep
        case .discard: self = .discard
        }
    }
}

extension SupportIdentity {
    init(_ identity: FfiIdentity) { self.init(subject: identity.subject, confirmed: identity.confirmed) }
}

import BeistandAPI
import BeistandFFI

// Failures of the library as the app knows them. What it calls cancelled is Swift's own word for it.

/// Runs work of the library; what it throws is a ``SupportError`` or a `CancellationError`.
func supportErrors<Result>(_ work: () throws -> Result) throws -> Result {
    do { return try work() } catch { throw publicError(error) }
}

/// The same for work that waits.
func supportErrors<Result>(_ work: () async throws -> Result) async throws -> Result {
    do { return try await work() } catch { throw publicError(error) }
}

private func publicError(_ error: any Error) -> any Error {
    guard let error = error as? FfiError else {
        if error is CancellationError || error is SupportError { return error }
        // What the generated code throws when the library has panicked. Its words may name what a person wrote.
        return SupportError(kind: .internal, code: "internal", detail: "a fault inside Beistand: please report it")
    }
    switch error {
    case .Failed(let kind, let code, let retry, let detail):
        guard let kind = SupportErrorKind(kind) else { return CancellationError() }
        return SupportError(kind: kind, code: code, retry: SupportRetry(retry), detail: detail)
    }
}

extension SupportErrorKind {
    fileprivate init?(_ kind: FfiErrorKind) {
        switch kind {
        case .invalidInput: self = .invalidInput
        case .notFound: self = .notFound
        case .tooLate: self = .tooLate
        case .outboxFull: self = .outboxFull
        case .storageFull: self = .storageFull
        case .storage: self = .storage
        case .storageDamaged: self = .storageDamaged
        case .unreadable: self = .unreadable
        case .locationRemains: self = .locationRemains
        case .shutDown: self = .shutDown
        case .folderInUse: self = .folderInUse
        case .configuration: self = .configuration
        case .unreachable: self = .unreachable
        case .refused: self = .refused
        case .loginFailed: self = .loginFailed
        case .faq: self = .faq
        case .internal: self = .internal
        case .cancelled: return nil
        }
    }
}

extension SupportRetry {
    fileprivate init(_ retry: FfiRetry) {
        switch retry {
        case .never: self = .never
        case .afterChange: self = .afterChange
        case .soon: self = .soon
        }
    }
}

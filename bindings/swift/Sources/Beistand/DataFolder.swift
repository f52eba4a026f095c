import BeistandAPI
import Foundation

// Where the data lies. On Apple's systems that is Application Support, out of backups and readable from the first unlock on,
// so that a push can wake the app behind a locked screen. Elsewhere the app names a folder.

struct DataFolder: Sendable {
    let path: String
    private let ours: Bool

    /// Finds the name of the folder; touches nothing.
    init(_ named: String?) throws {
        if let named {
            path = named
            ours = false
            return
        }
        #if canImport(Darwin)
            let support = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask).first
            guard let support else { throw Self.missing }
            path = support.appendingPathComponent("beistand", isDirectory: true).path
            ours = true
        #else
            throw Self.missing
        #endif
    }

    private static var missing: SupportError {
        SupportError(
            kind: .configuration, code: "configuration",
            detail: "there is no default folder on this system: set BeistandConfig.folder")
    }

    /// Makes the folder, if it is our own; a failure shows when the library opens it.
    func prepare() {
        guard ours else { return }
        #if canImport(Darwin)
            var url = URL(fileURLWithPath: path, isDirectory: true)
            #if os(iOS)
                let attributes: [FileAttributeKey: Any] = [
                    .protectionKey: FileProtectionType.completeUntilFirstUserAuthentication
                ]
            #else
                let attributes: [FileAttributeKey: Any] = [:]
            #endif
            try? FileManager.default.createDirectory(
                at: url, withIntermediateDirectories: true, attributes: attributes)
            var values = URLResourceValues()
            values.isExcludedFromBackup = true
            try? url.setResourceValues(values)
        #endif
    }
}

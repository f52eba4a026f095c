import BeistandAPI
import BeistandFFI
import Foundation

// The factory. It has the name of the module, as in Kotlin, so that the two read alike.

// swift-format-ignore: AlwaysUseLowerCamelCase
/// Makes a client.
///
/// It opens nothing and starts nothing, no thread either: the first call does. Keep one client for one folder.
///
/// ```swift
/// let support = try Beistand(BeistandConfig(server: "https://support.example.com", appKey: "…"))
/// ```
///
/// - Throws: ``SupportError`` of kind ``SupportErrorKind/configuration`` if the address, the key or another setting is
///   impossible, and ``SupportErrorKind/folderInUse`` if another client of this process has the folder.
public func Beistand(_ config: BeistandConfig) throws -> any SupportClient {
    let folder = try DataFolder(config.folder)
    let client = try supportErrors { try FfiClient(config: FfiConfig(config, folder: folder.path)) }
    return RealClient(Core(client: client, folder: folder, log: config.log))
}

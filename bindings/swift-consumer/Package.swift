// swift-tools-version: 6.0
import Foundation
import PackageDescription

// An app as its developers would write it: it sees the products of the package and nothing of its inside. The blocks of the
// guide are compiled with it, where `cargo xtask test swift` has laid them into `Guide/`.

let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
func holdsSwift(_ path: String) -> Bool {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(here)/\(path)")) ?? []
    return files.contains { $0.hasSuffix(".swift") }
}

let beistand = Target.Dependency.product(name: "Beistand", package: "swift")
let testing = Target.Dependency.product(name: "BeistandTesting", package: "swift")

var targets: [Target] = [
    .target(name: "Shop", dependencies: [beistand]),
    .testTarget(name: "ShopTests", dependencies: ["Shop", testing]),
]
if holdsSwift("Guide/main") {
    targets.append(.target(name: "Guide", dependencies: [beistand], path: "Guide/main"))
}
if holdsSwift("Guide/test") {
    targets.append(
        .testTarget(name: "GuideTests", dependencies: [beistand, testing], path: "Guide/test"))
}

let package = Package(
    name: "Shop",
    platforms: [.iOS(.v16), .macOS(.v13)],
    dependencies: [.package(path: "../swift")],
    targets: targets,
    swiftLanguageModes: [.v6]
)

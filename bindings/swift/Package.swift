// swift-tools-version: 6.0
import Foundation
import PackageDescription

// Two products. `Beistand` is the client: a façade over generated code over the Rust library. `BeistandTesting` is the
// official fake, which needs neither. Both speak the protocols and models of `BeistandAPI`, which they re-export.
//
// The generated code is never checked in: `cargo xtask test swift` writes it to `Generated/`. A checkout without it has the
// fake only. The Rust library comes from an XCFramework on Apple's systems (`cargo xtask package apple`), and elsewhere from
// the folder that BEISTAND_NATIVE_DIR names.

let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(here)/\(path)") }

var products: [Product] = [.library(name: "BeistandTesting", targets: ["BeistandTesting"])]
var targets: [Target] = [
    .target(name: "BeistandAPI"),
    .target(name: "BeistandTesting", dependencies: ["BeistandAPI"]),
    // What both test suites share: the interpreter of the scenarios, and small helps for waiting.
    .target(name: "BeistandScenarios", dependencies: ["BeistandAPI"], path: "Tests/BeistandScenarios"),
    .testTarget(name: "BeistandTestingTests", dependencies: ["BeistandTesting", "BeistandScenarios"]),
]

if isThere("Generated/BeistandFFI") {
    products.append(.library(name: "Beistand", targets: ["Beistand"]))
    let library: [Target.Dependency]
    let linking: [LinkerSetting]
    if isThere("BeistandNative.xcframework") {
        targets.append(.binaryTarget(name: "BeistandNative", path: "BeistandNative.xcframework"))
        library = ["BeistandNative"]
        linking = []
    } else {
        let folder = ProcessInfo.processInfo.environment["BEISTAND_NATIVE_DIR"] ?? "\(here)/Native"
        library = []
        linking = [
            .unsafeFlags(["-L\(folder)", "-Xlinker", "-rpath", "-Xlinker", folder]), .linkedLibrary("beistand_ffi"),
        ]
    }
    targets += [
        .target(name: "CBeistandFFI", path: "Generated/CBeistandFFI"),
        // The generated code is written for mode 6 as well, but Swift 6.0.3 crashes in its check of async callbacks there.
        .target(
            name: "BeistandFFI", dependencies: ["CBeistandFFI"] + library, path: "Generated/BeistandFFI",
            swiftSettings: [.swiftLanguageMode(.v5)], linkerSettings: linking),
        .target(
            name: "Beistand", dependencies: ["BeistandAPI", "BeistandFFI"],
            resources: [.copy("PrivacyInfo.xcprivacy")]),
        .executableTarget(name: "beistand-swift-bench", dependencies: ["Beistand"], path: "Sources/Bench"),
        .testTarget(
            name: "BeistandTests",
            dependencies: ["Beistand", "BeistandFFI", "BeistandScenarios", "beistand-swift-bench"]),
    ]
}

let package = Package(
    name: "Beistand",
    defaultLocalization: "en",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: products,
    targets: targets,
    swiftLanguageModes: [.v6]
)

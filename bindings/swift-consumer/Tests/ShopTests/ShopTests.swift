import BeistandTesting
import Foundation
import Shop
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

// The same code of the app twice: without a server, and with a real one.

private let question = "It never came"

@Test(.timeLimit(.minutes(1)))
func theShopIsAnsweredByTheFake() async throws {
    let fake = FakeSupport()
    fake.agent.replies("Let me look.", after: .seconds(2))
    async let shown = askAboutParcel(fake.client, text: question)
    while fake.server.conversations.isEmpty { await Task.yield() }
    fake.clock.advance(by: .seconds(2))
    #expect(try await shown == [question, "Let me look."])
}

@Test(.timeLimit(.minutes(2)))
func theShopIsAnsweredByARealDesk() async throws {
    let stage = try await Stage()
    defer { stage.end() }
    let support = try makeSupport(server: stage.server, appKey: stage.appKey, folder: stage.folder.path)
    async let shown = askAboutParcel(support, text: question)
    var conversation: String?
    while conversation == nil {
        try await Task.sleep(for: .milliseconds(20))
        conversation = await support.conversations.list.current()?.items.first { $0.atServer }?.id.value
    }
    try await stage.play(["agent_replies": ["to": conversation ?? "", "text": "Let me look."]])
    #expect(try await shown == [question, "Let me look."])
    await support.shutdown()
}

/// A world of the stage, which ends with this process at the latest.
private final class Stage {
    let server: String
    let appKey: String
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("shop-\(UUID().uuidString)")
    private let process = Process()
    private let input = Pipe()
    private let world: String

    struct Broken: Error {}

    init() async throws {
        guard let path = ProcessInfo.processInfo.environment["BEISTAND_STAGE"] else { throw Broken() }
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var said = Data()
        while !said.contains(0x0A) {
            let piece = output.fileHandleForReading.availableData
            if piece.isEmpty { throw Broken() }
            said.append(piece)
        }
        let address = String(decoding: said.prefix { $0 != 0x0A }, as: UTF8.self).dropFirst("stage ".count)
        let made = try await Self.post("\(address)/worlds", [:])
        guard let id = made["id"] as? Int, let server = made["server"] as? String, let key = made["app_key"] as? String
        else { throw Broken() }
        (self.server, appKey, world) = (server, key, "\(address)/worlds/\(id)")
    }

    func play(_ step: [String: [String: String]]) async throws { _ = try await Self.post("\(world)/do", step) }

    func end() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    private static func post(_ address: String, _ body: [String: [String: String]]) async throws -> [String: Any] {
        guard let url = URL(string: address) else { throw Broken() }
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.httpBody = try JSONEncoder().encode(body)
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        let (data, response) = try await URLSession.shared.data(for: request)
        guard (response as? HTTPURLResponse).map({ (200..<300).contains($0.statusCode) }) == true else {
            throw Broken()
        }
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }
}

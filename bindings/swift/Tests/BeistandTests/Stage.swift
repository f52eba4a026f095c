import Beistand
import BeistandScenarios
import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

// The real server, a network that can break, and an agent: the stage of `tests/stage`, spoken to over HTTP. One process
// serves all tests; each test has a world of its own.

final class Stage: Sendable {
    private let process: Process
    private let input: Pipe
    private let address: String

    private static let shared: Result<Stage, any Error> = Result { try Stage() }

    private init() throws {
        guard let path = ProcessInfo.processInfo.environment["BEISTAND_STAGE"] else {
            throw ScenarioFailure("BEISTAND_STAGE names no stage: run `cargo xtask test swift`")
        }
        process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        // It ends when its standard input closes, which the end of this process sees to.
        input = Pipe()
        process.standardInput = input
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        var said = Data()
        while !said.contains(0x0A) {
            let piece = output.fileHandleForReading.availableData
            if piece.isEmpty { throw ScenarioFailure("the stage ended before it began") }
            said.append(piece)
        }
        let line = String(decoding: said.prefix { $0 != 0x0A }, as: UTF8.self)
        guard line.hasPrefix("stage ") else { throw ScenarioFailure("the stage said \(line)") }
        address = String(line.dropFirst("stage ".count))
    }

    static func world() async throws -> World {
        let stage = try shared.get()
        let made = try await stage.ask("POST", "/worlds")
        guard let id = made["id"]?.int, let server = made["server"]?.text, let key = made["app_key"]?.text else {
            throw ScenarioFailure("the stage made \(made)")
        }
        return World(stage: stage, id: id, server: server, appKey: key)
    }

    func ask(_ method: String, _ path: String, _ body: Json = .object([:])) async throws -> Json {
        guard let url = URL(string: address + path) else { throw ScenarioFailure("no URL: \(path)") }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.timeoutInterval = 60
        if method == "POST" {
            request.httpBody = body.bytes
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        guard (200..<300).contains(status) else {
            throw ScenarioFailure("\(method) \(path): \(status) \(String(decoding: data, as: UTF8.self))")
        }
        return data.isEmpty ? .null : try JSONDecoder().decode(Json.self, from: data)
    }
}

/// A server, its network and its agent, for one test.
final class World: Sendable {
    private let stage: Stage
    let id: Int
    let server: String
    let appKey: String
    let folder: URL
    private let clients = Locked<[any SupportClient]>([])

    init(stage: Stage, id: Int, server: String, appKey: String) {
        self.stage = stage
        self.id = id
        self.server = server
        self.appKey = appKey
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("beistand-swift-\(UUID().uuidString)")
    }

    /// A client of this world's server, in a folder of its own.
    func client(
        _ folder: String = "phone", change: (inout BeistandConfig) -> Void = { _ in }
    ) throws -> any SupportClient {
        var config = BeistandConfig(
            server: server, appKey: appKey, folder: self.folder.appendingPathComponent(folder).path)
        config.locale = "en"
        change(&config)
        let client = try Beistand(config)
        clients.with { $0.append(client) }
        return client
    }

    @discardableResult
    func play(_ step: String, _ value: Json) async throws -> Json {
        var value = value
        // An agent who takes her time is one that is told later; the stage knows no delay of its own.
        if step == "agent_replies", case .object(var members) = value,
            let after = members.removeValue(forKey: "after_ms")?.int
        {
            try await Task.sleep(for: .milliseconds(after))
            value = .object(members)
        }
        if step == "articles", case .object(var members) = value, members["locale"] == nil {
            members["locale"] = .text("en")
            value = .object(members)
        }
        return try await stage.ask("POST", "/worlds/\(id)/do", .object([step: value]))
    }

    func offline() async throws { try await play("network", .text("offline")) }
    func online() async throws { try await play("network", .text("online")) }

    /// Ends what the test has made.
    func end() async {
        // In a task of its own: that of a test whose time is up is cancelled, and could not ask anybody any more.
        let ended = Task { [self] in
            for client in clients.with({ $0 }) { await client.shutdown() }
            _ = try? await stage.ask("DELETE", "/worlds/\(id)")
            try? FileManager.default.removeItem(at: folder)
        }
        await ended.value
    }
}

/// Runs a test in a world of its own, which ends with it.
func inWorld(_ test: (World) async throws -> Void) async throws {
    let world = try await Stage.world()
    do {
        try await test(world)
    } catch {
        await world.end()
        throw error
    }
    await world.end()
}

/// Waits for a value that fits, for twenty seconds.
func first<Value: Sendable>(
    _ updates: Updates<Value>, where fits: @escaping @Sendable (Value) -> Bool
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        let last = Locked<Value?>(nil)
        group.addTask {
            for await value in updates {
                last.with { $0 = value }
                if fits(value) { return value }
            }
            throw ScenarioFailure(
                "the updates ended before the value came; the last was \(String(describing: last.with { $0 }))")
        }
        group.addTask {
            try await Task.sleep(for: .seconds(20))
            throw ScenarioFailure("the value never came; the last was \(String(describing: last.with { $0 }))")
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw CancellationError() }
        return value
    }
}

extension MessageState {
    /// Whether the server has it; an agent's screen may have been quick.
    var hasLeft: Bool { self == .sent || self == .delivered || self == .read }
}

/// Looks again until it holds; for what cannot be watched.
func eventually(_ holds: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while try await !holds() {
        if ContinuousClock.now > end { throw ScenarioFailure("it never came to hold") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

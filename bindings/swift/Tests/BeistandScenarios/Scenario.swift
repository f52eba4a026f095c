import BeistandAPI
import Foundation

// The scenarios of `bindings/scenarios`: data that the fake and the real library must both do. This file reads them; what a
// step does to a client is in ScenarioRunner.swift, and who plays the other side in a `ScenarioBackend`.

/// JSON that is looked into by name.
package indirect enum Json: Sendable, Equatable, Decodable {
    case text(String)
    case number(Double)
    case flag(Bool)
    case list([Json])
    case object([String: Json])
    case null

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([Json].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: Json].self))
        }
    }

    package subscript(name: String) -> Json? {
        if case .object(let members) = self { return members[name] }
        return nil
    }

    package var text: String? {
        if case .text(let text) = self { return text }
        return nil
    }

    package var int: Int? {
        if case .number(let number) = self { return Int(number) }
        return nil
    }

    package var flag: Bool? {
        if case .flag(let flag) = self { return flag }
        return nil
    }

    package var list: [Json]? {
        if case .list(let list) = self { return list }
        return nil
    }

    /// As bytes again, for the stage.
    package var bytes: Data {
        (try? JSONSerialization.data(withJSONObject: plain, options: [.fragmentsAllowed])) ?? Data()
    }

    private var plain: Any {
        switch self {
        case .text(let text): text
        case .number(let number): number == number.rounded() ? Int(number) as Any : number as Any
        case .flag(let flag): flag
        case .list(let list): list.map(\.plain)
        case .object(let members): members.mapValues(\.plain)
        case .null: NSNull()
        }
    }
}

/// What is wrong with a scenario, or with whoever plays it.
package struct ScenarioFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// One file of `bindings/scenarios`.
package struct Scenario: Sendable, CustomStringConvertible {
    package let name: String
    package let articles: [Json]
    package let steps: [Json]

    package var description: String { name }

    /// All of them, by name. The folder is that of the checkout.
    package static func all() throws -> [Scenario] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../scenarios").standardizedFileURL
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return try files.filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }.map { file in
            let json = try JSONDecoder().decode(Json.self, from: Data(contentsOf: file))
            guard let name = json["name"]?.text, let steps = json["steps"]?.list else {
                throw ScenarioFailure("\(file.lastPathComponent): no name or no steps")
            }
            return Scenario(name: name, articles: json["articles"]?["docs"]?.list ?? [], steps: steps)
        }
    }
}

/// Whoever plays the other side: the fake, or the stage with the real server.
package protocol ScenarioBackend: Sendable {
    var client: any SupportClient { get }
    /// Does a step of others: a member of the step and its value. The answer is the stage's.
    @discardableResult
    func play(_ step: String, _ value: Json) async throws -> Json
    /// A token of a user.
    func token(_ user: String, kind: String) async throws -> String
    /// What the server has of a conversation, what was taken back left out.
    func serverTexts(_ conversation: ConversationId) async throws -> [String]
    /// Lets a little time pass, before something that did not hold is looked at again.
    func moment() async throws
}

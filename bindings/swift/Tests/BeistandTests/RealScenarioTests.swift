import Beistand
import BeistandScenarios
import Foundation
import Testing

// The real library plays every scenario with the real server.

struct RealBackend: ScenarioBackend {
    let world: World
    let client: any SupportClient

    func play(_ step: String, _ value: Json) async throws -> Json { try await world.play(step, value) }

    func token(_ user: String, kind: String) async throws -> String {
        let answer = try await world.play("token", .object(["user": .text(user), "kind": .text(kind)]))
        guard let token = answer["token"]?.text else { throw ScenarioFailure("the stage gave no token") }
        return token
    }

    func serverTexts(_ conversation: ConversationId) async throws -> [String] {
        let answer = try await world.play("server_messages", .object(["of": .text(conversation.value)]))
        return answer["messages"]?.list?.compactMap { $0["text"]?.text } ?? []
    }

    func moment() async throws { try await Task.sleep(for: .milliseconds(30)) }
}

/// All tests of the real library, one after the other: they count what the process holds.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct Real {}

extension Real {
    @Suite(.serialized)
    struct Scenarios {
        @Test(arguments: try Scenario.all())
        func theRealLibraryDoesWhatTheFakeDoes(_ scenario: Scenario) async throws {
            try await inWorld { world in
                try await ScenarioRunner(RealBackend(world: world, client: world.client())).run(scenario)
            }
        }
    }
}

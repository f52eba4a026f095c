import BeistandScenarios
import BeistandTesting
import Foundation
import Testing

// The fake plays every scenario that the real library plays.

struct FakeBackend: ScenarioBackend {
    let fake = FakeSupport()

    var client: any SupportClient { fake.client }

    func play(_ step: String, _ value: Json) async throws -> Json {
        let conversation = ConversationId((value["to"] ?? value["in"] ?? value["of"])?.text ?? "")
        switch step {
        case "agent_replies":
            fake.agent.sends(
                conversation, text: value["text"]?.text ?? "", after: .milliseconds(value["after_ms"]?.int ?? 0))
        case "agent_types": fake.agent.types(value["typing"]?.flag ?? true, in: conversation)
        case "agent_reads": fake.agent.reads(conversation)
        case "agent_closes": fake.agent.closes(conversation)
        case "fill": fake.agent.fills(conversation, messages: value["messages"]?.int ?? 0)
        case "network": try network(value)
        case "articles":
            let docs = value["docs"]?.list ?? []
            fake.server.publish(
                docs.map { doc in
                    FakeArticle(
                        id: ArticleId(doc["id"]?.text ?? ""), title: doc["title"]?.text ?? "",
                        body: doc["body"]?.text ?? "")
                })
        default: throw ScenarioFailure("the fake has no \(step)")
        }
        return .null
    }

    private func network(_ value: Json) throws {
        if value.text == "online" {
            fake.network.online()
        } else if value.text == "offline" {
            fake.network.offline()
        } else if value.text == "lose_next_answer" {
            fake.network.loseNextAnswer()
        } else if let slow = value["slow_ms"]?.int {
            fake.network.slow(by: .milliseconds(slow))
        } else if let fail = value["fail_next"] {
            fake.network.failNext(times: fail["times"]?.int ?? 1, status: fail["status"]?.int ?? 500)
        } else {
            throw ScenarioFailure("the fake's network cannot \(value)")
        }
    }

    func token(_ user: String, kind: String) async throws -> String {
        guard let kind = FakeUsers.Kind(rawValue: kind) else { throw ScenarioFailure("no token is \(kind)") }
        return fake.users.token(user, kind: kind)
    }

    func serverTexts(_ conversation: ConversationId) async throws -> [String] {
        fake.server.messages(conversation).compactMap(\.text)
    }

    func moment() async throws {
        fake.clock.advance(by: .milliseconds(250))
        await Task.yield()
    }
}

@Test(.timeLimit(.minutes(1)), arguments: try Scenario.all())
func theFakeDoesWhatTheRealLibraryDoes(_ scenario: Scenario) async throws {
    try await ScenarioRunner(FakeBackend()).run(scenario)
}

import Beistand
import BeistandScenarios
import Foundation
import Testing

// Each public function once over the real library and the real server, so that none is there that was never called.

private let draft = TicketDraft(subject: "Parcel", text: "It never came", priority: .high)

extension Real {
    @Suite(.serialized)
    struct EveryFunction {
        @Test func aConversationFromOpeningToClosing() async throws {
            try await inWorld { world in
                let client = try world.client()
                let ticket = try await client.conversations.open(draft)
                let messages = try await first(ticket.timeline) { $0.messages.first?.state.hasLeft == true }.messages
                #expect(messages.map(\.text) == ["It never came"])
                #expect(messages.first?.author == .person)
                let again = try await client.conversations.get(ticket.id)
                let info = try await again.info()
                #expect(info.subject == "Parcel")
                #expect(info.priority == .high)
                #expect(abs(info.createdAt.timeIntervalSinceNow) < 60)

                let id = try await ticket.send("Order 4711")
                let sent = try await ticket.awaitSent(id, within: .seconds(20))
                #expect(sent?.seq == 2)
                try await ticket.edit(id, text: "Order 4712")
                _ = try await first(ticket.timeline) { $0.messages.last?.edited == true }
                #expect(try await ticket.message(id).text == "Order 4712")
                try await ticket.retract(id)
                _ = try await first(ticket.timeline) { $0.messages.last?.body == .retracted }

                ticket.setTyping(true)
                // Typing is told while somebody looks; a sign that comes before the socket is open is lost, so there are more.
                let screen = Task { for await _ in ticket.timeline {} }
                let agentTypes = Task {
                    while !Task.isCancelled {
                        try await world.play(
                            "agent_types", .object(["in": .text(ticket.id.value), "typing": .flag(true)]))
                        try await Task.sleep(for: .milliseconds(300))
                    }
                }
                let typists = try await first(ticket.typing) { !$0.isEmpty }
                screen.cancel()
                agentTypes.cancel()
                guard case .agent(let agent) = typists.first else { throw ScenarioFailure("\(typists) type") }
                #expect(agent.name == "Deniz")

                try await world.play(
                    "agent_replies", .object(["to": .text(ticket.id.value), "text": .text("Let me look.")]))
                _ = try await first(client.conversations.list) { $0.items.first?.unread == 1 }
                #expect(try await client.conversations.unread() == 1)
                try await ticket.markRead()
                #expect(try await client.conversations.unread() == 0)
                try await ticket.closeTicket()
                #expect(try await ticket.info().status == .closed)
                try await ticket.reopenTicket()
                #expect(try await ticket.info().status == .open)
                #expect(try await client.outbox.flush(within: .seconds(20)) == .empty)
            }
        }

        @Test func whatWaitsIsListedRetriedAndDiscarded() async throws {
            try await inWorld { world in
                let client = try world.client()
                let ticket = try await client.conversations.open(draft)
                #expect(try await client.outbox.flush(within: .seconds(20)) == .empty)
                try await world.offline()
                let one = try await ticket.send("One")
                let two = try await ticket.send("Two")
                let items = try await client.outbox.items()
                #expect(items.map(\.kind) == [.send, .send])
                #expect(items.first?.conversation == ticket.id)
                #expect(items.map(\.message) == [one, two])
                try await client.outbox.retry(#require(items.first).id)
                try await ticket.retry(one)
                try await client.outbox.discard(#require(items.last).id)
                let three = try await ticket.send("Three")
                try await ticket.discard(three)
                #expect(try await client.outbox.flush(within: .milliseconds(50)) == .timedOut(waiting: 1))
                #expect(try await ticket.awaitSent(one, within: .milliseconds(50)) == nil)
                #expect(await client.connection.current() == .offline)
                try await world.online()
                client.wake()
                #expect(try await client.outbox.flush(within: .seconds(20)) == .empty)
                #expect(
                    try await RealBackend(world: world, client: client).serverTexts(ticket.id) == [
                        "It never came", "One",
                    ])
            }
        }

        @Test func filesAreSentAndFetched() async throws {
            try await inWorld { world in
                let client = try world.client()
                try FileManager.default.createDirectory(at: world.folder, withIntermediateDirectories: true)
                let path = world.folder.appendingPathComponent("receipt.txt")
                try Data("A receipt".utf8).write(to: path)
                let ticket = try await client.conversations.open(
                    TicketDraft(
                        subject: "Receipt", text: "", attachments: [.file(path), .bytes(Data("B".utf8), name: "b.txt")])
                )
                try FileManager.default.removeItem(at: path)
                let message = try await first(ticket.timeline) { $0.messages.first?.state.hasLeft == true }.messages[0]
                #expect(message.attachments.map(\.name) == ["receipt.txt", "b.txt"])
                #expect(message.attachments.map(\.size) == [9, 1])
                let file = message.attachments[0]
                let kept = try await client.attachments.fetch(file.id)
                #expect(try Data(contentsOf: URL(fileURLWithPath: kept)) == Data("A receipt".utf8))
                #expect(await client.attachments.progress(file.id).current() != nil)
                await #expect(throws: SupportError.self) { try await client.attachments.thumbnail(file.id) }
                await #expect { try await client.attachments.fetch("nonsense") } throws: { code($0) == "bad-parameter" }
            }
        }

        @Test func theFaqIsReadSearchedAndRated() async throws {
            try await inWorld { world in
                let docs: [Json] = [
                    .object([
                        "id": .text("returns"), "title": .text("How do I return an item?"),
                        "body": .text("# Label\n\nPrint the **return label** from your order.\n\n1. Print\n2. Stick"),
                    ])
                ]
                try await world.play("articles", .object(["docs": .list(docs)]))
                let client = try world.client()
                let faq = client.faq
                try await faq.refresh()
                let status = try await first(faq.status) { $0.articles == 1 }
                #expect(status.locale == "en")
                #expect(status.checkedAt != nil)
                let found = try await faq.search("return label")
                let hit = try #require(found.hits.first)
                #expect(hit.article == "returns")
                #expect(hit.title.ranges.contains { hit.title.text[$0] == "return" })
                #expect(found.localeUsed == "en")
                #expect(try await faq.search("ret", options: SearchOptions(limit: 1, typing: true)).hits.count == 1)
                #expect(try await faq.suggest("How do I return an item?").map(\.article) == ["returns"])
                let article = try #require(try await faq.article("returns"))
                #expect(article.blocks.first == .heading(level: 1, spans: [.text("Label")]))
                #expect(article.blocks.contains { if case .list(start: 1, _) = $0 { true } else { false } })
                try await faq.rate(article, helpful: true, comment: "Thanks")
                #expect(try await faq.articles().map(\.id) == ["returns"])
                _ = try await faq.collections()
                try await faq.setLocale("de")
                #expect(try await faq.article("nothing") == nil)
                await #expect { try await faq.image(sha256: "nonsense") } throws: {
                    ($0 as? SupportError)?.kind == .notFound
                }
            }
        }

        @Test func theClientItself() async throws {
            try await inWorld { world in
                let client = try world.client()
                #expect(client.supportsCalls == false)
                #expect(await client.identity.current() == SupportIdentity())
                try await client.sync()
                #expect(await client.connection.current() == .online)
                let settings = try await client.settings()
                #expect(settings.announced)
                #expect(settings.limits.textChars == 10_000)
                try await client.setPushToken(PushToken(service: "apns-sandbox", token: "00ff"))
                try await client.setPushToken(nil)
                try await client.pause()
                try await client.resume()
                client.wake()
                await client.shutdown()
            }
        }

        @Test func aUserLogsInAndOut() async throws {
            try await inWorld { world in
                let client = try world.client()
                let backend = RealBackend(world: world, client: client)
                let ticket = try await client.conversations.open(draft)
                let reasons = Locked<[TokenReason]>([])
                let identity = try await client.login { reason in
                    reasons.with { $0.append(reason) }
                    return try await backend.token("jana", kind: "good")
                }
                #expect(identity == SupportIdentity(subject: "jana", confirmed: true))
                #expect(reasons.with { $0 } == [.first])
                #expect(await client.identity.current() == identity)
                _ = try await first(ticket.timeline) { $0.messages.first?.state.hasLeft == true }
                #expect(try await client.logout() == LogoutResult())
                #expect(await client.identity.current() == SupportIdentity())
                #expect(await client.conversations.list.current()?.items.isEmpty == true)
            }
        }
    }
}

/// The stable code of a failure.
func code(_ error: any Error) -> String? { (error as? SupportError)?.code }

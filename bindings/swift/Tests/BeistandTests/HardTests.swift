import Beistand
import BeistandFFI
import BeistandScenarios
import Foundation
import Testing

// What must not break: calls given up, closed under load, thousands of messages, and apps that mean no good.

private let draft = TicketDraft(subject: "Parcel", text: "It never came")

extension Real {
    @Suite(.serialized)
    struct Hard {
        @Test func aCallThatIsGivenUpHurtsNothing() async throws {
            try await inWorld { world in
                let client = try world.client()
                let ticket = try await client.conversations.open(draft)
                try await world.offline()
                let id = try await ticket.send("Waits")
                for _ in 0..<20 {
                    let waiting = Task { try await ticket.awaitSent(id, within: .seconds(60)) }
                    let flushing = Task { try await client.outbox.flush(within: .seconds(60)) }
                    await Task.yield()
                    waiting.cancel()
                    flushing.cancel()
                    await #expect(throws: CancellationError.self) { try await waiting.value }
                    await #expect(throws: CancellationError.self) { try await flushing.value }
                    // A write whose task is cancelled is stored all the same, once it has begun.
                    let sending = Task { try? await ticket.send("Perhaps") }
                    sending.cancel()
                    _ = await sending.value
                }
                try await world.online()
                client.wake()
                #expect(try await client.outbox.flush(within: .seconds(60)) == .empty)
                #expect(try await ticket.awaitSent(id, within: .seconds(20)) != nil)
            }
        }

        @Test func aThousandSubscriptionsLeaveNoHandle() async throws {
            try await inWorld { world in
                let client = try world.client()
                let ticket = try await client.conversations.open(draft)
                _ = await ticket.timeline.current()
                let before = liveHandles()
                for round in 0..<1_000 {
                    switch round % 5 {
                    case 0: _ = await ticket.timeline.current()
                    case 1: _ = await client.conversations.list.current()
                    case 2: _ = await client.connection.current()
                    case 3:
                        // Begun, and given up while it waits.
                        let watching = Task { for await _ in ticket.timeline {} }
                        await Task.yield()
                        watching.cancel()
                        await watching.value
                    default:
                        let watching = Task { for await _ in client.events {} }
                        await Task.yield()
                        watching.cancel()
                        await watching.value
                    }
                }
                try await eventually { liveHandles() <= before }
            }
        }

        @Test func manyTasksAtOnceSeeTheSame() async throws {
            try await inWorld { world in
                let client = try world.client()
                let ticket = try await client.conversations.open(draft)
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<8 {
                        group.addTask { try await first(ticket.timeline) { $0.messages.count == 41 }.messages.count }
                    }
                    for number in 0..<40 {
                        group.addTask { try await ticket.send("Number \(number)").value.isEmpty ? 0 : 41 }
                    }
                    for try await count in group { #expect(count == 41) }
                }
                #expect(try await client.outbox.flush(within: .seconds(60)) == .empty)
            }
        }

        @Test func aClientIsClosedWhileItIsBusy() async throws {
            try await inWorld { world in
                let client = try world.client()
                let ticket = try await client.conversations.open(draft)
                let screen = Task { for await _ in ticket.timeline {} }
                let sending = (0..<50).map { number in Task { try await ticket.send("Number \(number)") } }
                let flushing = Task { try await client.outbox.flush(within: .seconds(60)) }
                await client.shutdown()
                await screen.value
                for task in sending {
                    if case .failure(let error) = await task.result { #expect(code(error) == "shut-down") }
                }
                if case .failure(let error) = await flushing.result { #expect(code(error) == "shut-down") }
            }
        }

        @Test func afterTheEndEachCallSaysSo() async throws {
            try await inWorld { world in
                let client = try world.client()
                let ticket = try await client.conversations.open(draft)
                await client.shutdown()
                await client.shutdown()
                client.wake()
                ticket.setTyping(true)
                let calls: [() async throws -> Void] = [
                    { _ = try await client.conversations.open(draft) }, { try await ticket.send("Late") },
                    { _ = try await ticket.info() }, { _ = try await client.outbox.items() },
                    { _ = try await client.faq.search("late") }, { try await client.sync() },
                    { try await client.pause() }, { try await client.resume() }, { _ = try await client.settings() },
                    { _ = try await client.conversations.unread() },
                ]
                for call in calls {
                    await #expect { try await call() } throws: { code($0) == "shut-down" }
                }
                #expect(await ticket.timeline.current() == nil)
                #expect(await client.conversations.list.current() == nil)
            }
        }

        @Test func twoClientsLiveInOneProcessButNotInOneFolder() async throws {
            try await inWorld { world in
                let (one, two) = (try world.client("one"), try world.client("two"))
                let ticket = try await one.conversations.open(draft)
                _ = try await two.conversations.open(draft)
                await #expect { try await two.conversations.get(ticket.id) } throws: { code($0) == "local-not-found" }
                #expect(throws: SupportError.self) { try world.client("one") }
                do { _ = try world.client("one") } catch { #expect(code(error) == "folder-in-use") }
                await one.shutdown()
                let again = try world.client("one")
                #expect(try await again.conversations.get(ticket.id).info().subject == "Parcel")
            }
        }

        @Test func aLongConversationIsAWindow() async throws {
            try await inWorld { world in
                let client = try world.client()
                let ticket = try await client.conversations.open(draft)
                #expect(try await client.outbox.flush(within: .seconds(20)) == .empty)
                try await world.play("fill", .object(["of": .text(ticket.id.value), "messages": .number(10_000)]))
                let shown = Locked<Timeline?>(nil)
                let screen = Task { for await timeline in ticket.timeline { shown.with { $0 = timeline } } }
                defer { screen.cancel() }
                try await eventually { shown.with { $0?.messages.last?.text } == "Line 10000" }
                func count() -> Int { shown.with { $0?.messages.count } ?? 0 }
                #expect((1...50).contains(count()))
                for _ in 0..<3 {
                    let before = count()
                    try await ticket.loadEarlier(count: 100)
                    try await eventually { count() > before }
                }
                let lines = shown.with { $0?.messages.compactMap(\.text) } ?? []
                #expect(lines == (0..<lines.count).map { "Line \(10_000 - lines.count + 1 + $0)" })
                #expect((101...350).contains(lines.count))
                #expect(shown.with { $0?.hasEarlier } == true)
                // One more at the end moves the window by one.
                try await ticket.send("Still there")
                try await eventually { shown.with { $0?.messages.last?.text } == "Still there" }
                #expect(count() <= lines.count + 1)
            }
        }

        @Test func failuresCarryTheirKindAndCode() async throws {
            try await inWorld { world in
                let client = try world.client()
                let ticket = try await client.conversations.open(draft)
                await #expect { try await ticket.send(" ") } throws: { error in
                    guard let error = error as? SupportError else { return false }
                    return error.kind == .invalidInput && error.code == "text-empty" && error.retry == .afterChange
                }
                await #expect { try await client.conversations.get("nonsense") } throws: { code($0) == "bad-parameter" }
                await #expect { try await ticket.loadEarlier() } throws: { code($0) == "bad-parameter" }
                try await world.offline()
                await #expect { try await client.sync() } throws: { error in
                    guard let error = error as? SupportError else { return false }
                    return error.kind == .unreachable && error.retry == .soon
                }
            }
            for (server, key) in [("nonsense", "k"), ("http://example.com", "k"), ("https://example.com", "")] {
                #expect { try Beistand(BeistandConfig(server: server, appKey: key, folder: "/tmp/none")) } throws: {
                    code($0) == "configuration"
                }
            }
            #expect { try Beistand(BeistandConfig(server: "https://example.com", appKey: "k")) } throws: {
                code($0) == "configuration"
            }
        }

        @Test func filesThatDoNotFitOrVanishAreRefused() async throws {
            try await inWorld { world in
                let client = try world.client()
                try FileManager.default.createDirectory(at: world.folder, withIntermediateDirectories: true)
                let ticket = try await client.conversations.open(draft)
                let path = world.folder.appendingPathComponent("video.bin")
                _ = FileManager.default.createFile(atPath: path.path, contents: nil)
                let file = try FileHandle(forWritingTo: path)
                try file.truncate(atOffset: 100_000_001)
                await #expect { try await ticket.send(MessageDraft(text: "", attachments: [.file(path)])) } throws: {
                    code($0) == "attachment-too-large"
                }
                try file.truncate(atOffset: 25_000_000)
                try file.close()
                let id = try await ticket.send(MessageDraft(text: "", attachments: [.file(path)]))
                let attachment = try #require(try await ticket.message(id).attachments.first)
                #expect(attachment.size == 25_000_000)
                try FileManager.default.removeItem(at: path)
                let sent = try await ticket.awaitSent(id, within: .seconds(120))
                #expect(sent?.state == .sent)
                await #expect { try await ticket.send(MessageDraft(text: "", attachments: [.file(path)])) } throws: {
                    ($0 as? SupportError)?.kind == .unreadable
                }
            }
        }

        @Test func aLogThatCallsBackIsNoKnot() async throws {
            try await inWorld { world in
                let log = CallingLog()
                let client = try world.client { $0.log = log }
                log.client.with { $0 = client }
                let ticket = try await client.conversations.open(draft)
                try await world.offline()
                try await ticket.send("Causes lines")
                await #expect(throws: SupportError.self) { try await client.sync() }
                try await world.online()
                client.wake()
                #expect(try await client.outbox.flush(within: .seconds(20)) == .empty)
                setLogSink(sink: nil, level: .error)
            }
        }

        @Test func aProviderThatFailsOrBlocksFailsTheLoginOnly() async throws {
            try await inWorld { world in
                let client = try world.client { $0.tokenTimeout = .milliseconds(300) }
                struct Down: Error {}
                await #expect { try await client.login { _ in throw Down() } } throws: { error in
                    (error as? SupportError)?.kind == .loginFailed && code(error) == "login-provider-failed"
                }
                await #expect {
                    try await client.login { _ in
                        try await Task.sleep(for: .seconds(60))
                        return ""
                    }
                } throws: { code($0) == "login-provider-timeout" }
                await #expect { try await client.login { _ in "no token" } } throws: {
                    code($0) == "login-token-malformed"
                }
                // One that calls back into the client while it is asked.
                let token = try await RealBackend(world: world, client: client).token("jana", kind: "good")
                try await client.login { _ in
                    _ = try await client.conversations.unread()
                    return token
                }
                #expect(await client.identity.current()?.subject == "jana")
            }
        }

        @Test func makingAClientIsFastAndStartsNoThread() throws {
            let bench = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
                .appendingPathComponent("beistand-swift-bench")
            let process = Process()
            process.executableURL = bench
            process.arguments = ["--quick"]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            let lines = said.split(separator: "\n").map(String.init)
            let constructor = try #require(lines.first { $0.hasPrefix("constructor ") })
            #expect(try #require(Double(constructor.split(separator: " ")[1])) < 1)
            #expect(lines.contains { $0.hasPrefix("threads started") && $0.hasSuffix(": 0") })
            #expect(lines.contains { $0.hasPrefix("window of 50") })
            #expect(lines.contains { $0.hasPrefix("one change") })
        }
    }
}

/// Calls into the client from each line of the log.
private final class CallingLog: SupportLog {
    let client = Locked<(any SupportClient)?>(nil)
    let level = SupportLogLevel.trace
    /// Each call causes lines of its own: without an end this would feed itself.
    private let calls = Locked(0)

    func line(level: SupportLogLevel, target: String, text: String) {
        let number = calls.with { calls in
            calls += 1
            return calls
        }
        guard number <= 50, let client = client.with({ $0 }) else { return }
        client.wake()
        Task { _ = try? await client.outbox.items() }
    }
}

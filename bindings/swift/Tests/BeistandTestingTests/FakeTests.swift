import BeistandTesting
import Foundation
import Testing

// What the fake promises to a test of an app.

private let draft = TicketDraft(subject: "Parcel", text: "It never came")

/// The first value that fits; the suite's own limit of time ends it if none comes.
private func first<Value>(_ updates: Updates<Value>, where fits: (Value) -> Bool) async throws -> Value {
    for await value in updates where fits(value) { return value }
    throw CancellationError()
}

@Suite(.timeLimit(.minutes(1)))
struct FakeTests {
    let fake = FakeSupport()
    var client: any SupportClient { fake.client }

    @Test func anAnswerComesWhenItsTimeHasCome() async throws {
        let ticket = try await client.conversations.open(draft)
        fake.agent.replies("Let me look.", after: .seconds(2))
        #expect(await ticket.timeline.current()?.messages.count == 1)
        fake.clock.advance(by: .milliseconds(1_999))
        #expect(await ticket.timeline.current()?.messages.count == 1)
        fake.clock.advance(by: .milliseconds(1))
        #expect(await ticket.timeline.current()?.messages.last?.text == "Let me look.")
        #expect(try await client.conversations.unread() == 1)
        try await ticket.markRead()
        #expect(try await client.conversations.unread() == 0)
    }

    @Test func anAnswerToNobodyWaitsForTheNextTicket() async throws {
        fake.agent.replies("Welcome", after: .seconds(1))
        let ticket = try await client.conversations.open(draft)
        fake.clock.advance(by: .seconds(1))
        #expect(await ticket.timeline.current()?.messages.last?.text == "Welcome")
    }

    @Test func whatIsWrittenOfflineLeavesOnline() async throws {
        fake.network.offline()
        let ticket = try await client.conversations.open(draft)
        #expect(try await client.outbox.items().map(\.kind) == [.open])
        #expect(fake.server.conversations.isEmpty)
        #expect(await client.connection.current() == .offline)
        fake.network.online()
        #expect(try await client.outbox.items().isEmpty)
        #expect(fake.server.messages(ticket.id).map(\.text) == ["It never came"])
    }

    @Test func aFailureIsTriedAgainLater() async throws {
        let ticket = try await client.conversations.open(draft)
        fake.network.failNext(times: 2)
        let id = try await ticket.send("Hello?")
        #expect(try await ticket.message(id).state == .queued)
        fake.clock.advance(by: .seconds(1))
        #expect(try await client.outbox.items().first?.attempts == 2)
        fake.clock.advance(by: .seconds(2))
        #expect(try await ticket.message(id).state == .sent)
    }

    @Test func aLostAnswerDoublesNothing() async throws {
        let ticket = try await client.conversations.open(draft)
        fake.network.loseNextAnswer()
        let id = try await ticket.send("Once")
        let sent = try await ticket.awaitSent(id, within: .seconds(10))
        #expect(sent?.text == "Once")
        #expect(fake.server.messages(ticket.id).map(\.text) == ["It never came", "Once"])
    }

    @Test func aRefusedMessageWaitsForThePerson() async throws {
        let ticket = try await client.conversations.open(draft)
        fake.network.refuseNext(code: "text-invalid")
        let id = try await ticket.send("Hm")
        #expect(try await ticket.message(id).state == .wedged(code: "text-invalid"))
        #expect(try await client.outbox.flush(within: .seconds(5)) == .wedged(wedged: 1, heldBack: 0))
        try await ticket.retry(id)
        #expect(try await ticket.message(id).state == .sent)
        fake.network.refuseNext(code: "text-invalid")
        let other = try await ticket.send("Never")
        try await ticket.discard(other)
        #expect(try await client.outbox.flush(within: .seconds(5)) == .empty)
    }

    @Test func aSlowNetworkIsSeenOnItsWay() async throws {
        fake.network.slow(by: .seconds(1))
        let ticket = try await client.conversations.open(draft)
        #expect(await ticket.timeline.current()?.messages.first?.state == .sending)
        fake.clock.advance(by: .seconds(2))
        #expect(await ticket.timeline.current()?.messages.first?.state == .sent)
    }

    @Test func waitingLetsTimePass() async throws {
        fake.network.offline()
        let ticket = try await client.conversations.open(draft)
        let id = try await ticket.send("Later")
        let begun = fake.clock.now
        #expect(try await ticket.awaitSent(id, within: .seconds(30)) == nil)
        #expect(fake.clock.now == begun.addingTimeInterval(30))
        #expect(try await client.outbox.flush(within: .seconds(1)) == .timedOut(waiting: 2))
    }

    @Test func whoIteratesSeesEachChangeAndEndsWithItsTask() async throws {
        let ticket = try await client.conversations.open(draft)
        let texts = AsyncStream<String>.makeStream()
        let screen = Task {
            for await timeline in ticket.timeline { texts.continuation.yield(timeline.messages.last?.text ?? "") }
            texts.continuation.finish()
        }
        var seen = texts.stream.makeAsyncIterator()
        #expect(await seen.next() == "It never came")
        fake.agent.replies("Let me look.")
        #expect(await seen.next() == "Let me look.")
        screen.cancel()
        #expect(await seen.next() == nil)
        #expect(fake.openUpdates == 0)
    }

    @Test func aThousandIterationsLeaveNothing() async throws {
        let ticket = try await client.conversations.open(draft)
        for _ in 0..<1_000 {
            for await timeline in ticket.timeline where timeline.loaded { break }
        }
        #expect(fake.openUpdates == 0)
    }

    @Test func aShutDownClientSaysSoAndEndsWhatIsWatched() async throws {
        let ticket = try await client.conversations.open(draft)
        let screen = Task { for await _ in ticket.timeline {} }
        await client.shutdown()
        await screen.value
        await #expect(throws: SupportError.self) { try await ticket.send("Too late") }
        do {
            try await ticket.send("Too late")
        } catch let error as SupportError {
            #expect(error.kind == .shutDown)
            #expect(error.code == "shut-down")
        }
    }

    @Test func eventsAreToldOneAfterTheOther() async throws {
        let ticket = try await client.conversations.open(draft)
        var events = client.events.makeAsyncIterator()
        async let told = [events.next(), events.next()]
        while fake.openUpdates == 0 { await Task.yield() }
        fake.network.refuseNext(code: "text-invalid")
        try await ticket.send("One")
        let other = try await client.conversations.open(draft)
        fake.network.refuseNext(code: "text-too-long")
        try await other.send("Two")
        #expect(
            await told == [
                .wedged(conversation: ticket.id, code: "text-invalid"),
                .wedged(conversation: other.id, code: "text-too-long"),
            ])
    }

    @Test func aFileIsSentAndFetched() async throws {
        let ticket = try await client.conversations.open(draft)
        let bytes = Data("receipt".utf8)
        let id = try await ticket.send(MessageDraft(text: "", attachments: [.bytes(bytes, name: "receipt.txt")]))
        let file = try #require(try await ticket.message(id).attachments.first)
        #expect(file.size == 7)
        let path = try await client.attachments.fetch(file.id)
        defer { try? FileManager.default.removeItem(at: URL(fileURLWithPath: path).deletingLastPathComponent()) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        #expect(await client.attachments.progress(file.id).current() == Transfer(done: 7, total: 7))
        #expect(fake.server.messages(ticket.id).last?.attachments == ["receipt.txt"])
    }

    @Test func aFileThatVanishedIsUnreadable() async throws {
        await #expect {
            try await client.conversations.open(
                TicketDraft(subject: "A", text: "B", attachments: [.path("/nowhere/at/all.png")]))
        } throws: { ($0 as? SupportError)?.kind == .unreadable }
        #expect(await client.conversations.list.current()?.items.isEmpty == true)
    }

    @Test func aWideWindowIsAskedForPieceByPiece() async throws {
        let ticket = try await client.conversations.open(draft)
        await #expect { try await ticket.loadEarlier() } throws: { ($0 as? SupportError)?.code == "bad-parameter" }
        fake.agent.fills(ticket.id, messages: 120)
        var screen = ticket.timeline.makeAsyncIterator()
        #expect(await screen.next()?.messages.count == 50)
        try await ticket.loadEarlier()
        #expect(await screen.next()?.messages.count == 100)
        try await ticket.loadEarlier(count: 50)
        let whole = await screen.next()
        #expect(whole?.messages.count == 121)
        #expect(whole?.hasEarlier == false)
    }

    @Test func aLoginIsConfirmedOnceThereIsANetwork() async throws {
        fake.network.offline()
        let identity = try await client.login(fake.users.provider("jana"))
        #expect(identity == SupportIdentity(subject: "jana", confirmed: false))
        fake.network.online()
        #expect(await client.identity.current() == SupportIdentity(subject: "jana", confirmed: true))
        let ticket = try await client.conversations.open(draft)
        #expect(fake.server.subject(of: ticket.id) == "jana")
        #expect(try await client.logout(.discard) == LogoutResult())
        #expect(await client.identity.current() == SupportIdentity())
    }

    @Test func theFaqIsSearchedSuggestedAndRated() async throws {
        let fake = FakeSupport(articles: [
            FakeArticle(
                id: "returns", title: "How do I return an item?", body: "Print the label.", collection: "orders"),
            FakeArticle(id: "password", title: "I forgot my password", body: "Tap *Forgot*.", collection: "account"),
        ])
        let faq = fake.client.faq
        let hit = try #require(try await faq.search("pasword").hits.first)
        #expect(hit.article == "password")
        #expect(hit.title.ranges.map { String(hit.title.text[$0]) } == ["password"])
        #expect(try await faq.search("ret", options: SearchOptions(typing: true)).hits.map(\.article) == ["returns"])
        #expect(try await faq.suggest("I want to return my shoes").map(\.article) == ["returns"])
        #expect(try await faq.collections().map(\.id) == ["orders", "account"])
        #expect(try await faq.articles(in: "orders").map(\.id) == ["returns"])
        let article = try #require(try await faq.article("returns"))
        #expect(article.blocks == [.paragraph([.text("Print the label.")])])
        try await faq.rate(article, helpful: true)
        #expect(fake.server.ratings == [FakeRating(article: "returns", helpful: true, comment: nil)])
        #expect(await faq.status.current()?.articles == 2)
        #expect(try await faq.article("nothing") == nil)
    }
}

@Test func whatAPersonReadsIsInHerLanguage() {
    let error = SupportError(kind: .unreachable, code: "unreachable", detail: "no network")
    #expect(error.text(locale: Locale(identifier: "de_DE")) == "Gerade gibt es keine Verbindung.")
    #expect(error.text(locale: Locale(identifier: "fr")) == "There is no connection right now.")
    for kind in SupportErrorKind.allCases {
        let error = SupportError(kind: kind, code: "x", detail: "y")
        #expect(error.text(locale: Locale(identifier: "de")) != error.text(locale: Locale(identifier: "en")))
    }
}

@Test func aDeviceTokenIsHandedOnAsHex() {
    #expect(PushToken.apns(Data([0, 15, 255])) == PushToken(service: "apns", token: "000fff"))
}

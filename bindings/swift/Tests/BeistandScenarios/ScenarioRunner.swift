import BeistandAPI
import Foundation

// Plays a scenario: a step at a time, with its own words for the ids that the phone mints.

package final class ScenarioRunner {
    private let backend: any ScenarioBackend
    private var client: any SupportClient { backend.client }
    private var conversations: [String: any Conversation] = [:]
    private var messages: [String: (id: MessageId, in: any Conversation)] = [:]
    /// Timelines that are being looked at; the app looks from the first expectation to the end.
    private var screens: [String: Screen<Timeline>] = [:]
    private var list: Screen<ConversationList>?
    /// A sign that comes before the socket is open is lost; whoever types gives another.
    private var lastTyping: Json?

    package init(_ backend: any ScenarioBackend) { self.backend = backend }

    package func run(_ scenario: Scenario) async throws {
        defer { closeScreens() }
        list = Screen(client.conversations.list)
        if !scenario.articles.isEmpty {
            try await backend.play("articles", .object(["docs": .list(scenario.articles)]))
            if scenario.steps.contains(where: { $0["search"] != nil }) { try await client.faq.refresh() }
        }
        for (index, step) in scenario.steps.enumerated() {
            guard case .object(let members) = step,
                let (name, value) = members.first(where: { $0.key != "fails" })
            else { throw ScenarioFailure("step \(index + 1) is no object") }
            do {
                try await run(name, value, fails: members["fails"])
            } catch {
                throw ScenarioFailure("\(scenario.name), step \(index + 1) (\(name)): \(error)")
            }
        }
    }

    private func closeScreens() {
        screens.values.forEach { $0.close() }
        screens = [:]
        list?.close()
        list = nil
    }

    private func run(_ name: String, _ value: Json, fails: Json?) async throws {
        guard let fails else { return try await perform(name, value) }
        do {
            try await perform(name, value)
        } catch let error as SupportError {
            let kind = fails["kind"]?.text ?? ""
            guard Self.snake(error.kind.rawValue) == kind else {
                throw ScenarioFailure("failed as \(error.kind), not as \(kind)")
            }
            if let code = fails["code"]?.text, code != error.code {
                throw ScenarioFailure("failed with \(error.code), not with \(code)")
            }
            return
        }
        throw ScenarioFailure("did not fail")
    }

    private static func snake(_ text: String) -> String {
        text.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }

    private func need(_ value: Json, _ name: String) throws -> String {
        guard let text = value[name]?.text else { throw ScenarioFailure("no \(name)") }
        return text
    }

    private func conversation(_ name: String) throws -> any Conversation {
        guard let found = conversations[name] else { throw ScenarioFailure("no conversation is called \(name)") }
        return found
    }

    private func conversation(_ value: Json, _ name: String) throws -> any Conversation {
        try conversation(try need(value, name))
    }

    private func message(_ value: Json) throws -> (id: MessageId, in: any Conversation) {
        let name = value.text ?? value["message"]?.text ?? ""
        guard let found = messages[name] else { throw ScenarioFailure("no message is called \(name)") }
        return found
    }

    // MARK: What the person does

    private func perform(_ name: String, _ value: Json) async throws {
        switch name {
        case "open": try await open(value)
        case "send":
            let to = try conversation(value, "to")
            let id = try await to.send(need(value, "text"))
            if let name = value["as"]?.text { messages[name] = (id, to) }
        case "edit":
            let message = try message(value)
            try await message.in.edit(message.id, text: need(value, "text"))
        case "retract":
            let message = try message(value)
            try await message.in.retract(message.id)
        case "retry":
            let message = try message(value)
            try await message.in.retry(message.id)
        case "discard":
            let message = try message(value)
            try await message.in.discard(message.id)
        case "mark_read": try await conversation(value.text ?? "").markRead()
        case "close_ticket": try await conversation(value.text ?? "").closeTicket()
        case "reopen_ticket": try await conversation(value.text ?? "").reopenTicket()
        case "load_earlier":
            try screen(need(value, "of"))
            try await conversation(value, "of").loadEarlier(count: value["count"]?.int ?? 50)
        case "login": try await login(value)
        case "logout": try await logout(value.text ?? "")
        case "pause":
            closeScreens()
            try await client.pause()
        case "resume": try await client.resume()
        default: try await ask(name, value)
        }
    }

    private func open(_ value: Json) async throws {
        var fields: [String: FieldValue] = [:]
        if case .object(let members)? = value["fields"] {
            for (key, value) in members {
                switch value {
                case .text(let text): fields[key] = .text(text)
                case .number(let number): fields[key] = .number(number)
                case .flag(let flag): fields[key] = .flag(flag)
                default: throw ScenarioFailure("the field \(key) is no value")
                }
            }
        }
        let opened = try await client.conversations.open(
            TicketDraft(
                subject: need(value, "subject"), text: need(value, "text"), category: value["category"]?.text,
                fields: fields))
        let name = try need(value, "as")
        conversations[name] = opened
        try screen(name)
        if let first = try await firstMessage(opened) { messages["\(name).first"] = (first, opened) }
    }

    private func firstMessage(_ conversation: any Conversation) async throws -> MessageId? {
        for await timeline in conversation.timeline where timeline.loaded { return timeline.messages.first?.id }
        return nil
    }

    private func login(_ value: Json) async throws {
        let user = try need(value, "user")
        let provider = ScriptedProvider(
            user: user, kinds: value["tokens"]?.list?.compactMap(\.text) ?? [], backend: backend)
        defer { provider.close() }
        try await client.login(provider)
        if let reasons = value["reasons"]?.list?.compactMap(\.text), reasons != provider.reasons {
            throw ScenarioFailure("the provider was asked for \(provider.reasons), not for \(reasons)")
        }
    }

    private func logout(_ mode: String) async throws {
        switch mode {
        case "send_first": try await client.logout()
        case "keep": try await client.logout(.keep)
        case "discard": try await client.logout(.discard)
        default: throw ScenarioFailure("there is no way to log out called \(mode)")
        }
    }

    private func ask(_ name: String, _ value: Json) async throws {
        switch name {
        case "search":
            let wanted = value["finds"]?.list?.compactMap(\.text) ?? []
            try await hold {
                let hits = try await self.client.faq.search(self.need(value, "query")).hits.map(\.article.value)
                let holds = wanted.isEmpty ? hits.isEmpty : Array(hits.prefix(wanted.count)) == wanted
                return holds ? nil : "found \(hits)"
            }
        case "suggest":
            let wanted = value["offers"]?.list?.compactMap(\.text) ?? []
            try await hold {
                let offers = try await self.client.faq.suggest(self.need(value, "draft")).map(\.article.value)
                return offers == wanted ? nil : "offered \(offers)"
            }
        case "article":
            let article = try await client.faq.article(ArticleId(need(value, "id")))
            guard article?.title == value["title"]?.text else {
                throw ScenarioFailure("found \(String(describing: article))")
            }
        case "rate":
            guard let article = try await client.faq.article(ArticleId(need(value, "id"))) else {
                throw ScenarioFailure("there is no such article")
            }
            try await client.faq.rate(article, helpful: value["helpful"]?.flag ?? false)
        default: try await others(name, value)
        }
    }

    // MARK: What others do

    private func others(_ name: String, _ value: Json) async throws {
        switch name {
        case "agent_replies", "agent_types", "agent_reads", "agent_closes", "fill":
            guard case .object(var members) = value else { throw ScenarioFailure("no object") }
            for place in ["to", "in", "of"] {
                if let name = members[place]?.text { members[place] = .text(try conversation(name).id.value) }
            }
            if name == "agent_types" { lastTyping = .object(members) }
            try await backend.play(name, .object(members))
        case "network":
            try await backend.play(name, value)
            if value.text == "online" { client.wake() }
        case "articles": try await backend.play(name, value)
        default: try await expect(name, value)
        }
    }

    // MARK: What is expected

    /// Looks again until it holds; `holds` says what is otherwise.
    private func hold(_ holds: () async throws -> String?) async throws {
        let end = ContinuousClock.now + .seconds(10)
        while true {
            guard let otherwise = try await holds() else { return }
            if ContinuousClock.now > end { throw ScenarioFailure(otherwise) }
            try await backend.moment()
        }
    }

    private func screen(_ name: String) throws {
        if screens[name] == nil { screens[name] = Screen(try conversation(name).timeline) }
    }

    private func expect(_ name: String, _ value: Json) async throws {
        switch name {
        case "expect_timeline":
            let of = try need(value, "of")
            try screen(of)
            try await hold { Self.differs(self.screens[of]?.shown, value) }
        case "expect_list":
            try await hold {
                if self.list == nil { self.list = Screen(self.client.conversations.list) }
                guard let list = self.list?.shown else { return "no list was shown" }
                return Self.differs(list.items, value.list ?? [])
            }
        case "expect_outbox":
            try await hold {
                let items = try await self.client.outbox.items()
                let fits = Self.fits(items, value.list ?? []) { item, wanted in
                    wanted["kind"]?.text == item.kind.rawValue && Self.any(wanted["state"], item.state.name)
                }
                return fits ? nil : "there waits \(items.map { "\($0.kind.rawValue) \($0.state.name)" })"
            }
        case "expect_identity":
            try await hold {
                let identity = await self.client.identity.current()
                let fits =
                    identity?.subject == value["user"]?.text
                    && (value["confirmed"]?.flag).map { $0 == identity?.confirmed } != false
                return fits ? nil : "it is \(String(describing: identity))"
            }
        case "expect_connection":
            try await hold {
                let connection = await self.client.connection.current()
                return connection?.rawValue == value.text ? nil : "it is \(String(describing: connection))"
            }
        case "expect_typing":
            let of = try need(value, "in")
            try screen(of)
            var looks = 0
            try await hold {
                looks += 1
                if looks % 30 == 0, let again = self.lastTyping { try await self.backend.play("agent_types", again) }
                let authors = try await self.conversation(of).typing.current() ?? []
                let names = authors.map(\.name)
                return names == value["names"]?.list?.compactMap(\.text) ? nil : "\(names) type"
            }
        case "expect_server":
            let id = try conversation(value, "of").id
            try await hold {
                let texts = try await self.backend.serverTexts(id)
                return texts == value["texts"]?.list?.compactMap(\.text) ? nil : "the server has \(texts)"
            }
        case "expect_unread":
            try await hold {
                let unread = try await self.client.conversations.unread()
                return unread == value.int ? nil : "\(unread) are unread"
            }
        default: throw ScenarioFailure("there is no such step")
        }
    }

    private static func differs(_ timeline: Timeline?, _ value: Json) -> String? {
        guard let timeline, timeline.loaded else { return "nothing was shown" }
        let shown = timeline.messages
        let told =
            "shown is \(shown.suffix(6).map { "\($0.author.origin) \($0.state.name): \($0.text ?? "-")" }), \(shown.count) in all"
        if let earlier = value["has_earlier"]?.flag, earlier != timeline.hasEarlier {
            return told + ", hasEarlier \(timeline.hasEarlier)"
        }
        if let count = value["count"]?.int, count != shown.count { return told }
        if let first = value["first"]?.text, first != shown.first?.text { return told }
        if let last = value["last"]?.text, last != shown.last?.text { return told }
        guard let wanted = value["messages"]?.list else { return nil }
        let fits = fits(shown, wanted) { message, wanted in
            if let text = wanted["text"]?.text, text != message.text { return false }
            if let from = wanted["from"]?.text, from != message.author.origin { return false }
            if let edited = wanted["edited"]?.flag, edited != message.edited { return false }
            if let retracted = wanted["retracted"]?.flag, retracted != (message.body == .retracted) { return false }
            return any(wanted["state"], message.state.name)
        }
        return fits ? nil : told
    }

    private static func differs(_ list: [ConversationInfo], _ wanted: [Json]) -> String? {
        let fits = fits(list, wanted) { info, wanted in
            if let subject = wanted["subject"]?.text, subject != info.subject { return false }
            if let unread = wanted["unread"]?.int, unread != info.unread { return false }
            if let preview = wanted["preview"]?.text, preview != info.preview { return false }
            return any(wanted["status"], info.status.rawValue)
        }
        return fits ? nil : "listed is \(list.map { "\($0.subject) \($0.status) \($0.unread) \($0.preview)" })"
    }

    private static func fits<Value>(_ shown: [Value], _ wanted: [Json], _ fits: (Value, Json) -> Bool) -> Bool {
        shown.count == wanted.count && zip(shown, wanted).allSatisfy(fits)
    }

    /// `"sent|read"` is any of them; none is named: anything.
    private static func any(_ wanted: Json?, _ name: String) -> Bool {
        guard let wanted = wanted?.text else { return true }
        return wanted.split(separator: "|").contains { $0 == name }
    }
}

/// A screen that shows something, as long as it is open.
private final class Screen<Value: Sendable>: Sendable {
    private let latest: Locked<Value?>
    private let task: Task<Void, Never>

    var shown: Value? { latest.with { $0 } }

    init(_ updates: Updates<Value>) {
        let latest = Locked<Value?>(nil)
        self.latest = latest
        task = Task {
            for await value in updates { latest.with { $0 = value } }
        }
    }

    func close() { task.cancel() }
}

/// Gives the kinds of tokens that a scenario names, one each time.
private final class ScriptedProvider: TokenProvider {
    private let user: String
    private let backend: any ScenarioBackend
    private let state: Locked<(kinds: [String], reasons: [String], closed: Bool)>

    init(user: String, kinds: [String], backend: any ScenarioBackend) {
        self.user = user
        self.backend = backend
        state = Locked((kinds, [], false))
    }

    /// Why it was asked, until its login had ended.
    var reasons: [String] { state.with { $0.reasons } }

    func close() { state.with { $0.closed = true } }

    func token(reason: TokenReason) async throws -> String {
        let kind: String = state.with { state in
            if !state.closed { state.reasons.append(reason == .clockSkew ? "clock_skew" : reason.rawValue) }
            return state.kinds.isEmpty ? "good" : state.kinds.removeFirst()
        }
        if kind == "throws" { throw ScenarioFailure("the app's backend is down") }
        return try await backend.token(user, kind: kind)
    }
}

extension Author {
    fileprivate var origin: String {
        switch self {
        case .person: "person"
        case .agent: "agent"
        case .system: "system"
        case .unknown: "unknown"
        }
    }

    fileprivate var name: String {
        if case .agent(let agent) = self { return agent.name }
        return origin
    }
}

extension MessageState {
    package var name: String {
        switch self {
        case .queued: "queued"
        case .sending: "sending"
        case .sent: "sent"
        case .delivered: "delivered"
        case .read: "read"
        case .wedged: "wedged"
        case .received: "received"
        }
    }
}

extension OutboxState {
    fileprivate var name: String {
        switch self {
        case .queued: "queued"
        case .sending: "sending"
        case .wedged: "wedged"
        }
    }
}

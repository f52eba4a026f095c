import BeistandAPI
import Foundation

// The whole of the fake as plain data: a desk, a phone, what lies between them, and what is to happen later. Nothing here
// waits: time is a number that somebody moves, so a test that waits for minutes takes none.

/// What is to happen at a time.
struct Due {
    let at: Date
    let serial: UInt64
    let work: @Sendable (inout FakeWorld) -> Void
}

/// A message as the desk has it.
struct DeskMessage: Equatable {
    var id: MessageId
    var author: Author
    /// `nil` once it was taken back.
    var text: String?
    var attachments: [FakeFile]
    var seq: UInt64
    var edited = false
    var createdAt: Date
}

/// A file, wherever it is.
struct FakeFile: Equatable {
    var id: AttachmentId
    var name: String
    var mediaType: String
    var bytes: Data
}

/// A conversation as the desk has it; the phone keeps the copy that it saw last.
struct DeskTicket: Equatable {
    var id: ConversationId
    var person: String
    var subject: String
    var category: String?
    var priority: Priority
    var fields: [String: FieldValue]
    var status = ConversationStatus.open
    var assignee: Agent?
    var messages: [DeskMessage] = []
    var agentRead: UInt64 = 0
    var personRead: UInt64 = 0
    var createdAt: Date
    var updatedAt: Date
    /// Orders tickets by their newest event.
    var event: UInt64
    var typing: [Agent] = []

    var lastSeq: UInt64 { messages.last?.seq ?? 0 }
}

/// A write that waits on the phone.
struct FakeOperation {
    enum Payload {
        case open(DeskTicket)
        case send(DeskMessage)
        case edit(String)
        case retract
        case status(ConversationStatus)
        case read(UInt64)
        case feedback(FakeRating)
    }

    var id: OperationId
    /// Under which login it was written.
    var login: Int
    var conversation: ConversationId
    var message: MessageId?
    var payload: Payload
    var state = OutboxState.queued
    var attempts = 0
    var notBefore: Date
    var createdAt: Date
    var serial: UInt64

    var isWedged: Bool {
        if case .wedged = state { return true }
        return false
    }

    var kind: OperationKind {
        switch payload {
        case .open: .open
        case .send: .send
        case .edit: .edit
        case .retract: .retract
        case .status: .status
        case .read: .read
        case .feedback: .feedback
        }
    }
}

/// Under which name the phone speaks. Logging out begins a new one; the old one is kept while writes of it wait.
struct FakeLogin {
    var person: String
    var subject: String?
    var confirmed = false
}

/// What an agent is to answer once there is a conversation.
struct Script {
    var text: String
    var after: Duration
}

struct FakeWorld {
    // Time.
    var now: Date
    var agenda: [Due] = []
    var serial: UInt64 = 0

    // The desk.
    var tickets: [ConversationId: DeskTicket] = [:]
    var scripts: [Script] = []
    var agent = Agent(id: "00000000-0000-7000-8000-0000000000a9", name: "Deniz")
    var settings: SupportSettings
    var ratings: [FakeRating] = []
    var pushToken: PushToken?
    var accepted: [String: FakeUsers.Verdict] = [:]

    // The way between.
    var online = true
    var latency = Duration.zero
    var failures = 0
    var failureStatus = 500
    var refusals: [String] = []
    var losesNextAnswer = false

    // The phone.
    var logins = [FakeLogin(person: "person-0")]
    var seen: [ConversationId: DeskTicket] = [:]
    var operations: [FakeOperation] = []
    var started = false
    var paused = false
    var shutDown = false
    var syncing = false
    var events: [SupportEvent] = []
    var articles: [FakeArticle]
    var locale: String
    var faqCheckedAt: Date?

    init(now: Date, articles: [FakeArticle], locale: String, settings: SupportSettings) {
        self.now = now
        self.articles = articles
        self.locale = locale
        self.settings = settings
    }

    var login: Int { logins.count - 1 }
    var reaches: Bool { online && started && !paused && !shutDown }

    mutating func nextSerial() -> UInt64 {
        serial += 1
        return serial
    }

    /// An id that looks like those of the real client, and is the same in each run of a test.
    mutating func mint() -> String {
        let digits = String(nextSerial(), radix: 16)
        return "00000000-0000-7000-8000-" + String(repeating: "0", count: 12 - min(12, digits.count)) + digits
    }

    mutating func schedule(after: Duration, _ work: @escaping @Sendable (inout FakeWorld) -> Void) {
        agenda.append(Due(at: now.addingTimeInterval(after.seconds), serial: nextSerial(), work: work))
    }

    // MARK: Time

    /// The next thing that is to happen, if it is due by then.
    private func nextDue(by end: Date) -> Int? {
        let due = agenda.indices.filter { agenda[$0].at <= end }
        return due.min { (agenda[$0].at, agenda[$0].serial) < (agenda[$1].at, agenda[$1].serial) }
    }

    /// Moves the clock to the next thing that is to happen by then, and lets it happen. `false` if there is none.
    mutating func step(by end: Date) -> Bool {
        guard let index = nextDue(by: end) else { return false }
        let due = agenda.remove(at: index)
        now = max(now, due.at)
        due.work(&self)
        settle()
        return true
    }

    mutating func advance(by duration: Duration) {
        let end = now.addingTimeInterval(duration.seconds)
        while step(by: end) {}
        now = max(now, end)
        settle()
    }

    /// Lets time pass until something holds; `false` if it does not by then. Whoever waits for time lets it pass: nobody
    /// else would.
    mutating func pass(within: Duration, until holds: (inout FakeWorld) -> Bool) -> Bool {
        let end = now.addingTimeInterval(within.seconds)
        settle()
        while true {
            if holds(&self) { return true }
            if !step(by: end) {
                now = max(now, end)
                settle()
                return holds(&self)
            }
        }
    }

    // MARK: What happens by itself

    /// Sends what may be sent, and brings over what is new.
    mutating func settle() {
        guard reaches else { return }
        confirmLogin()
        while sendOne() {}
        bringOver()
    }

    private mutating func confirmLogin() {
        guard let subject = logins[login].subject, !logins[login].confirmed else { return }
        let person = "user-\(subject)"
        let before = logins[login].person
        for id in tickets.keys where tickets[id]?.person == before { tickets[id]?.person = person }
        logins[login] = FakeLogin(person: person, subject: subject, confirmed: true)
    }

    /// Sends the first write that may be sent; `false` if there is none.
    private mutating func sendOne() -> Bool {
        var blocked = Set<ConversationId>()
        for index in operations.indices {
            let operation = operations[index]
            let free = blocked.insert(operation.conversation).inserted
            guard free, operation.state == .queued else { continue }
            if operation.notBefore > now { continue }
            attempt(index)
            return true
        }
        return false
    }

    private mutating func attempt(_ index: Int) {
        let id = operations[index].id
        if latency > .zero {
            operations[index].state = .sending
            schedule(after: latency) { world in world.arrive(id) }
        } else {
            arrive(id)
        }
    }

    /// A request reaches the desk, or what stands before it.
    private mutating func arrive(_ id: OperationId) {
        guard let index = operations.firstIndex(where: { $0.id == id }), !operations[index].isWedged else { return }
        guard reaches else {
            operations[index].state = .queued
            return
        }
        if failures > 0 {
            failures -= 1
            return failed(index)
        }
        if let code = refusals.first {
            refusals.removeFirst()
            operations[index].state = .wedged(code: code, detail: "the fake was told to refuse this")
            operations[index].attempts += 1
            events.append(.wedged(conversation: operations[index].conversation, code: code))
            return
        }
        store(operations[index])
        if losesNextAnswer {
            losesNextAnswer = false
            return failed(index)
        }
        operations.remove(at: index)
    }

    private mutating func failed(_ index: Int) {
        operations[index].attempts += 1
        operations[index].state = .queued
        let wait = Duration.seconds(1 << min(operations[index].attempts - 1, 6))
        operations[index].notBefore = now.addingTimeInterval(wait.seconds)
        schedule(after: wait) { _ in }
    }

    /// What the desk does with a write. The same one twice changes nothing.
    private mutating func store(_ operation: FakeOperation) {
        let person = logins[operation.login].person
        let id = operation.conversation
        switch operation.payload {
        case .open(var ticket):
            guard tickets[id] == nil else { return }
            ticket.person = person
            ticket.event = nextSerial()
            ticket.messages[0].seq = 1
            tickets[id] = ticket
            runScripts(id)
        case .send(var message):
            guard tickets[id]?.messages.contains(where: { $0.id == message.id }) == false else { return }
            message.seq = (tickets[id]?.lastSeq ?? 0) + 1
            tickets[id]?.messages.append(message)
            if tickets[id]?.status != .open { tickets[id]?.status = .open }
            touch(id)
        case .edit(let text):
            change(operation) { message in
                message.text = text
                message.edited = true
            }
        case .retract: change(operation) { message in message.text = nil }
        case .status(let status):
            tickets[id]?.status = status
            touch(id)
        case .read(let seq):
            let before = tickets[id]?.personRead ?? 0
            tickets[id]?.personRead = max(before, seq)
        case .feedback(let rating): ratings.append(rating)
        }
    }

    private mutating func change(_ operation: FakeOperation, _ work: (inout DeskMessage) -> Void) {
        let id = operation.conversation
        guard let index = tickets[id]?.messages.firstIndex(where: { $0.id == operation.message }) else { return }
        if var message = tickets[id]?.messages[index], message.text != nil {
            work(&message)
            tickets[id]?.messages[index] = message
        }
        touch(id)
    }

    mutating func touch(_ id: ConversationId) {
        let event = nextSerial()
        tickets[id]?.updatedAt = now
        tickets[id]?.event = event
    }

    private mutating func runScripts(_ id: ConversationId) {
        let waiting = scripts
        scripts = []
        for script in waiting { reply(to: id, text: script.text, after: script.after) }
    }

    mutating func reply(to id: ConversationId, text: String, after: Duration) {
        guard after <= .zero else {
            schedule(after: after) { world in world.reply(to: id, text: text, after: .zero) }
            return
        }
        guard let seq = tickets[id]?.lastSeq else { return }
        let message = DeskMessage(
            id: MessageId(mint()), author: .agent(agent), text: text, attachments: [], seq: seq + 1, createdAt: now)
        tickets[id]?.messages.append(message)
        tickets[id]?.typing = []
        // An answer passes the turn to the person.
        if tickets[id]?.status == .open { tickets[id]?.status = .pending }
        touch(id)
    }

    /// The phone sees what the desk has of its person.
    private mutating func bringOver() {
        let person = logins[login].person
        let fresh = tickets.filter { $0.value.person == person }
        guard fresh != seen else { return }
        if latency > .zero {
            guard !syncing else { return }
            syncing = true
            schedule(after: latency) { world in
                world.syncing = false
                if world.reaches {
                    let person = world.logins[world.login].person
                    world.seen = world.tickets.filter { $0.value.person == person }
                }
            }
        } else {
            seen = fresh
        }
    }
}

extension Duration {
    /// As seconds, for dates.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

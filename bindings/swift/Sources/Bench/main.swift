import Beistand
import Foundation

// What the façade costs on this machine, one figure a line: name, number, unit in the name. No server: everything is on disk.

/// The middle of some figures.
func median(_ figures: [Double]) -> Double { figures.sorted()[figures.count / 2] }

func milliseconds(since begun: ContinuousClock.Instant) -> Double {
    let time = (ContinuousClock.now - begun).components
    return Double(time.seconds) * 1_000 + Double(time.attoseconds) / 1e15
}

/// The threads of this process; 0 where the system does not tell.
func threads() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0 }

let rounds = CommandLine.arguments.contains("--quick") ? 11 : 101
let folder = FileManager.default.temporaryDirectory.appendingPathComponent("beistand-bench-\(UUID().uuidString)")
defer { try? FileManager.default.removeItem(at: folder) }

func config(_ name: String) -> BeistandConfig {
    BeistandConfig(server: "http://127.0.0.1:1", appKey: "bench", folder: folder.appendingPathComponent(name).path)
}

// Before anything of the library or of Swift's own executor has run.
let before = threads()
var constructors: [Double] = []
var kept: [any SupportClient] = []
for round in 0..<rounds {
    let settings = config("client-\(round)")
    let begun = ContinuousClock.now
    kept.append(try Beistand(settings))
    constructors.append(milliseconds(since: begun))
}
print("constructor_ms", median(constructors))
print("constructor_worst_ms", constructors.max() ?? 0)
print("threads_started", threads() - before)
kept = []

let client = try Beistand(config("phone"))
let ticket = try await client.conversations.open(TicketDraft(subject: "Bench", text: "0"))
var last = MessageId("")
for number in 1..<50 { last = try await ticket.send("Message number \(number) of a conversation that somebody has") }
var windows: [Double] = []
for _ in 0..<rounds {
    let begun = ContinuousClock.now
    guard await ticket.timeline.current()?.messages.count == 50 else { fatalError("no window of 50") }
    windows.append(milliseconds(since: begun))
}
print("window_of_50_ms", median(windows))

/// From a change that is on disk to the value that shows it.
func receipts() async throws -> [Double] {
    var screen = ticket.timeline.makeAsyncIterator()
    _ = await screen.next()
    var receipts: [Double] = []
    for round in 0..<rounds {
        let text = "Changed \(round)"
        try await ticket.edit(last, text: text)
        let begun = ContinuousClock.now
        while let shown = await screen.next(), shown.messages.last?.text != text {}
        receipts.append(milliseconds(since: begun))
    }
    return receipts
}
print("receipt_ms", median(try await receipts()))
await client.shutdown()

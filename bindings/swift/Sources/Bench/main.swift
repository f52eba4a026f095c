import Beistand
import Foundation

// What the façade costs on this machine, one figure a line, in the form that `cargo xtask bench bindings` reads. No server:
// everything is on disk.

func tell(_ what: String, _ milliseconds: Double, aim: Double? = nil) {
    let number = String(format: "%.4f", milliseconds)
    print("\(what) \(number) ms" + (aim.map { "   aim \($0) ms" } ?? ""))
}

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
tell("constructor", median(constructors), aim: 1)
tell("constructor, the slowest, which loads the library", constructors.max() ?? 0)
print("threads started by then: \(threads() - before)")
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
tell("window of 50, from subscribing to the value", median(windows), aim: 2)

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
tell("one change, from the disk to the value", median(try await receipts()))
await client.shutdown()

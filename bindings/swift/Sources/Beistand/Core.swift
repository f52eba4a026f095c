import BeistandAPI
import BeistandFFI
import Foundation

// What the parts of a client share: the generated object, what is done with the first call, and how failures and
// cancellation cross the border.

final class Core: Sendable {
    let client: FfiClient
    private let folder: DataFolder
    private let log: (any SupportLog)?
    private let begun = Locked(false)
    private let glue = Locked<PlatformGlue?>(nil)
    /// The timelines that are being iterated, for `loadEarlier`.
    let timelines = Locked<[TimelinePull]>([])

    init(client: FfiClient, folder: DataFolder, log: (any SupportLog)?) {
        self.client = client
        self.folder = folder
        self.log = log
    }

    /// Done with the first call, so that making a client costs nothing.
    func begin() {
        let first = begun.with { begun in
            defer { begun = true }
            return !begun
        }
        guard first else { return }
        folder.prepare()
        if let log { setLogSink(sink: LogSink(log), level: FfiLogLevel(log.level)) }
        let glue = PlatformGlue(client: client)
        self.glue.with { $0 = glue }
    }

    func end() { glue.with { $0 = nil } }

    /// A call that runs to its end, which takes no longer than the disk does.
    func call<Result: Sendable>(_ work: (FfiClient) async throws -> Result) async throws -> Result {
        begin()
        return try await supportErrors { try await work(client) }
    }

    /// A call that may wait long: it is given up once its task is cancelled.
    func wait<Result: Sendable>(_ work: (FfiClient, FfiCancel) async throws -> Result) async throws -> Result {
        try Task.checkCancellation()
        begin()
        let cancel = FfiCancel()
        return try await withTaskCancellationHandler {
            try await supportErrors { try await work(client, cancel) }
        } onCancel: {
            cancel.cancel()
        }
    }

    /// Something that is pulled from the library.
    func updates<Watch: AnyWatch, Item: Sendable>(
        _ open: @escaping @Sendable (FfiClient) async throws -> Watch,
        _ item: @escaping @Sendable (Watch.Item) -> Item
    ) -> Updates<Item> {
        Updates { [self] in
            begin()
            let pull = Pull { [client] in try await open(client) }
            return Updates.Source {
                await pull.next().map(item)
            } end: {
                pull.end()
            }
        }
    }
}

/// What the watches of the library have in common.
protocol AnyWatch: AnyObject, Sendable {
    associatedtype Item: Sendable
    func next() async -> Item?
    func cancel()
}

extension FfiConversationListWatch: AnyWatch {}
extension FfiConnectionWatch: AnyWatch {}
extension FfiIdentityWatch: AnyWatch {}
extension FfiTypingWatch: AnyWatch {}
extension FfiTransferWatch: AnyWatch {}
extension FfiFaqStatusWatch: AnyWatch {}
extension FfiEventWatch: AnyWatch {}
extension FfiTimelineWatch: AnyWatch {}

/// A watch that is opened when its first value is asked for, and cancelled once.
final class Pull<Watch: AnyWatch>: Sendable {
    private struct State {
        var watch: Watch?
        var ended = false
    }

    private let state = Locked(State())
    private let open: @Sendable () async throws -> Watch

    init(open: @escaping @Sendable () async throws -> Watch) { self.open = open }

    deinit { end() }

    /// The watch, while it is open.
    var watch: Watch? { state.with { $0.watch } }

    /// The next value; `nil` at the end, which a client that is shut down or a conversation that is gone is as well.
    func next() async -> Watch.Item? {
        if let watch { return await watch.next() }
        if state.with({ $0.ended }) { return nil }
        guard let watch = try? await open() else {
            end()
            return nil
        }
        let late = state.with { state in
            if !state.ended { state.watch = watch }
            return state.ended
        }
        if late {
            watch.cancel()
            return nil
        }
        return await watch.next()
    }

    func end() {
        let watch = state.with { state in
            state.ended = true
            defer { state.watch = nil }
            return state.watch
        }
        watch?.cancel()
    }
}

/// Hands lines of the library's log to the app.
private final class LogSink: FfiLogSink {
    private let log: any SupportLog

    init(_ log: any SupportLog) { self.log = log }

    func log(level: FfiLogLevel, target: String, text: String) throws {
        log.line(level: SupportLogLevel(level), target: target, text: text)
    }
}

import BeistandAPI
import Foundation

// The world behind a lock, and whoever watches it. After each change everybody who waits is woken and looks again.

final class FakeEngine: Sendable {
    private struct State {
        var world: FakeWorld
        var version: UInt64 = 0
        var watchers: [UInt64: Watcher] = [:]
        var lastWatcher: UInt64 = 0
    }

    private struct Watcher {
        var seen: UInt64?
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state: Locked<State>
    /// The windows that are being iterated.
    let windows = Locked<[FakeWindow]>([])

    init(_ world: FakeWorld) { state = Locked(State(world: world)) }

    /// Looks at the world, and changes nothing.
    func read<Result>(_ look: (FakeWorld) throws -> Result) rethrows -> Result {
        try state.with { try look($0.world) }
    }

    /// Changes the world, and lets happen what follows from it. What is thrown has changed nothing.
    @discardableResult
    func change<Result>(_ work: (inout FakeWorld) throws -> Result) rethrows -> Result {
        let (result, woken) = try state.with { state in
            var world = state.world
            let result = try work(&world)
            world.settle()
            state.world = world
            state.version += 1
            let woken = state.watchers.compactMap { $0.value.waiting }
            for id in state.watchers.keys { state.watchers[id]?.waiting = nil }
            return (result, woken)
        }
        woken.forEach { $0.resume() }
        return result
    }

    /// How many iterations are open; for tests that look for a leak.
    var watcherCount: Int { state.with { $0.watchers.count } }

    private func enter() -> UInt64 {
        state.with { state in
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = Watcher()
            return state.lastWatcher
        }
    }

    private func leave(_ id: UInt64) {
        let waiting = state.with { $0.watchers.removeValue(forKey: id)?.waiting }
        waiting?.resume()
    }

    /// Waits for a change that this watcher has not looked at, and looks. `nil` at the end.
    private func look<Value>(_ id: UInt64, _ look: (FakeWorld) -> Value) async -> Value? {
        while true {
            let looked: (ended: Bool, value: Value?) = state.with { state in
                guard let watcher = state.watchers[id] else { return (true, nil) }
                if watcher.seen == state.version { return (false, nil) }
                state.watchers[id]?.seen = state.version
                return (state.world.shutDown, state.world.shutDown ? nil : look(state.world))
            }
            if looked.ended { return nil }
            if let value = looked.value { return value }
            await withCheckedContinuation { continuation in
                let now: Bool = state.with { state in
                    guard let watcher = state.watchers[id], watcher.seen == state.version else { return true }
                    state.watchers[id]?.waiting = continuation
                    return false
                }
                if now { continuation.resume() }
            }
        }
    }

    /// What is to be seen of the world, now and whenever it differs.
    func watch<Value: Sendable & Equatable>(_ look: @escaping @Sendable (FakeWorld) -> Value) -> Updates<Value> {
        Updates { [self] in
            let id = enter()
            begin()
            let last = Locked<Value?>(nil)
            return Updates.Source {
                while let value = await self.look(id, look) {
                    let differs = last.with { last in
                        defer { last = value }
                        return last != value
                    }
                    if differs { return value }
                }
                return nil
            } end: {
                self.leave(id)
            }
        }
    }

    /// Whoever looks makes the client begin.
    private func begin() {
        change { world in
            if !world.shutDown { world.started = true }
        }
    }

    /// What happens from now on, one after the other.
    func watchEvents() -> Updates<SupportEvent> {
        Updates { [self] in
            let id = enter()
            let next = Locked(read { $0.events.count })
            return Updates.Source {
                while true {
                    let event: SupportEvent?? = await self.look(id) { world in
                        next.with { next in
                            guard next < world.events.count else { return nil }
                            defer { next += 1 }
                            return world.events[next]
                        }
                    }
                    guard let event else { return nil }
                    if let event {
                        self.lookAgain(id)
                        return event
                    }
                }
            } end: {
                self.leave(id)
            }
        }
    }

    /// There may be more than one event in a change.
    private func lookAgain(_ id: UInt64) { state.with { $0.watchers[id]?.seen = nil } }
}

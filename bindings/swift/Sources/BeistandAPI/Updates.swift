// Something that can be watched: the current value first, then what changes. A type of this package rather than AsyncStream,
// because a stream may be iterated once only, and an app watches the same thing from several screens.

/// A value over time: the current one first, then each time it has changed.
///
/// Any number of tasks may iterate it, each with a view of its own. Values in between may be skipped: whoever is slow sees
/// the newest. Iteration ends when its task is cancelled, when the loop is left, and once the client is shut down.
public struct Updates<Element: Sendable>: AsyncSequence, Sendable {
    /// Where the values of one iteration come from.
    public struct Source: Sendable {
        let next: @Sendable () async -> Element?
        let end: @Sendable () -> Void

        /// A source. `next` waits for the next value and gives `nil` at the end; `end` is called once nobody iterates any more,
        /// also while `next` waits, which then has to return `nil`.
        public init(next: @escaping @Sendable () async -> Element?, end: @escaping @Sendable () -> Void) {
            self.next = next
            self.end = end
        }
    }

    private let open: @Sendable () -> Source

    /// A sequence that opens a source for each iteration, when its first value is asked for.
    public init(open: @escaping @Sendable () -> Source) {
        self.open = open
    }

    /// Begins an iteration.
    public func makeAsyncIterator() -> Iterator { Iterator(session: Session(open: open)) }

    /// The current value, or `nil` once the client is shut down.
    public func current() async -> Element? {
        for await value in self { return value }
        return nil
    }

    /// One iteration. It ends with its last copy.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let session: Session

        /// The current value on the first call, then the next change; `nil` at the end.
        public mutating func next() async -> Element? { await session.next() }
    }

    /// Holds the source, and ends it once.
    fileprivate final class Session: Sendable {
        private enum State {
            case fresh
            case open(Source)
            case ended
        }

        private let state = Locked(State.fresh)
        private let open: @Sendable () -> Source

        init(open: @escaping @Sendable () -> Source) { self.open = open }

        deinit { end() }

        func next() async -> Element? {
            guard !Task.isCancelled, let source = source() else {
                end()
                return nil
            }
            let value = await withTaskCancellationHandler {
                await source.next()
            } onCancel: {
                end()
            }
            if value == nil { end() }
            return value
        }

        private func source() -> Source? {
            state.with { state in
                switch state {
                case .ended: return nil
                case .open(let source): return source
                case .fresh:
                    let source = open()
                    state = .open(source)
                    return source
                }
            }
        }

        private func end() {
            let last: Source? = state.with { state in
                defer { state = .ended }
                if case .open(let source) = state { return source }
                return nil
            }
            // Foreign code is never called under a lock.
            last?.end()
        }
    }
}

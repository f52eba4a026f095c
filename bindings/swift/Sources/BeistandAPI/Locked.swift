import Foundation

// The one lock of this package. Foundation's, because the standard library's Mutex needs newer systems than the package does.

/// A value behind a lock. The work under it is short and calls nobody else.
package final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    /// Puts a value behind a lock.
    package init(_ value: Value) { self.value = value }

    /// Looks at the value, and may change it.
    package func with<Result>(_ work: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try work(&value)
    }
}

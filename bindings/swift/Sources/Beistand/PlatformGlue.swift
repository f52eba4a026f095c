import BeistandFFI
import Foundation

#if canImport(UIKit) && os(iOS)
    import Network
    import UIKit

    /// What iOS tells an app, handed to the library: to the background, to the front, the network is back. Ends when it is
    /// dropped.
    final class PlatformGlue: Sendable {
        private let monitor = NWPathMonitor()
        private let observers: Observers

        init(client: FfiClient) {
            let center = NotificationCenter.default
            let background = center.addObserver(
                forName: UIApplication.didEnterBackgroundNotification, object: nil, queue: nil
            ) { [weak client] _ in
                guard let client else { return }
                Self.withTimeToFinish { try? await client.pause() }
            }
            let foreground = center.addObserver(
                forName: UIApplication.willEnterForegroundNotification, object: nil, queue: nil
            ) { [weak client] _ in
                guard let client else { return }
                Task { try? await client.resume() }
            }
            observers = Observers(tokens: [background, foreground])
            monitor.pathUpdateHandler = { [weak client] path in
                if path.status == .satisfied { client?.wake() }
            }
            monitor.start(queue: DispatchQueue(label: "dev.beistand.network", qos: .utility))
        }

        /// Closing the database takes a moment, and iOS kills an app that holds a lock when it is suspended.
        private static func withTimeToFinish(_ work: @escaping @Sendable () async -> Void) {
            Task { @MainActor in
                let assertion = UIApplication.shared.beginBackgroundTask(withName: "dev.beistand.pause")
                await work()
                UIApplication.shared.endBackgroundTask(assertion)
            }
        }

        deinit {
            monitor.cancel()
            observers.tokens.forEach(NotificationCenter.default.removeObserver)
        }
    }

    /// The tokens are opaque to Swift's checks, and only ever handed back.
    private struct Observers: @unchecked Sendable {
        let tokens: [any NSObjectProtocol]
    }
#else
    /// Nothing to hear of on this system: the app calls `pause`, `resume` and `wake` itself where it wants them.
    final class PlatformGlue: Sendable {
        init(client: FfiClient) {}
    }
#endif

// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The process's one event loop.
package enum EventLoop {
    /// Runs `main` and everything it spawns on the calling thread; returns when `main` does.
    package static func run<Value: Sendable>(
        _ main: @escaping @LoopActor @Sendable () async -> Value
    ) -> Value {
        let result = ResultBox<Value>()
        spawn {
            let value = await main()
            result.value.withLock { $0 = value }
            LoopExecutor.shared.stop()
        }
        LoopExecutor.shared.run()
        guard let value = result.value.withLock({ $0 }) else {
            preconditionFailure("the loop ended before its main function")
        }
        return value
    }

    /// How many deadlines and sleeps are under way at present.
    @LoopActor package static var armedTimerCount: Int { LoopTimers.count }
}

/// Carries the result of `main` out of the loop.
private final class ResultBox<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
}

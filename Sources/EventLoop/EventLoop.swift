// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// Counts of what the loop did since the process began.
package struct LoopStatistics: Sendable {
    /// Turns of the loop, that is, polls of the kernel.
    package let turnCount: Int
    /// Swift jobs run.
    package let jobCount: Int
    /// Jobs that came from another thread; 0 is expected once the loop runs.
    package let foreignEnqueueCount: Int
}

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

    /// Runs the loop for ever on a thread of its own, for tests; once in a process.
    package static func startOnOwnThread() {
        var thread = pthread_t()
        let status = pthread_create(
            &thread,
            nil,
            { _ in
                LoopExecutor.shared.run()
                return nil
            },
            nil
        )
        precondition(status == 0, "pthread_create failed with \(status)")
        pthread_detach(thread)
    }

    /// How many deadlines and sleeps are under way at present.
    @LoopActor package static var armedTimerCount: Int {
        TimerWatcher.armedCount
    }

    /// What the loop did so far; may be read from any thread.
    package static var statistics: LoopStatistics {
        let executor = LoopExecutor.shared
        return LoopStatistics(
            turnCount: executor.turnCount.load(ordering: .relaxed),
            jobCount: executor.jobCount.load(ordering: .relaxed),
            foreignEnqueueCount: executor.foreignEnqueueCount.load(ordering: .relaxed)
        )
    }
}

/// Carries the result of `main` out of the loop.
private final class ResultBox<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
}

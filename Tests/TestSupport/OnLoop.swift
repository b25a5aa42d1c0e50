// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc
internal import Synchronization

/// The loop's thread, started at first use and shared by all tests of the process.
private let loopThread: Void = {
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
}()

/// Counts of what the loop did since the process began.
package struct LoopStatistics: Sendable {
    /// Turns of the loop, that is, polls of the kernel.
    package let turnCount: Int
    /// Swift jobs run.
    package let jobCount: Int
    /// Jobs that came from another thread; 0 is expected once the loop runs.
    package let foreignEnqueueCount: Int
}

extension EventLoop {
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

/// Runs `body` on the event loop and returns or throws what it did.
package func onLoop<Value: Sendable>(
    _ body: @escaping @LoopActor @Sendable () async throws -> Value
) async throws -> Value {
    _ = loopThread
    return try await spawn { () async -> Result<Value, any Error> in
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }.value.get()
}

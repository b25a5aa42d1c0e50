// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Synchronization

/// The loop's thread, started at first use and shared by all tests of the process.
private let loopThread: Void = EventLoop.startOnOwnThread()

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

// SPDX-License-Identifier: Apache-2.0

/// A piece of concurrent work on the loop, started by `spawn`.
package struct Spawned<Value: Sendable>: Sendable {
    fileprivate let task: Task<Value, Never>

    /// Asks the work to end: its next cancellable wait throws `WaitError.cancelled`.
    package func cancel() { task.cancel() }

    /// Waits for the work to end and returns what it returned.
    package var value: Value { get async { await task.value } }
}

/// Starts `operation` on the loop, concurrently with the caller; the only place that makes a task: the executor
/// preference is what keeps every resumption on the loop's thread.
@discardableResult
package func spawn<Value: Sendable>(
    _ operation: @escaping @LoopActor @Sendable () async -> Value
) -> Spawned<Value> {
    let loop = LoopExecutor.shared
    let process = loop.isCurrentThread ? loop.process : nil
    return Spawned(task: Task(executorPreference: process ?? loop, operation: operation))
}

/// `spawn` for an operation that may fail, which cancelling the caller does not reach.
package func spawnCatching<Value: Sendable, Failure: Error>(
    _ operation: @escaping @LoopActor @Sendable () async throws(Failure) -> Value
) -> Spawned<Result<Value, Failure>> {
    spawn { () async -> Result<Value, Failure> in
        do throws(Failure) { return .success(try await operation()) } catch { return .failure(error) }
    }
}

/// Runs `operation` as work of its own and waits for it; cancelling the caller cancels it.
///
/// A piece of work keeps the memory of its deepest call until it ends. So what is deep and soon over is done apart by one that
/// waits for long afterwards.
@LoopActor
package func apart<Value: Sendable, Failure: Error>(
    _ operation: @escaping @LoopActor @Sendable () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    let work = spawnCatching(operation)
    let result = await withTaskCancellationHandler {
        await work.value
    } onCancel: {
        work.cancel()
    }
    return try result.get()
}

/// Whether the piece of work that asks was cancelled.
package var isCancelled: Bool { Task.isCancelled }

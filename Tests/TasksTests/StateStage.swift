// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import Configuration
import EventLoop
import OCIServices
import SchedulerMessages
import TaskEngine
import TestCloud
import TestSupport
import Testing

@testable import Tasks

/// A stage with one task, number 1, that stands still in one state.
@LoopActor
final class StateStage {
    let base: Stage
    let task: TaskMessage
    private let state: TaskState

    /// Sends the task and lets it go on as far as `state`.
    init(_ state: TaskState) async throws {
        self.state = state
        base = try await Stage(slots: 1)
        // A payload too large for the environment is stored in the bucket.
        base.store.put(try Stage.objectID(3), Self.noise)
        task = try Stage.task(1, function: state == .loading ? 99 : 3)
        try await bring()
        try await base.wait(for: state)
        // What is held must have come before it can be released.
        switch state {
        case .storing: try await base.cloud.request(.putObject)
        case .creating: try await base.cloud.request(.createContainerInstance)
        case .diagnosing: try await base.cloud.request(.getContainerInstance)
        case .fetching: try await base.cloud.request(.getObject)
        case .queued, .loading, .running, .replying, .cleaning, .gone: break
        }
    }

    static var noise: [UInt8] {
        var random = SeededRandom(seed: 5)
        return random.bytes(60_000)
    }

    func stop() { base.stop() }

    private func bring() async throws {
        let cloud = base.cloud
        switch state {
        case .queued:
            base.send(try Stage.task(0))
            try await base.wait(for: .running)
            return base.send(task)
        case .storing: cloud.script(.putObject, .held)
        case .creating: cloud.script(.createContainerInstance, .held)
        case .diagnosing: cloud.script(.getContainerInstance, .held)
        case .fetching: cloud.script(.getObject, .held)
        case .replying: base.store.holdsSets = true
        case .cleaning: cloud.script(.deleteContainerInstance, .incorrectState, count: 1000)
        case .loading, .running, .gone: break
        }
        base.send(task)
        guard [.diagnosing, .fetching, .replying, .cleaning].contains(state) else { return }
        try await base.wait(for: .running)
        switch state {
        case .diagnosing:
            try base.end(1) { $0.exitCode = 1 }
            try await base.look(2)
        case .cleaning: #expect(base.cancel(1, isForced: true) == .canceled)
        default: try base.complete(1)
        }
    }

    /// Takes away what the task waits for.
    func letGoOn() {
        switch state {
        case .queued: _ = base.cancel(0, isForced: true)
        case .loading: if let id = try? Stage.objectID(99) { base.store.put(id, [1]) }
        case .storing: base.cloud.release(.putObject)
        case .creating: base.cloud.release(.createContainerInstance)
        case .diagnosing: base.cloud.release(.getContainerInstance)
        case .fetching: base.cloud.release(.getObject)
        case .replying: base.store.releaseSets()
        case .cleaning: base.cloud.unscript(.deleteContainerInstance)
        case .running, .gone: break
        }
    }

    /// Lets the task's container run to its end, unless that is behind it.
    func complete() async throws {
        if [.diagnosing, .fetching, .replying].contains(state) { return }
        try await base.wait(for: .running)
        try base.complete(1)
    }

    /// Suspends until no task is in hand.
    func finish() async throws {
        try await base.waitUntilIdle()
    }

    /// Suspends until no object is left in the bucket.
    func waitUntilBucketIsEmpty() async throws {
        // A container that was stopped may have stored its result: a listing shows that the instance is gone for certain.
        try await base.look()
        try await base.cloud.wait { self.base.cloud.bucket.isEmpty }
    }
}

/// Work that does nothing and counts how often it has its turn.
@LoopActor
final class OtherWork {
    private(set) var turnCount = 0
    private var work: Spawned<Void>?

    init() {
        work = spawn {
            while !isCancelled {
                self.turnCount += 1
                await yieldToOthers()
            }
        }
    }

    func stop() { work?.cancel() }
}

extension SeededRandom {
    /// So many bytes, rounded down to a multiple of 8.
    mutating func bytes(_ byteCount: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<(byteCount / 8) {
            let number: UInt64 = next()
            for place in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * place))) }
        }
        return bytes
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import SimulatedWorld
import TestSupport
import Testing

@testable import SchedulerMessages

/// What the simulated scheduler says, and what it does not let pass.
@Suite("The simulated scheduler")
struct SimulatedSchedulerTests {
    @Test func `a manager gets an echo and then a command, in either generation and over either transport`()
        async
    {
        await #expect(processExitsWith: .success) {
            simulate(StageSettings(generation: .first, scaling: .fixed(7))) { try await greetManager($0) }
        }
        await #expect(processExitsWith: .success) {
            simulate(StageSettings(transport: .zmq, scaling: .fixed(7))) { try await greetManager($0) }
        }
    }

    @Test func `a second manager of one id gets no answer until the first was silent for ten seconds`() async
    {
        await #expect(processExitsWith: .success) {
            simulate { stage in
                let first = try await stage.open("1|manager|a")
                try stage.managerHeartbeat(first)
                _ = try await next(first, .manager)
                let second = try await stage.open("2|manager|b")
                for moment in 0..<12 {
                    if moment == 0 { await first.close(lingering: .seconds(1)) }
                    try stage.managerHeartbeat(second)
                    try await sleep(for: .seconds(1))
                }
                let echo = try await next(second, .manager)
                try require(echo == .workerManagerHeartbeatEcho(.init()), "\(echo)")
                try require(stage.simulation.elapsed > .seconds(11), "\(stage.simulation.elapsed)")
            }
        }
    }

    @Test func `a task is answered with an object that is stored and announced`() async {
        await #expect(processExitsWith: .success) {
            simulate(StageSettings(taskCount: 3)) { stage in
                let link = try await worker(stage)
                for _ in 0..<3 { try stage.answer(try await nextTask(link), link) }
                try await sleep(for: .seconds(1))
                try require(
                    stage.clients.isDone && stage.book.openCount == 0,
                    "\(stage.book.openCount) are open"
                )
                // The client has left, and every worker hears of it.
                let message = try await nextOrder(link)
                guard case .objectInstruction(let instruction) = message else {
                    throw Unexpected(text: "\(message)")
                }
                try require(instruction.kind == .delete && instruction.objectIDs.count == 8, "\(instruction)")
                try require(stage.scheduler.storage.objectCount == 0, "objects are left")
            }
        }
    }

    @Test func `an object that nobody stored or announced is a violation`() async {
        await #expect(processExitsWith: .success) {
            simulate(StageSettings(taskCount: 1), violation: "results") { stage in
                let link = try await worker(stage)
                try stage.answer(try await nextTask(link), link, isAnnounced: false)
                try await sleep(for: .seconds(1))
            }
        }
        await #expect(processExitsWith: .success) {
            simulate(StageSettings(taskCount: 1), violation: "objects") { stage in
                let link = try await worker(stage)
                try stage.answer(try await nextTask(link), link, isStored: false)
                try await sleep(for: .seconds(1))
            }
        }
    }

    @Test func `a silent peer is a violation`() async {
        await #expect(processExitsWith: .success) {
            simulate(violation: "heartbeats") { stage in
                let link = try await worker(stage)
                try await sleep(for: .seconds(60))
                try require(stage.simulation.elapsed > .seconds(60), "it did not live long")
                stage.isSilent = true
                try await sleep(for: .seconds(6))
                await link.close(lingering: .seconds(1))
            }
        }
    }

    @Test func `tasks of a worker that says goodbye go to another one`() async {
        await #expect(processExitsWith: .success) {
            simulate(StageSettings(generation: .first, taskCount: 2)) { stage in
                let link = try await worker(stage)
                let ids = [try await nextTask(link).taskID, try await nextTask(link).taskID]
                stage.isSilent = true
                try link.send(WorkerDisconnect(worker: Array("Worker|oci-hpc-0|a".utf8)).encoded(for: .first))
                let answer = try await nextOrder(link)
                guard case .disconnectResponse = answer else { throw Unexpected(text: "\(answer)") }
                await link.close(lingering: .seconds(1))
                stage.isSilent = false
                let other = try await worker(stage, "Worker|oci-hpc-0|b")
                let again = [try await nextTask(other).taskID, try await nextTask(other).taskID]
                try require(ids == again, "\(again)")
            }
        }
    }

    @Test func `leaving before a cancel is answered is a violation`() async {
        await #expect(processExitsWith: .success) {
            let stage = StageSettings(generation: .first, rates: [.balanceCancel: 1], taskCount: 1)
            simulate(stage, violation: "goodbye before an answer to a cancel") { stage in
                let link = try await worker(stage)
                let task = try await nextTask(link)
                let cancel = try await nextOrder(link)
                try require(cancel == .taskCancel(TaskCancel(taskID: task.taskID, force: false)), "\(cancel)")
                try await sleep(for: .seconds(3))
                stage.isSilent = true
                try link.send(WorkerDisconnect(worker: Array("Worker|oci-hpc-0|a".utf8)).encoded(for: .first))
                try await sleep(for: .seconds(1))
            }
        }
    }

    @Test func `leaving without a goodbye is a violation`() async {
        await #expect(processExitsWith: .success) {
            simulate(violation: "goodbye") { stage in
                let link = try await worker(stage)
                await link.close(lingering: .seconds(1))
                try await sleep(for: .seconds(1))
            }
        }
    }

    @Test func `a task that was taken back is placed again`() async {
        await #expect(processExitsWith: .success) {
            simulate(StageSettings(rates: [.balanceCancel: 1], taskCount: 1)) { stage in
                let link = try await worker(stage)
                let task = try await nextTask(link)
                _ = try await nextOrder(link)
                try link.send(TaskCancelConfirm(taskID: task.taskID, outcome: .canceled).encoded())
                try require(try await nextTask(link) == task, "another task")
            }
        }
    }

    @Test(arguments: [1, 2], [1, 2])
    func `an obedient worker ends every task whatever happens`(generation: Int, transport: Int) async {
        for seed: UInt64 in [1, 2, 3] {
            await #expect(processExitsWith: .success) { [generation, transport, seed = seed as UInt64] in
                let rates: [FaultKind: Double] = [
                    .balanceCancel: 0.02, .clientCancels: 0.05, .linkReset: 0.001, .slow: 0.002,
                    .schedulerRestarts: 0.02, .storageRestarts: 0.02,
                ]
                var stage = StageSettings(
                    generation: generation == 1 ? .first : .second,
                    transport: transport == 1 ? .ymq : .zmq,
                    rates: rates
                )
                (stage.taskCount, stage.perMinute, stage.seed) = (1000, 60, seed)
                simulate(stage) { stage in
                    ObedientDaemon(stage).start()
                    while !stage.clients.isDone {
                        try await sleep(for: .seconds(60))
                        try require(
                            stage.simulation.elapsed < .seconds(20_000),
                            "\(stage.book.openCount) are open"
                        )
                    }
                }
            }
        }
    }

    @Test func `a result after the confirmation of its cancel is a violation`() async {
        await #expect(processExitsWith: .success) {
            simulate(StageSettings(rates: [.clientCancels: 1], taskCount: 1), violation: "results") { stage in
                let link = try await worker(stage)
                let task = try await nextTask(link)
                let cancel = try await nextOrder(link)
                try require(cancel == .taskCancel(TaskCancel(taskID: task.taskID, force: true)), "\(cancel)")
                try link.send(TaskCancelConfirm(taskID: task.taskID, outcome: .canceled).encoded())
                let object = try ObjectID(Array(repeating: 1, count: 32))
                let result = TaskResult(taskID: task.taskID, outcome: .success, result: object, profile: nil)
                try link.send(result.encoded())
                try await sleep(for: .seconds(1))
            }
        }
    }
}

/// The manager's dialogue of one heartbeat.
@LoopActor
private func greetManager(_ stage: SchedulerStage) async throws {
    let link = try await stage.open("1|manager|a")
    try stage.managerHeartbeat(link)
    let echo = try await next(link, .manager)
    try require(echo == .workerManagerHeartbeatEcho(.init()), "\(echo)")
    let command = try await next(link, .manager)
    guard case .workerManagerCommand(let wanted) = command else { throw Unexpected(text: "\(command)") }
    try require(wanted.requests == [.init(taskConcurrency: 7, capabilities: [])], "\(wanted)")
}

/// A worker that has sent its first heartbeat, after its manager has.
@LoopActor
private func worker(
    _ stage: SchedulerStage,
    _ identity: String = "Worker|oci-hpc-0|a"
) async throws -> any MessageLink {
    let manager = try await stage.open("1|manager|a")
    try stage.managerHeartbeat(manager)
    _ = try await next(manager, .manager)
    await manager.close(lingering: .seconds(1))
    let link = try await stage.open(identity)
    stage.keepAlive(link)
    return link
}

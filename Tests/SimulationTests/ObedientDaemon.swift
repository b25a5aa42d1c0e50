// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import SchedulerMessages
import SimulatedWorld

/// A manager with one worker that keeps every rule of Scaler, and runs tasks in no time but their own.
@LoopActor
final class ObedientDaemon {
    private let stage: SchedulerStage
    private var identityCount = 0
    /// What the scheduler may not have heard; forgotten when a heartbeat that was sent later is echoed.
    private var unconfirmed: [[UInt8]] = []
    /// How many of them were sent before each heartbeat that is not echoed yet.
    private var marks: [Int] = []
    private var link: (any MessageLink)?
    private var running: [TaskID: LoopTimer] = [:]

    init(_ stage: SchedulerStage) { self.stage = stage }

    func start() {
        spawn { await self.manage() }
        spawn { await self.work() }
    }

    private func manage() async {
        while true {
            if let link = try? await stage.open("1|manager|a") {
                let beat = self.repeating { try self.stage.managerHeartbeat(link) }
                while (try? await link.receive()) != nil {}
                beat.isOver = true
                await link.close(lingering: .seconds(1))
            }
            try? await sleep(for: .milliseconds(500))
        }
    }

    private func work() async {
        var identity = newIdentity()
        try? await sleep(for: .seconds(1))
        while true {
            if let link = try? await stage.open(identity) {
                self.link = link
                marks = []
                for message in unconfirmed { try? link.send(message) }
                let beat = self.repeating { try self.heartbeat(link) }
                do throws(MessagingError) {
                    while true { try take(try await link.receive()) }
                } catch .closedByPeer {
                    // Everything that was sent to the former identity is forgotten.
                    identity = newIdentity()
                    unconfirmed = []
                    for (_, timer) in running { timer.stop() }
                    running = [:]
                } catch {}
                beat.isOver = true
                self.link = nil
                await link.close(lingering: .seconds(1))
            }
            try? await sleep(for: .milliseconds(500))
        }
    }

    private func newIdentity() -> String {
        identityCount += 1
        return "Worker|oci-hpc-0|\(identityCount)"
    }

    private func heartbeat(_ link: any MessageLink) throws {
        marks.append(unconfirmed.count)
        try stage.workerHeartbeat(link)
    }

    private func say(_ message: [UInt8]) {
        unconfirmed.append(message)
        try? link?.send(message)
    }

    private func take(_ bytes: [UInt8]) throws(MessagingError) {
        switch try? SchedulerMessage.decode(bytes, receiver: .worker) {
        case .workerHeartbeatEcho:
            guard !marks.isEmpty else { return }
            let count = marks.removeFirst()
            unconfirmed.removeFirst(count)
            marks = marks.map { $0 - count }
        case .task(let task): run(task)
        case .taskCancel(let cancel): answer(cancel)
        default: break
        }
    }

    private func run(_ task: TaskMessage) {
        guard running[task.taskID] == nil, case .object(let argument)? = task.arguments.first,
            let job = stage.scheduler.storage.value(of: argument).flatMap({ SimulatedJob(argument: $0) })
        else { return }
        running[task.taskID] = stage.simulation.after(.milliseconds(Int64(job.milliseconds))) {
            self.running[task.taskID] = nil
            self.finish(task, job, argument)
        }
    }

    private func finish(_ task: TaskMessage, _ job: SimulatedJob, _ argument: ObjectID) {
        guard stage.scheduler.storage.isUp,
            let object = try? ObjectID(argument.bytes.prefix(16) + task.taskID.bytes)
        else { return }
        stage.book.runLost(job.number)
        stage.book.runStarted(job.number, in: "hand")
        stage.book.runEnded(job.number, .result)
        stage.scheduler.storage.put(object, job.result)
        let size = UInt64(job.result.count)
        say(ObjectInstruction(created: object, user: task.source, name: "r", sizeInBytes: size).encoded())
        say(TaskResult(taskID: task.taskID, outcome: .success, result: object, profile: nil).encoded())
    }

    private func answer(_ cancel: TaskCancel) {
        let outcome: TaskCancelConfirm.Outcome
        if let timer = running[cancel.taskID] {
            if cancel.force {
                timer.stop()
                running[cancel.taskID] = nil
            }
            outcome = cancel.force ? .canceled : .cancelFailed
        } else {
            outcome = .cancelNotFound
        }
        say(TaskCancelConfirm(taskID: cancel.taskID, outcome: outcome).encoded())
    }

    private final class Beat { var isOver = false }

    /// Calls `send` now and every two seconds until it fails or is over.
    private func repeating(_ send: @escaping @LoopActor () throws -> Void) -> Beat {
        let beat = Beat()
        func strike() {
            guard !beat.isOver, (try? send()) != nil else { return }
            stage.simulation.after(.seconds(2)) { strike() }
        }
        strike()
        return beat
    }
}

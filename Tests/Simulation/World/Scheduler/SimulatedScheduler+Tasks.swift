// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
package import SchedulerMessages
internal import SchedulerPeer

// Tasks: how they are placed, and what workers say about them.

extension SimulatedScheduler {
    /// A client submits a task, whose objects are stored.
    ///
    /// Precondition: the scheduler runs.
    package func submit(_ submission: Submission, clientDigest: [UInt8]) {
        precondition(isUp, "no client reaches a scheduler that is down")
        let number = submission.job.number
        submittedCount = max(submittedCount, number + 1)
        clients[submission.source] = clientDigest
        whenServing { [unowned self] in
            guard isUp else { return }
            tasks[number] = KnownTask(submission)
            waiting.append(number)
            place()
        }
    }

    // MARK: - Placing

    /// Gives waiting tasks to workers, first come, first served, to the least loaded worker with room (5.3).
    func place() {
        while isUp, waitingHead < waiting.count {
            guard let task = tasks[waiting[waitingHead]], task.worker == nil else {
                waitingHead += 1
                continue
            }
            guard let worker = leastLoaded() else { break }
            waitingHead += 1
            give(task, to: worker)
        }
        if waitingHead > 1024, waitingHead * 2 > waiting.count {
            waiting.removeFirst(waitingHead)
            waitingHead = 0
        }
    }

    private func leastLoaded() -> KnownWorker? {
        if !floodsUntil.isPast { return workers.max { $0.tasks.count < $1.tasks.count } }
        var best: KnownWorker?
        for worker in workers where worker.tasks.count < worker.queueSize {
            if let best, best.tasks.count <= worker.tasks.count { continue }
            best = worker
        }
        return best
    }

    private func give(_ task: KnownTask, to worker: KnownWorker) {
        let submission = task.submission
        task.worker = worker
        worker.tasks.append(task.number)
        confirmed[task.number] = nil
        task.lossNoticed = nil
        simulation.note("scheduler", "task", "\(task.number) to \(worker.identity)")
        task.delivery = send(
            SchedulerBytes.task(
                submission.id,
                source: submission.source,
                flags: submission.flags,
                function: submission.function,
                arguments: [submission.argument]
            ),
            to: worker.identity
        )
    }

    /// The worker that held a task is gone, or gave it back: it waits again, unless its client has cancelled it.
    func returned(_ task: KnownTask) {
        let isUnwanted = task.cancel?.reason == .client || task.isCancelDue
        task.cancel = nil
        task.delivery = nil
        if isUnwanted { return finish(task, .cancelled) }
        waiting.append(task.number)
    }

    /// A task got its reply, which its client sees.
    func finish(_ task: KnownTask, _ reply: Reply) {
        let number = task.number
        tasks[number] = nil
        task.worker?.remove(number)
        task.worker = nil
        book.replied(number, reply, expected: task.submission.job)
        onReply?(number)
        place()
    }

    // MARK: - Results (5.5)

    func takeResult(_ result: TaskResult, from identity: String) {
        guard let number = names.number(of: result.taskID), number < submittedCount else {
            return simulation.judge(
                "results",
                false,
                "\(identity) answers \(result.taskID), which never was a task"
            )
        }
        let object = judgeShape(of: result, number, from: identity)
        // After a reset a confirmation is sent again, and is then taken for the answer to a later cancel, which was lost.
        simulation.judge(
            "results",
            confirmed[number] != identity || workersByIdentity[identity]?.hadReset == true,
            "\(identity) answers task \(number) after it confirmed its cancel"
        )
        guard let task = tasks[number] else {
            return simulation.note("scheduler", "unknown result", "\(number) from \(identity)")
        }
        if task.worker?.identity != identity, settings.generation == .second {
            return simulation.note("scheduler", "foreign result", "\(number) from \(identity)")
        }
        if task.cancel?.reason == .client {
            return simulation.note("scheduler", "dropped result", "\(number): its cancel is not answered yet")
        }
        judgeObject(object, of: task, from: identity)
        finish(task, result, object)
    }

    private func finish(_ task: KnownTask, _ result: TaskResult, _ object: ObjectID) {
        let bytes = storage.value(of: object) ?? []
        // The client has fetched it, and deletes it.
        storage.remove(object)
        task.cancel = nil
        switch result.outcome {
        case .success: finish(task, .success(bytes))
        case .failed, .failedWorkerDied:
            simulation.judge(
                "results",
                bytes.first == 0x80 && bytes.last == UInt8(ascii: "."),
                "the failure of task \(task.number) is no pickle"
            )
            finish(task, .failure(bytes))
        }
    }

    /// Anything but one object and 0 or 16 bytes of metadata ends the client's agent.
    private func judgeShape(of result: TaskResult, _ number: UInt64, from identity: String) -> ObjectID {
        simulation.judge(
            "results",
            result.results.count == 1 && [0, 16].contains(result.metadata.count)
                && result.outcome != .failedWorkerDied,
            "\(identity) answers task \(number) with \(result.outcome), \(result.results.count) objects and "
                + "\(result.metadata.count) bytes of metadata"
        )
        return result.results.first
            ?? ObjectID(owner: ClientID([]), tag: .serializer) { _ in Array(repeating: 0, count: 16) }
    }

    /// Rule 4 of section 9: set, wait, announce, then the result.
    private func judgeObject(_ object: ObjectID, of task: KnownTask, from identity: String) {
        if storage.hasLost(object) { return }
        simulation.judge(
            "results",
            everAnnounced.contains(object),
            "\(identity) answers task \(task.number) with an object that nobody announced"
        )
        simulation.judge(
            "results",
            storage.value(of: object) != nil,
            "\(identity) answers task \(task.number) with an object that is not stored"
        )
        simulation.judge(
            "results",
            object.bytes.starts(with: clients[task.submission.source] ?? []),
            "the result of task \(task.number) does not belong to its client"
        )
    }

    // MARK: - Objects and logs

    func takeInstruction(_ instruction: ObjectInstruction, from identity: String) {
        let count = instruction.objectIDs.count
        simulation.judge(
            "objects",
            instruction.kind == .create && count == 1 && instruction.contentTypes == [.object]
                && instruction.names.count == 1 && [0, 1].contains(instruction.sizesInBytes.count)
                && clients[instruction.user] != nil,
            "\(identity) sends \(instruction)"
        )
        guard let object = instruction.objectIDs.first, everAnnounced.insert(object).inserted else { return }
        simulation.judge(
            "objects",
            storage.value(of: object) != nil || storage.hasLost(object),
            "\(identity) announces \(object) before it is stored"
        )
        if let size = instruction.sizesInBytes.first, let bytes = storage.value(of: object) {
            simulation.judge(
                "objects",
                size == UInt64(bytes.count),
                "\(object) has \(bytes.count) bytes, not \(size)"
            )
        }
        guard hasLeft.contains(instruction.user) else {
            return announced[instruction.user, default: []].append(object)
        }
        removeLater([object])
    }

    /// A first-generation scheduler ends at a log of a task that it does not know (0.1).
    func takeLog(_ log: TaskLog, from identity: String) {
        guard let number = names.number(of: log.taskID), number < submittedCount else {
            return simulation.judge(
                "logs",
                false,
                "\(identity) sends a log of \(log.taskID), which never was a task"
            )
        }
        guard let task = tasks[number] else {
            return simulation.judge(
                "logs",
                settings.generation == .second,
                "\(identity) sends a log of task \(number), which the scheduler no longer knows"
            )
        }
        simulation.judge(
            "logs",
            task.submission.flags.streamOutput,
            "nobody asked for the output of task \(number)"
        )
        simulation.judge("logs", !log.content.isEmpty, "\(identity) sends an empty log of task \(number)")
    }

    /// A client is gone with the scheduler that knew its objects.
    package func forget(_ client: ClientID, _ objects: [ObjectID]) {
        hasLeft.insert(client)
        removeLater(objects)
    }

    /// A client leaves: its objects and those made for it are deleted, and every worker is told (5.6).
    package func clear(_ client: ClientID, _ objects: [ObjectID]) {
        hasLeft.insert(client)
        let all = objects + (announced.removeValue(forKey: client) ?? [])
        for object in all { storage.remove(object) }
        guard isUp, !all.isEmpty else { return }
        whenServing { [unowned self] in
            let message = SchedulerBytes.delete(all)
            for worker in workers { send(message, to: worker.identity) }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import SchedulerMessages
internal import SchedulerPeer

// Cancels: a client's, and the scheduler's own to place a task elsewhere (scaler-wire, 5.4).

extension SimulatedScheduler {
    /// A client cancels a task, running or not; the reply comes when the worker has answered.
    package func cancel(_ number: UInt64) {
        whenServing { [unowned self] in
            guard isUp, let task = tasks[number] else { return }
            guard task.worker != nil else { return finish(task, .cancelled) }
            switch task.cancel?.reason {
            case .client: break
            case .balance: task.isCancelDue = true
            case nil: order(task, .client)
            }
        }
    }

    private func order(_ task: KnownTask, _ reason: PendingCancel.Reason) {
        guard let worker = task.worker else { return }
        everCancelled.insert(task.number)
        simulation.note("scheduler", "cancel", "\(task.number) of \(worker.identity) for a \(reason)")
        let bytes = SchedulerBytes.cancel(task.submission.id, force: reason == .client)
        task.cancel = PendingCancel(reason: reason, delivery: send(bytes, to: worker.identity))
    }

    // MARK: - Answers

    func takeConfirm(_ confirm: TaskCancelConfirm, from identity: String) {
        guard let number = names.number(of: confirm.taskID), everCancelled.contains(number) else {
            return simulation.judge(
                "cancels",
                false,
                "\(identity) confirms a cancel of \(confirm.taskID) that was never sent"
            )
        }
        simulation.note("scheduler", "confirm", "\(number) \(confirm.outcome) from \(identity)")
        // Of a task it no longer knows, or that another holds: harmless.
        guard let task = tasks[number], task.worker?.identity == identity else { return }
        // The answer again, after a connection was lost.
        guard let cancel = task.cancel else { return }
        switch cancel.reason {
        case .client: answered(task, confirm.outcome)
        case .balance: answeredBalance(task, confirm.outcome)
        }
    }

    private func answered(_ task: KnownTask, _ outcome: TaskCancelConfirm.Outcome) {
        if outcome == .cancelFailed {
            // After a reset it may be the answer to an earlier cancel, said again.
            return simulation.judge(
                "cancels",
                task.worker?.hadReset == true,
                "the forced cancel of task \(task.number) was refused"
            )
        }
        if outcome == .canceled, let worker = task.worker { confirmed[task.number] = worker.identity }
        task.cancel = nil
        finish(task, .cancelled)
    }

    private func answeredBalance(_ task: KnownTask, _ outcome: TaskCancelConfirm.Outcome) {
        let isLossPossible = task.delivery?.state == .maybeLost
        switch outcome {
        case .canceled:
            book.givenBack(task.number)
            if let worker = task.worker { confirmed[task.number] = worker.identity }
            moveElsewhere(task)
        case .cancelFailed:
            task.cancel = nil
            if task.isCancelDue {
                task.isCancelDue = false
                order(task, .client)
            }
        case .cancelNotFound:
            simulation.judge(
                "cancels",
                isLossPossible,
                "task \(task.number) was cancelled to be placed elsewhere, and its worker does not know it"
            )
            // Up to 2.7.0 the task stays where it is for good, until its client cancels it.
            if settings.generation == .second || task.isCancelDue { return moveElsewhere(task) }
            task.cancel = nil
        }
    }

    private func moveElsewhere(_ task: KnownTask) {
        task.worker?.remove(task.number)
        task.worker = nil
        returned(task)
        place()
    }

    // MARK: - Balancing

    /// Takes the youngest task of the most loaded worker back, when a fault says so.
    ///
    /// The real one does so when another worker is idle, which may be gone again by the time the task is placed.
    func balance() {
        guard let worker = workers.max(by: { $0.tasks.count < $1.tasks.count }) else { return }
        for number in worker.tasks.suffix(8).reversed() {
            guard let task = tasks[number], task.cancel == nil else { continue }
            if simulation.faults.strikes(.balanceCancel, number) { order(task, .balance) }
        }
    }

    // MARK: - What is never answered

    /// Judges that workers answer the cancels that reached them.
    func lookAfterCancels() {
        for worker in workers {
            guard let peer = binder.connections.first(where: { $0.identity == worker.identity }),
                isOfPresentDaemon(peer)
            else { continue }
            for number in worker.tasks {
                guard let cancel = tasks[number]?.cancel,
                    case .handedOver(_, let moment) = cancel.delivery.state
                else { continue }
                simulation.judge(
                    "cancels",
                    Deadline.now.duration(since: max(moment, peer.openedAt, simulation.excusedUntil))
                        < settings.cancelAnswerTimeMax,
                    "\(worker.identity) does not answer the cancel of task \(number)"
                )
            }
        }
    }

    /// Has somebody look after messages that a reset may have swallowed: nothing in Scaler does, but a worker of the second
    /// generation can leave in order.
    func noticeLosses() {
        var overdue: [KnownTask] = []
        for worker in workers {
            for number in worker.tasks {
                guard let task = tasks[number] else { continue }
                let isLost = task.delivery?.state == .maybeLost || task.cancel?.delivery.state == .maybeLost
                if !isLost { continue }
                let noticed = task.lossNoticed ?? .now
                task.lossNoticed = noticed
                if Deadline.now.duration(since: noticed) > settings.patience { overdue.append(task) }
            }
        }
        for task in overdue {
            // A worker that is disconnected in order has its tasks sent again; up to 2.6.0 that may end the scheduler.
            let peer = binder.connections.first { $0.identity == task.worker?.identity }
            simulation.judge(
                "losses",
                settings.generation == .first || !(peer.map(isOfPresentDaemon) ?? false),
                "\(task.worker?.identity ?? "") stays, and what a reset has swallowed of task \(task.number) with it"
            )
            task.lossNoticed = nil
            // Its client may hang in `cancel()`; when that client is gone, the scheduler cancels again.
            if let cancel = task.cancel {
                order(task, task.isCancelDue ? .client : cancel.reason)
            } else {
                onSwallowed?(task.number)
            }
        }
    }
}

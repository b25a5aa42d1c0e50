// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import SchedulerMessages
internal import SchedulerPeer

// What managers and workers say, and when.

extension SimulatedScheduler {
    // MARK: - Heartbeats in time

    /// Judges the time between two heartbeats when the second arrives, however slow the scheduler is.
    func judgeArrival(of message: [UInt8], from peer: PeerConnection) {
        guard let tag = SchedulerBoundMessage.tag(of: message), [9, 11, 23, 25, 26].contains(tag) else {
            return
        }
        if tag == 11 || tag == 26 {
            return peer.leaves()
        }
        judgeHeartbeat(of: peer)
        peer.lastHeartbeat = .now
    }

    /// Judges the silence of each peer so far.
    func judgeHeartbeats() {
        for peer in binder.connections { judgeHeartbeat(of: peer) }
    }

    private func judgeHeartbeat(of peer: PeerConnection) {
        guard judgesHeartbeats, isOfPresentDaemon(peer), !peer.isLeaving else { return }
        let last = max(peer.lastHeartbeat ?? peer.openedAt, simulation.excusedUntil)
        let silence = Deadline.now.duration(since: last)
        simulation.judge(
            "heartbeats",
            silence <= settings.heartbeatInterval * 2 + settings.messageTime,
            "\(peer.identity) was silent for \(silence)"
        )
    }

    // MARK: - Messages

    func received(_ message: [UInt8], from peer: PeerConnection) {
        whenServing { [unowned self] in
            if isUp { dispatch(message, from: peer) }
        }
    }

    private func dispatch(_ bytes: [UInt8], from peer: PeerConnection) {
        guard let tag = SchedulerBoundMessage.tag(of: bytes),
            let message = try? SchedulerBoundMessage.decode(bytes)
        else {
            return simulation.judge(
                "messages",
                false,
                "\(peer.identity) sends \(bytes.count) bytes that are no message"
            )
        }
        if case .workerManagerHeartbeat(let heartbeat) = message {
            return takeHeartbeat(heartbeat, tag: tag, from: peer)
        }
        simulation.judge(
            "goodbye",
            !peer.saidGoodbye,
            "\(peer.identity) says something after its goodbye: a message with tag \(tag)"
        )
        switch message {
        case .workerHeartbeat(let heartbeat): takeHeartbeat(heartbeat, from: peer)
        case .taskResult(let result): takeResult(result, from: peer.identity)
        case .taskCancelConfirm(let confirm): takeConfirm(confirm, from: peer.identity)
        case .taskLog(let log): takeLog(log, from: peer.identity)
        case .objectInstruction(let instruction): takeInstruction(instruction, from: peer.identity)
        case .workerDisconnect(let goodbye): takeGoodbye(goodbye, tag: tag, from: peer)
        case .workerManagerHeartbeat: break
        case .other(let tag):
            simulation.judge(
                "messages",
                false,
                "\(peer.identity) sends a message with tag \(tag), which nobody may"
            )
        }
    }

    // MARK: - Managers (5.1)

    private func takeHeartbeat(_ heartbeat: WorkerManagerHeartbeat, tag: UInt16, from peer: PeerConnection) {
        guard tag == (settings.generation == .first ? 25 : 23) else {
            // Over ZMQ nothing tells the generation but trying; the wrong one is logged and not answered.
            return simulation.judge(
                "messages",
                settings.transport == .zmq,
                "\(peer.identity) sends a manager's heartbeat of the other generation"
            )
        }
        let id = heartbeat.workerManagerID
        simulation.judge("messages", !id.isEmpty, "\(peer.identity) names no manager id")
        managerIDs.insert(id)
        if let known = managers.first(where: { $0.id == id }) {
            guard known.identity == peer.identity else {
                return simulation.note("scheduler", "second manager", "\(peer.identity) gets no answer")
            }
            known.lastSeen = .now
        } else {
            simulation.note("scheduler", "manager", peer.identity)
            managers.append(KnownManager(id: id, identity: peer.identity))
        }
        peer.lastEcho = .now
        if isOfPresentDaemon(peer) { answersSince = answersSince ?? .now }
        send(SchedulerBytes.managerEcho(settings.generation), to: peer.identity)
        command(peer.identity, heartbeat)
    }

    private func command(_ identity: String, _ heartbeat: WorkerManagerHeartbeat) {
        let present = workers.count { $0.managerID == heartbeat.workerManagerID }
        guard let wanted = desiredWorkers(present: present) else { return }
        let number = min(UInt32(clamping: wanted), heartbeat.maxTaskConcurrency)
        if settings.omitsUnchangedCommands, Int(number) == present { return }
        send(SchedulerBytes.command(workers: number, settings.generation), to: identity)
    }

    /// How many workers it wants of a manager that has `present`; nil says nothing (5.2).
    private func desiredWorkers(present: Int) -> Int? {
        switch settings.scaling {
        case .none: return nil
        case .fixed(let number): return Int(number)
        case .wandering(let range, let period):
            let slot = Int64(simulation.elapsed / period)
            let draw = stableHash("desired \(slot)".utf8, from: simulation.seed)
            return Int(range.lowerBound) + Int(draw % UInt64(range.count))
        case .vanilla:
            if workers.isEmpty { return tasks.isEmpty ? present : present + 1 }
            if tasks.count > 10 * workers.count { return present + 1 }
            if tasks.count >= workers.count { return present }
            return tasks.isEmpty ? 0 : max(1, (tasks.count + 9) / 10)
        }
    }

    /// Ten seconds, not to be configured.
    func forgetSilentManagers() {
        managers.removeAll {
            guard Deadline.now.duration(since: $0.lastSeen) > .seconds(10) else { return false }
            simulation.note("scheduler", "manager forgotten", $0.identity)
            return true
        }
    }

    // MARK: - Workers (5.3)

    private func takeHeartbeat(_ heartbeat: WorkerHeartbeat, from peer: PeerConnection) {
        if let worker = workersByIdentity[peer.identity] {
            worker.lastSeen = .now
        } else {
            register(heartbeat, peer)
        }
        peer.lastEcho = .now
        lastWorkerSeen = .now
        let (host, port) = settings.storageEndpoint
        send(SchedulerBytes.workerEcho(storageHost: host, port: port), to: peer.identity)
    }

    private func register(_ heartbeat: WorkerHeartbeat, _ peer: PeerConnection) {
        simulation.judge(
            "goodbye",
            !leftWorkers.contains(peer.identity),
            "\(peer.identity) is back after it had left in order; its tasks would be lost, it needs a new identity"
        )
        simulation.judge(
            "messages",
            managerIDs.contains(heartbeat.workerManagerID),
            "\(peer.identity) names a manager that nobody knows"
        )
        simulation.note("scheduler", "worker", "\(peer.identity) takes \(heartbeat.queueSize)")
        let worker = KnownWorker(peer.identity, heartbeat)
        workers.append(worker)
        workersByIdentity[peer.identity] = worker
        // Tasks go out before the echo does.
        place()
    }

    func forgetSilentWorkers() {
        for worker in workers
        where Deadline.now.duration(since: worker.lastSeen) > settings.workerTimeout && isUp {
            simulation.note(
                "scheduler",
                "worker timed out",
                "\(worker.identity) with \(worker.tasks.count) tasks"
            )
            remove(worker)
        }
    }

    private func takeGoodbye(_ goodbye: WorkerDisconnect, tag: UInt16, from peer: PeerConnection) {
        let isFirst = settings.generation == .first
        simulation.judge(
            "goodbye",
            tag == (isFirst ? 11 : 26),
            "\(peer.identity) says goodbye as in the other generation, and stays registered"
        )
        simulation.judge(
            "goodbye",
            !isFirst || goodbye.worker == Array(peer.identity.utf8),
            "\(peer.identity) says goodbye for \(String(decoding: goodbye.worker, as: UTF8.self))"
        )
        peer.saidGoodbye = true
        leftWorkers.insert(peer.identity)
        simulation.note("scheduler", "goodbye", peer.identity)
        if let worker = workersByIdentity[peer.identity] {
            judgeOpenCancels(of: worker, on: peer)
            remove(worker)
        }
        guard isFirst, isUp else { return }
        send(SchedulerBytes.disconnectResponse(to: goodbye.worker), to: peer.identity)
    }

    /// A worker answers every cancel it got before it leaves; one that crosses its goodbye it cannot know.
    private func judgeOpenCancels(of worker: KnownWorker, on peer: PeerConnection) {
        for number in worker.tasks {
            guard let cancel = tasks[number]?.cancel,
                case .handedOver(peer.number, let moment) = cancel.delivery.state
            else { continue }
            simulation.judge(
                "goodbye before an answer to a cancel",
                (peer.leavesSince ?? .now).duration(since: max(moment, simulation.excusedUntil))
                    < .seconds(2) + settings.messageTime * 2,
                "\(worker.identity) leaves without an answer to the cancel of task \(number)"
                    + (settings.generation == .first ? ", which ends the scheduler" : "")
            )
        }
    }

    /// Takes a worker off the list and places its tasks again.
    private func remove(_ worker: KnownWorker) {
        workers.removeAll { $0 === worker }
        workersByIdentity[worker.identity] = nil
        for number in worker.tasks {
            guard let task = tasks[number] else { continue }
            if task.cancel?.reason == .client, settings.generation == .first {
                // The TypeError of 2.6.0 (5.4).
                simulation.note("scheduler", "crashed", "by the cancel of task \(number)")
                return restart(after: .seconds(15), storageToo: false, byReset: false, asNew: true)
            }
            task.worker = nil
            returned(task)
        }
        place()
    }

    // MARK: - Ends of connections

    func ended(_ peer: PeerConnection, _ end: PeerEnd) {
        // What was said before an orderly end is heard before it.
        guard case .finished = end else { return judge(end, of: peer) }
        whenServing { [unowned self] in judge(end, of: peer) }
    }

    private func judge(_ end: PeerEnd, of peer: PeerConnection) {
        guard let worker = workersByIdentity[peer.identity], !peer.saidGoodbye else { return }
        switch end {
        case .finished:
            if settings.transport == .ymq { leftWorkers.insert(peer.identity) }
            // What is not open yet when the daemon is told to stop carries no goodbye.
            let isLate = daemonStopsSince.map { $0 <= peer.openedAt } ?? false
            simulation.judge(
                "goodbye",
                !isOfPresentDaemon(peer) || isLate,
                "\(peer.identity) ended its connection without a goodbye, with \(worker.tasks.count) tasks"
            )
        case .reset:
            worker.hadReset = true
            simulation.judge(
                "goodbye",
                !isOfPresentDaemon(peer) || settings.generation == .second,
                "\(peer.identity) leaves by a reset, which blocks the whole scheduler"
            )
        case .closedHere:
            if settings.transport == .ymq { leftWorkers.insert(peer.identity) }
        case .brokenHere: worker.hadReset = true
        case .replaced: break
        }
    }
}

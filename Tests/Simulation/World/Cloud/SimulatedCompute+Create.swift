// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import JSON

extension SimulatedCompute {
    private static let tokenTime: Duration = .seconds(24 * 3600)

    /// CreateContainerInstance: the same instance for the same token and body within a day.
    func create(_ request: SimulatedRequest, from process: Int) -> SimulatedAnswer {
        request.judgeQuery([], simulation)
        let token = request.fields["opc-retry-token"] ?? ""
        simulation.judge(
            "api",
            (1...64).contains(token.utf8.count),
            "a create with the retry token '\(token)'"
        )
        forgetTokens()
        if let known = launches[token] { return again(known, request, from: process) }
        guard let launch = InstanceLaunchDetails.read(request.body, simulation, settings, bucket) else {
            return .error(400, "InvalidParameter")
        }
        if let refusal = refusal(of: launch) { return refusal }
        let instance = make(launch, from: process)
        instance.token = token
        let until = Deadline.after(Self.tokenTime)
        launches[token] = Launched(instance: instance, digest: digest(of: request), until: until)
        launchOrder.append((token, until))
        live(instance)
        created?(instance)
        return answer(instance, instance.whole)
    }

    /// The answer to a create whose token was used before.
    private func again(
        _ known: Launched,
        _ request: SimulatedRequest,
        from process: Int
    ) -> SimulatedAnswer {
        guard known.digest == digest(of: request), let instance = known.instance else {
            simulation.note(
                "cloud",
                "token refused",
                known.instance == nil ? "its instance is gone" : "it had another body"
            )
            return .error(409, "InvalidatedRetryToken")
        }
        if process == self.process { instance.isInherited = true }
        let isStale = simulation.faults.strikes(.staleReplay, instance.job)
        return answer(instance, isStale ? instance.wholeAsMade : instance.whole)
    }

    /// The digest of the body, which is known to be right.
    private func digest(of request: SimulatedRequest) -> String { request.fields["x-content-sha256"] ?? "" }

    private func answer(_ instance: SimulatedInstance, _ shown: JSON) -> SimulatedAnswer {
        .json(
            200,
            fields: [("etag", "etag-\(instance.id)"), ("opc-work-request-id", instance.workRequestID)],
            shown
        )
    }

    private func forgetTokens() {
        guard launchOrder.first?.until.isPast == true else { return }
        let kept = launchOrder.firstIndex { !$0.until.isPast } ?? launchOrder.count
        for entry in launchOrder[..<kept] { launches[entry.token] = nil }
        launchOrder.removeFirst(kept)
    }

    /// Why there is no room, if there is none.
    private func refusal(of launch: InstanceLaunchDetails) -> SimulatedAnswer? {
        let (faults, job) = (simulation.faults, launch.job.number)
        let isFull = freePlaces[launch.availabilityDomain].map { $0 <= 0 } ?? false
        if isFull || faults.strikes(.noCapacity, job) {
            return .error(500, "InternalError", "Out of host capacity.")
        }
        let isLimited = serviceLimit.map { countedByService >= $0 } ?? false
        let share = faults.draw(.limitReached, job)
        guard isLimited || share != nil else { return nil }
        return share ?? 0 < 0.7
            ? .error(
                400,
                "LimitExceeded",
                "The following service limits were exceeded: container-instance-count."
            )
            : .error(400, "QuotaExceeded", "A quota of the compartment is reached.")
    }

    // MARK: - The life of an instance

    /// Begins the life of an instance that was just made.
    private func live(_ instance: SimulatedInstance) {
        if let share = simulation.faults.draw(.lateNoCapacity, instance.job) {
            simulation.after(draw(settings.lateRefusalTime, "late refusal", instance)) {
                self.fail(instance, share)
            }
            return
        }
        var duration = draw(settings.creationTime, "creation", instance)
        if let share = simulation.faults.draw(.slowStart, instance.job) {
            duration += .seconds(share * settings.slowStartMax)
        }
        if duration > .seconds(settings.createTimeout) { book.mayFail(instance.job) }
        simulation.after(duration) {
            guard instance.state == .creating else { return }
            instance.enter(.active)
            SimulatedContainer(self, instance)?.start()
        }
    }

    /// There is no room for it after all.
    private func fail(_ instance: SimulatedInstance, _ share: Double) {
        guard instance.state == .creating else { return }
        let words = ["Out of host capacity.", "The service limit container-instance-count is reached."]
        let text = words[Int(share * 100) % 2]
        instance.creationError = (share < 0.5 ? "InternalError" : "LimitExceeded", text)
        if share < 0.7 {
            instance.details = text
        } else {
            // Only the work request tells, and a later process does not know its id.
            book.mayFail(instance.job)
        }
        instance.containerState = .failed
        giveBackPlace(of: instance)
        instance.enter(.failed)
    }

    private func giveBackPlace(of instance: SimulatedInstance) {
        if let domain = instance.launch?.availabilityDomain { freePlaces[domain]? += 1 }
    }

    /// The container has ended.
    func containerEnded(_ instance: SimulatedInstance, exitCode: Int, details: String?) {
        guard instance.state == .active else { return }
        instance.exitCode = exitCode
        instance.containerDetails = details
        instance.containerState = .updating
        instance.enter(.updating)
        let duration = draw(settings.stopTime, "stop", instance)
        simulation.after(duration / 2) {
            if instance.containerState == .updating { instance.containerState = .inactive }
        }
        simulation.after(duration) {
            if instance.state == .updating { instance.enter(.inactive) }
        }
    }

    /// A deletion is accepted.
    func beginDeletion(of instance: SimulatedInstance) {
        noteDeletion(of: instance)
        deletionAccepted?(instance, instance.run?.isRunning ?? false)
        if instance.state != .failed { giveBackPlace(of: instance) }
        instance.enter(.deleting)
        let end = draw(settings.deletionTime, "deletion", instance)
        let kill = min(draw(settings.killTime, "kill", instance), end)
        simulation.after(kill) { instance.run?.kill() }
        let extra =
            simulation.faults.draw(.slowDeletion, instance.job).map { $0 * settings.slowDeletionMax } ?? 0
        simulation.after(end + .seconds(extra)) {
            instance.run?.vanish()
            instance.containerState = .deleted
            instance.enter(.deleted)
            self.simulation.after(.seconds(self.settings.deletedTime)) {
                self.purge(instance)
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIServices
internal import TaskEngine

extension TaskRun {
    /// A listing showed the result object; whether that is news.
    func resultListed() -> Bool {
        guard let watch, !watch.isResultListed else { return false }
        hasResult = true
        self.watch?.resultListed()
        news.ring()
        return true
    }

    /// A listing of all results that began at `started` is through.
    func resultsListed(started: Deadline) {
        weigh { $0.resultsListed(started: services.moment(started)) }
    }

    /// A complete listing begun at `started` showed the task's instance; whether that calls for a look at the results.
    func instanceListed(_ instance: InstanceSummary, started: Deadline) -> Bool {
        lastSummary = instance
        return weigh {
            $0.instanceListed(
                instance.lifecycleState.phase,
                started: services.moment(started),
                now: services.now
            )
        }
    }

    /// A complete listing begun at `started` did not show the task's instance; whether that calls for a look at the
    /// results.
    func instanceMissed(started: Deadline) -> Bool {
        weigh { $0.instanceMissed(started: services.moment(started), now: services.now) }
    }

    /// Adds evidence, and wakes whoever waits for a verdict; whether an end was seen that a listing of results must
    /// confirm.
    @discardableResult
    private func weigh(_ add: (inout InstanceWatch) -> Void) -> Bool {
        guard var changed = watch else { return false }
        add(&changed)
        if changed != watch { news.ring() }
        let isNews = changed.isEndSeen && watch?.isEndSeen == false
        watch = changed
        return isNews
    }
}

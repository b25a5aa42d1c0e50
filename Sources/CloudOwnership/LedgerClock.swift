// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import OCIServices
package import TaskEngine

/// The clock of a ledger: durations since it was made, and what the service's times are on it.
@LoopActor
package struct LedgerClock {
    /// By how much the clocks of one service's hosts may differ.
    private static let serviceClockSpread: Duration = .seconds(5)

    private let origin = Deadline.now
    private let serviceSeconds: @LoopActor () -> Int

    /// A clock that begins now; `serviceSeconds` tells the service's time of day in seconds since 1970.
    package init(serviceSeconds: @escaping @LoopActor () -> Int) { self.serviceSeconds = serviceSeconds }

    /// The present.
    package var now: Duration { Deadline.now.duration(since: origin) }

    /// When a moment of this clock comes.
    package func deadline(_ moment: Duration) -> Deadline { origin + moment }

    /// A moment of the service's clock, negative for one before the origin; the present if there is none.
    private func moment(of timestamp: Timestamp?) -> Duration {
        guard let timestamp else { return now }
        let present = Timestamp(millisecondsSinceEpoch: serviceSeconds() * 1000)
        return now - max(.zero, present.duration(since: timestamp))
    }

    /// What the answer to a create that was first sent at `begun` says of the instance of a task, dated without the host's time
    /// of day; nil if the instance is older than that: the answer to another create, which says nothing of the present.
    package func launched(
        _ made: ContainerInstance,
        of task: TaskKey,
        since begun: Duration
    ) -> ListedInstance? {
        let age = max(.zero, made.age ?? now - begun)
        if age > now - begun + Self.serviceClockSpread { return nil }
        return listed(made, of: task, createdAt: max(begun, now - age))
    }

    /// What a summary says of an instance of a task, on this clock.
    package func listed(
        _ summary: ContainerInstance,
        of task: TaskKey,
        isAdoptable: Bool = true
    ) -> ListedInstance {
        listed(summary, of: task, createdAt: moment(of: summary.timeCreated), isAdoptable: isAdoptable)
    }

    private func listed(
        _ summary: ContainerInstance,
        of task: TaskKey,
        createdAt: Duration,
        isAdoptable: Bool = true
    ) -> ListedInstance {
        ListedInstance(
            id: summary.id,
            task: task,
            phase: summary.lifecycleState.phase,
            state: summary.lifecycleState.name,
            details: summary.lifecycleDetails,
            createdAt: createdAt,
            activeSince: summary.lifecycleState == .creating
                ? nil : max(createdAt, moment(of: summary.timeUpdated ?? summary.timeCreated)),
            generation: Owner.generation(ofTags: summary.freeformTags),
            isAdoptable: isAdoptable,
            form: InstanceForm(
                availabilityDomain: summary.availabilityDomain,
                shape: summary.shape,
                ocpus: summary.ocpus ?? 0,
                memoryGB: summary.memoryGB ?? 0
            )
        )
    }
}

extension LifecycleState {
    /// What it means to whoever waits for the task.
    package var phase: InstancePhase {
        switch self {
        case .creating: .creating
        case .active, .updating, .other: .running
        case .inactive: .stopped
        case .failed: .failed
        case .deleting: .deleting
        case .deleted: .deleted
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import TaskEngine

/// One instance that a task waits for, and the evidence on it: all that must be forgotten together when it is given up.
///
/// Not a value: a run that waits would hold several copies of it, which are most of what a task in flight takes.
final class Attempt {
    /// How long an instance may take.
    struct Limits {
        /// To become active.
        let create: Duration
        /// To run the task.
        let job: Duration
    }

    /// How the instance was last seen; its generation is among it.
    private(set) var seen: ListedInstance
    /// Where it was made; nil if that is not known.
    let placement: Placement?
    /// Whether an earlier process made it, which may have asked for its deletion, too.
    let isAdopted: Bool
    /// The work request of its create, if one was named.
    let workRequestID: String?
    private var watch: InstanceWatch
    private var hasShownRoom = false

    /// Begins to watch an instance that was made just now, or found instead.
    convenience init(_ launched: Launcher.Launched, limits: Limits) {
        self.init(
            launched.instance,
            activeSince: launched.instance.activeSince,
            limits: limits,
            placement: launched.placement,
            workRequestID: launched.workRequestID
        )
    }

    /// Begins to watch an instance of an earlier process, or of an earlier session with the scheduler.
    convenience init(adopted instance: ListedInstance, limits: Limits) {
        self.init(instance, activeSince: instance.activeSince, limits: limits, isAdopted: true)
    }

    /// Begins to watch an instance; `activeSince` is nil for one that was made just now.
    init(
        _ instance: ListedInstance,
        activeSince: Duration?,
        limits: Limits,
        isAdopted: Bool = false,
        placement: Placement? = nil,
        workRequestID: String? = nil
    ) {
        seen = instance
        self.isAdopted = isAdopted
        self.placement = placement
        self.workRequestID = workRequestID
        watch = InstanceWatch(
            createTimeout: limits.create,
            jobTimeout: limits.job,
            createdAt: instance.createdAt,
            activeSince: activeSince
        )
    }

    // As `InstanceWatch` has them.
    func verdict(at now: Duration) -> InstanceWatch.Verdict { watch.verdict(at: now) }
    var isResultListed: Bool { watch.isResultListed }
    var isMissed: Bool { watch.isMissed }
    var isDeleted: Bool { watch.isMissed || seen.phase.isLeaving }
    func resultVanished() { watch.resultVanished() }
    func foundByName() { watch.foundByName() }
    func startedByName(at now: Duration) { watch.startedByName(at: now) }

    /// The result is stored, as was known when the instance was adopted.
    func resultFound() { watch.resultListed() }

    /// The place where it was made, once it is certain that there was room for it; nil ever after.
    func roomShown() -> Placement? {
        guard !hasShownRoom, watch.isResultListed || seen.phase == .running || seen.phase == .stopped else {
            return nil
        }
        hasShownRoom = true
        return placement
    }

    /// Adds a piece of news to the evidence; whether it is the first sign of the instance's end.
    func weigh(_ news: TaskNews, at now: Duration) -> Bool {
        let wasEndSeen = watch.isEndSeen
        switch news {
        case .resultListed: watch.resultListed()
        case .resultsListed(let begun): watch.resultsListed(started: begun)
        case .instanceListed(let instance, let begun) where instance.id == seen.id:
            seen = instance
            watch.instanceListed(instance.phase, started: begun, now: now)
        case .instanceMissed(let begun): watch.instanceMissed(started: begun, now: now)
        case .instanceListed, .deletionAccepted, .released: break
        }
        return watch.isEndSeen && !wasEndSeen
    }
}

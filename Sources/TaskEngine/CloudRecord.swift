// SPDX-License-Identifier: Apache-2.0

/// What is known of one task in the cloud, and who wants it.
struct CloudRecord {
    /// Who wants what the cloud holds of the task.
    enum Claim: Hashable {
        /// Nobody here: an earlier process left it, its answer was never confirmed, or its worker was lost while it
        /// waited. To `queued` when the scheduler sends the task, `unwanted` when it does not within the grace time.
        case orphaned
        /// The scheduler has sent the task, and it waits for a slot. To `inHand` with the slot, `unwanted` when it is
        /// cancelled, `orphaned` when its worker is lost.
        case queued
        /// A run works on it and holds a slot. To `answered` or `unwanted` when the run releases it.
        ///
        /// Apart from the record: of a hundred thousand tasks that wait most are in nobody's hand.
        indirect case inHand(InHand)
        /// It was answered; the evidence (the result, or else the instance) stays until the scheduler has surely read the
        /// answer. To `unwanted` when that is confirmed, or `orphaned` (a result) or `unwanted` (an instance) at this
        /// time, which is put off for an instance while the scheduler is away; to `queued` when the task is sent again.
        case answered(until: Duration)
        /// It was answered with a failure, for this host had no room for its result, which stays for a person to fetch; its
        /// instance goes. To `queued` when the task is sent again; over when the result is gone.
        case kept
        /// Nobody will ask for it: whatever turns up of it is deleted. To `queued` when the task is sent again.
        case unwanted
    }

    /// What the run of a task is at.
    struct InHand: Hashable {
        /// The instance that it waits for; nil before its create is answered.
        var instanceID: String?
        /// The instance that it gave up, and whose end it waits for before it makes another.
        var givenUpID: String?
        /// Whether its create was abandoned; it makes no other.
        var hasAbandonedCreate = false
        /// Whether it wants to be told of listings.
        var isWatched = true
        /// Whether a listing of results can tell it something although it does not show the result.
        var awaitsListing = false
        /// How it was last told that listings show its instance; nil where it was told since that one does not.
        var told: ListedInstance?
        /// Whether its answer was confirmed before it let go of the task.
        var isConfirmed = false
        /// Whether its result stays although the task is answered.
        var keepsResult = false
    }

    /// How far the deletion of an instance is.
    enum Deletion: Hashable {
        /// Nobody has ordered it.
        case none
        /// Ordered and not accepted yet: the instance counts.
        case ordered
        /// The service has accepted it, or said that there is nothing to delete (`isDoubtful`: that may also mean that we
        /// are not allowed to see it, so the instance counts). Over when a listing that began later does not show the
        /// instance.
        case accepted(since: Duration, isDoubtful: Bool)
    }

    struct Instance: Hashable {
        let id: String
        /// Since when it is known: a listing that began earlier may not show it.
        let knownSince: Duration
        /// How it was last seen.
        var seen: ListedInstance
        var deletion = Deletion.none
        /// Whether a listing has ever shown it.
        var isListed = false
        /// When the first of the listings in a row began that did not show it.
        var missedSince: Duration?

        /// Whether the service has said that it is not there, and no listing has confirmed that.
        var isDoubtful: Bool { if case .accepted(_, isDoubtful: true) = deletion { true } else { false } }

        /// Whether it may outlast the process that ends now.
        var remains: Bool { isDoubtful || isCounted }

        /// Whether it holds a slot: the service works on it, and has not accepted to end it.
        var isCounted: Bool {
            switch deletion {
            case .none, .ordered, .accepted(_, isDoubtful: true): !seen.phase.isLeaving
            case .accepted: false
            }
        }
    }

    /// Since when the scheduler could ask for it: when something of it was first seen, it was answered, its answer was
    /// given up, or its worker was lost while it waited.
    var since: Duration
    var claim: Claim
    /// Position among all records, in the order in which they were made.
    let number: Int
    var instances: [Instance] = []
    /// Whether its result is stored, and no deletion of it ordered.
    var hasResult = false
    /// Whether a mark says that its result stays, and no deletion of the mark is ordered.
    var hasMark = false
    /// Names of its payloads whose deletion is not ordered.
    var inputs: Set<String> = []
    /// Above the generation of every instance that was seen.
    var nextGeneration = 0
    /// Until when each create that was abandoned without an answer may still make an instance, in the order of the times.
    var abandonedCreates: [Duration] = []
    /// Until when listings may miss the instance that has stored its result, which an earlier process made; nil if there is
    /// nothing to expect.
    var unlistedUntil: Duration?
    /// Whether there may be a result that nobody wants, which a container may still store or whose deletion was called off, so
    /// that it is deleted when no instance is left.
    var mayHaveUnwantedResult = false

    /// What a run is at, where one has the task in hand.
    var inHand: InHand? {
        get { if case .inHand(let inHand) = claim { inHand } else { nil } }
        set { if let newValue { claim = .inHand(newValue) } }
    }

    /// Whether its run has made no instance yet, and nothing of an earlier one is there.
    private var isLaunching: Bool {
        guard let inHand, inHand.isWatched else { return false }
        return inHand.instanceID == nil && isEmpty
    }

    /// Whether its run waits for its instance to store a result, and for nothing that is out of the ordinary.
    var isResultAwaited: Bool {
        guard let inHand, inHand.isWatched, !inHand.awaitsListing, !hasResult else { return false }
        return inHand.instanceID != nil && abandonedCreates.isEmpty
    }

    /// Whether a listing of objects can tell something of it beside an awaited result.
    private var mayHaveOtherObjects: Bool {
        switch claim {
        case .inHand(let inHand):
            inHand.isWatched && !hasResult && !isResultAwaited && !isLaunching
        case .answered, .kept: false
        case .orphaned, .queued: !isEmpty
        case .unwanted:
            mayHaveUnwantedResult || hasResult || !inputs.isEmpty || !abandonedCreates.isEmpty
                || unlistedUntil != nil || instances.contains { $0.deletion == .none || $0.isDoubtful }
        }
    }

    /// Whether a run must be told of a listing of results; one that fetches its result reads no news.
    var isListingAwaited: Bool {
        guard !hasResult, let inHand else { return false }
        return inHand.isWatched && inHand.instanceID != nil && inHand.awaitsListing
    }

    /// Whether its run must be told that a listing shows an instance so: one that runs on as it did proves nothing new.
    func isNews(_ listed: ListedInstance) -> Bool {
        guard let inHand, inHand.isWatched, inHand.instanceID == listed.id else { return false }
        return listed.phase != .running || inHand.told?.shows(sameAs: listed) != true
    }

    /// Whether a listing that shows the one instance of its run changes nothing of it.
    func isSettled(whereShown shown: Set<String>) -> Bool {
        guard let inHand, abandonedCreates.isEmpty, instances.count == 1 else { return false }
        let instance = instances[0]
        return instance.id == inHand.instanceID && instance.deletion == .none && instance.missedSince == nil
            && shown.contains(instance.id)
    }

    /// Whether it may be adopted by a run to come, or is waited for by one.
    var isClaimable: Bool { claim == .orphaned || claim == .queued }

    var totals: CloudTotals {
        var totals = CloudTotals()
        totals.slots = slotCount
        totals.worthLooking = isWorthLooking ? 1 : 0
        totals.launching = isLaunching ? 1 : 0
        totals.withOtherObjects = mayHaveOtherObjects ? 1 : 0
        totals.evidence = claim == .unwanted && instances.isEmpty && unlistedUntil != nil ? 1 : 0
        totals.orphans = claim == .orphaned ? 1 : 0
        totals.withUnknownObjects = claim == .orphaned || !abandonedCreates.isEmpty ? 1 : 0
        for instance in instances {
            if instance.deletion == .ordered { totals.pendingDeletions += 1 }
            if instance.isDoubtful { totals.doubtfulDeletions += 1 }
        }
        return totals
    }

    /// How many slots it takes: one for each instance that counts and for each create that may still make one.
    private var slotCount: Int {
        let possible = instances.count { $0.isCounted } + abandonedCreates.count
        guard let inHand else { return possible }
        // What is listed before the create is answered may be what it makes, and what was given up is waited for.
        let hasOwn = instances.contains {
            $0.isCounted && ($0.deletion == .none || $0.id == inHand.givenUpID)
        }
        return max(1, hasOwn || inHand.hasAbandonedCreate ? possible : possible + 1)
    }

    /// Whether the cloud holds nothing of it, as far as is known.
    var isEmpty: Bool { instances.isEmpty && !hasResult && inputs.isEmpty && abandonedCreates.isEmpty }

    /// Whether there may be a container that stores a result, or has stored it.
    var mayHaveContainer: Bool {
        !instances.isEmpty || !abandonedCreates.isEmpty || unlistedUntil != nil
    }

    /// Whether there is anything to learn of it by looking.
    private var isWorthLooking: Bool {
        switch claim {
        case .inHand(let inHand): inHand.isWatched || !instances.isEmpty
        case .answered, .kept: !instances.isEmpty
        case .orphaned, .queued, .unwanted: !isEmpty
        }
    }

    /// The instance to go on with: one that may still yield a result before one that has ended, then the newest.
    var best: Instance? {
        instances.filter { $0.deletion == .none && !$0.seen.phase.isLeaving }.max { left, right in
            if left.seen.phase.isOver != right.seen.phase.isOver { return left.seen.phase.isOver }
            return left.seen.createdAt < right.seen.createdAt
        }
    }
}

/// Sums over all records, kept current with every change, so that no question needs a walk through all of them.
struct CloudTotals: Hashable {
    /// Slots that records hold.
    var slots = 0
    /// Records of which listings can tell something.
    var worthLooking = 0
    /// Those among them whose run has no instance yet.
    var launching = 0
    /// Records of which a listing of objects can tell something beside an awaited result.
    var withOtherObjects = 0
    /// Those among them whose instance has yet to turn up, which is looked for until then and no longer.
    var evidence = 0
    /// Records that nobody here has asked for.
    var orphans = 0
    /// Records of which there may be objects that only a listing of all objects shows.
    var withUnknownObjects = 0
    /// Instances whose deletion is ordered and not accepted.
    var pendingDeletions = 0
    /// Instances that were said not to be there, which no listing has confirmed.
    var doubtfulDeletions = 0

    static func += (left: inout CloudTotals, right: CloudTotals) { left.combine(right, +) }
    static func -= (left: inout CloudTotals, right: CloudTotals) { left.combine(right, -) }

    private mutating func combine(_ other: CloudTotals, _ operation: (Int, Int) -> Int) {
        slots = operation(slots, other.slots)
        worthLooking = operation(worthLooking, other.worthLooking)
        launching = operation(launching, other.launching)
        withOtherObjects = operation(withOtherObjects, other.withOtherObjects)
        evidence = operation(evidence, other.evidence)
        orphans = operation(orphans, other.orphans)
        withUnknownObjects = operation(withUnknownObjects, other.withUnknownObjects)
        pendingDeletions = operation(pendingDeletions, other.pendingDeletions)
        doubtfulDeletions = operation(doubtfulDeletions, other.doubtfulDeletions)
    }
}

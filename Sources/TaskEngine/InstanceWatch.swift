// SPDX-License-Identifier: Apache-2.0
//
// What listings say of one instance, and what follows from it.
//
// Rule: a listing shows the past, may lag, and may fail for minutes; the runner stores its result before its
// process ends. So "stopped" and "there is no result" say nothing unless the second was asked after the first,
// and "its time is up" says nothing unless somebody looked after that time.
// Consequence: every verdict against a task needs a listing that began after the fact it stands on. While the cloud
// cannot be asked there is no verdict, and an outage fails nobody.

/// The evidence on one instance; pure, time arrives as an argument (on any steady clock).
package struct InstanceWatch: Hashable, Sendable {
    /// Which limit was passed.
    package enum Limit: Hashable, Sendable {
        /// The one for becoming active.
        case creating
        /// The one for the run.
        case running
    }

    /// What the evidence amounts to.
    package enum Verdict: Hashable, Sendable {
        /// Nothing is proven; nothing can be before the given time, or before another listing if there is none.
        case open(until: Duration?)
        /// The result object is there.
        case resultListed
        /// The instance ended and left no result.
        case endedWithoutResult
        /// Listings do not show the instance any more, nor a result; ask for it by name before believing that.
        case vanished
        /// A limit was passed, and looking after that showed no change; ask by name before believing that it is being made.
        case outOfTime(Limit)
    }

    /// So many complete listings in a row must miss an instance before it counts as vanished: one may lag.
    package static let missesMax = 3
    /// An instance that somebody deletes may still end its process in peace for so long.
    package static let deletingPatience: Duration = .seconds(120)

    private let createTimeout: Duration
    private let jobTimeout: Duration
    private let createdAt: Duration
    private var activeSince: Duration?
    private var deletingSince: Duration?
    private var missCount = 0
    /// When the stop, or the absence, was learned.
    private var endSeen: Duration?
    private var isEndConfirmed = false
    /// Whether a listing showed the result object.
    package private(set) var isResultListed = false
    /// Beginnings of the latest complete listings since the watch began.
    private var instancesListedAt: Duration?
    private var resultsListedAt: Duration?

    /// Begins to watch an instance that exists since `createdAt`, and is active since `activeSince` if it is.
    package init(
        createTimeout: Duration,
        jobTimeout: Duration,
        createdAt: Duration,
        activeSince: Duration? = nil
    ) {
        self.createTimeout = createTimeout
        self.jobTimeout = jobTimeout
        self.createdAt = createdAt
        self.activeSince = activeSince
    }

    /// Whether the last listings did not show it.
    package var isMissed: Bool { missCount > 0 }

    /// Whether an end was seen that only a listing of results can confirm.
    package var isEndSeen: Bool { endSeen != nil }

    /// A listing begun at `started` and over at `now` showed the instance.
    package mutating func instanceListed(_ phase: InstancePhase, started: Duration, now: Duration) {
        instancesListedAt = max(instancesListedAt ?? started, started)
        missCount = 0
        if phase != .creating, activeSince == nil { activeSince = now }
        deletingSince = phase == .deleting ? deletingSince ?? now : nil
        let isTooLong = deletingSince.map { now - $0 >= Self.deletingPatience } ?? false
        noteEnd(phase.isOver || isTooLong, now)
    }

    /// A complete listing begun at `started` and over at `now` did not show the instance.
    package mutating func instanceMissed(started: Duration, now: Duration) {
        guard started > createdAt else { return }
        instancesListedAt = max(instancesListedAt ?? started, started)
        missCount += 1
        noteEnd(missCount >= Self.missesMax, now)
    }

    /// The instance answered when it was asked for by name, so the listings were wrong.
    package mutating func foundByName() {
        missCount = 0
        noteEnd(false, .zero)
    }

    /// The instance was no longer being made when it was asked for by name, so the listings lag.
    package mutating func startedByName(at now: Duration) { activeSince = activeSince ?? now }

    /// A listing showed the result object.
    package mutating func resultListed() { isResultListed = true }

    /// The result object was not there when it was asked for.
    package mutating func resultVanished() { isResultListed = false }

    /// A complete listing of results begun at `started` is over.
    package mutating func resultsListed(started: Duration) {
        resultsListedAt = max(resultsListedAt ?? started, started)
        if let endSeen, endSeen < started { isEndConfirmed = true }
    }

    /// What is proven at `now`.
    package func verdict(at now: Duration) -> Verdict {
        if isResultListed { return .resultListed }
        if isEndConfirmed { return missCount > 0 ? .vanished : .endedWithoutResult }
        let limit = activeSince.map { $0 + jobTimeout } ?? createdAt + createTimeout
        if now < limit { return .open(until: limit) }
        // The next listings tell whether it vanished: then a time limit is not what ended it.
        if missCount > 0 { return .open(until: nil) }
        guard let resultsListedAt, resultsListedAt >= limit else { return .open(until: nil) }
        if activeSince == nil {
            guard let instancesListedAt, instancesListedAt >= limit else { return .open(until: nil) }
        }
        return .outOfTime(activeSince == nil ? .creating : .running)
    }

    private mutating func noteEnd(_ isOver: Bool, _ now: Duration) {
        if isOver {
            endSeen = endSeen ?? now
        } else {
            endSeen = nil
            isEndConfirmed = false
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// A step of a task that waits for a part of a budget.
struct WaitingStep: Sendable {
    let holder: Budget.Holder
    /// The least that it needs.
    let need: Resources
    /// What of it is short, so that who comes later must not take it.
    let claim: Resources
    /// Whether the host refused it, and not the budget: what the host has is not known, so it can only be tried.
    let isRefusedByHost: Bool
}

/// Steps that wait, in order; pure.
///
/// One of them leaves, or is followed in its place by its next attempt, at the same cost however many wait.
struct WaitingLine: Sendable {
    /// nil where one has left.
    private var steps: [WaitingStep?] = []
    /// The place of the first that has not left; what is before it is dropped now and then.
    private var head = 0
    private var places: [Budget.Holder: Int] = [:]
    /// How many need some of each thing.
    private var needing = Resources()
    /// How many claim some of each thing.
    private(set) var claiming = Resources()
    /// How many need nothing that is counted here.
    private var needlessCount = 0
    /// How many were refused by the host.
    private(set) var refusedByHostCount = 0

    var count: Int { places.count }

    var isEmpty: Bool { places.isEmpty }

    /// Takes out a step, and returns its place for the next `insert`; nil for one that does not wait.
    mutating func vacate(_ holder: Budget.Holder) -> Int? {
        guard let place = places.removeValue(forKey: holder), let step = steps[place] else { return nil }
        steps[place] = nil
        count(step, -1)
        return place
    }

    /// Takes out a step; harmless for one that does not wait.
    mutating func remove(_ holder: Budget.Holder) { if vacate(holder) != nil { dropVacantPlaces() } }

    /// Queues a step in a place that was vacated just before, or at the end.
    mutating func insert(_ step: WaitingStep, at vacated: Int? = nil) {
        let place = vacated ?? steps.endIndex
        if place == steps.endIndex { steps.append(step) } else { steps[place] = step }
        places[step.holder] = place
        count(step, 1)
        dropVacantPlaces()
    }

    /// The first that `isChosen` chooses, and how many places were looked at.
    ///
    /// It gets each in order, with what those before it claim; where all that anybody needs is claimed, it gets no more.
    func first(where isChosen: (WaitingStep, _ claimed: Resources) -> Bool) -> (WaitingStep?, lookCount: Int)
    {
        var claimed = Resources()
        for place in steps.indices[head...] {
            guard let step = steps[place] else { continue }
            if isChosen(step, claimed) { return (step, place - head + 1) }
            claimed = claimed.union(step.claim)
            if needlessCount == 0, claimed.covers(needing) { return (nil, place - head + 1) }
        }
        return (nil, steps.count - head)
    }

    private mutating func dropVacantPlaces() {
        while head < steps.count, steps[head]?.holder == nil { head += 1 }
        guard steps.count >= 64, places.count * 2 <= steps.count else { return }
        steps = steps.filter { $0 != nil }
        head = 0
        for (place, step) in steps.enumerated() { if let step { places[step.holder] = place } }
    }

    private mutating func count(_ step: WaitingStep, _ change: Int) {
        needing = needing + step.need.marks(change)
        claiming = claiming + step.claim.marks(change)
        if step.need == Resources() { needlessCount += change }
        if step.isRefusedByHost { refusedByHostCount += change }
    }
}

extension Resources {
    /// `change` of each thing of which there is some.
    fileprivate func marks(_ change: Int) -> Resources {
        Resources(
            memoryBytes: memoryBytes > 0 ? change : 0,
            diskBytes: diskBytes > 0 ? change : 0,
            fileCount: fileCount > 0 ? change : 0
        )
    }

    /// Whether there is some of each thing of which the other has some.
    fileprivate func covers(_ other: Resources) -> Bool {
        Self.kinds.allSatisfy { other[keyPath: $0] <= 0 || self[keyPath: $0] > 0 }
    }
}

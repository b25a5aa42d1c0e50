// SPDX-License-Identifier: Apache-2.0
//
// Who may take how much of what is scarce on this host: memory, disk, file descriptors.
//
// Rule: two that each hold a part of what both need wait for each other for ever.
// Consequence: who waits holds nothing. A step of a task that cannot be given what it needs gives back all that it has
// and begins anew when its turn comes; there is one turn at a time.
// Rule: a step does not know what it will need before it has it; its size is read with its bytes.
// Consequence: it takes as it goes, and what a vain attempt had taken is the least that the next one needs.
// Consequence: who waits has the first claim on those things that it needs and that are short, and on nothing else: a full
// disk does not keep from memory those that need no disk.
// Rejected: taking what a task may need before it begins (its size is not known), and letting the oldest go beyond the
// budget (of bytes that come over one connection, those of the oldest may be behind those of one that waits).

/// Amounts of the things that are scarce on a host.
package struct Resources: Sendable, Hashable {
    /// Bytes of objects in memory.
    package var memoryBytes = 0
    /// Bytes of objects in temporary files.
    package var diskBytes = 0
    /// Temporary files, each of which takes a descriptor.
    package var fileCount = 0

    /// So much of each.
    package init(memoryBytes: Int = 0, diskBytes: Int = 0, fileCount: Int = 0) {
        self.memoryBytes = memoryBytes
        self.diskBytes = diskBytes
        self.fileCount = fileCount
    }

    static func + (left: Resources, right: Resources) -> Resources { left.combined(right, +) }
    static func - (left: Resources, right: Resources) -> Resources { left.combined(right, -) }

    /// The larger amount of each.
    func union(_ other: Resources) -> Resources { combined(other, max) }

    /// The amounts of the kinds for which `isWanted` holds.
    func filtered(_ isWanted: (KeyPath<Resources, Int>) -> Bool) -> Resources {
        let amounts = Self.kinds.map { isWanted($0) ? self[keyPath: $0] : 0 }
        return Resources(memoryBytes: amounts[0], diskBytes: amounts[1], fileCount: amounts[2])
    }

    /// Whether some of the same thing is in both.
    func overlaps(_ other: Resources) -> Bool {
        Self.kinds.contains { self[keyPath: $0] > 0 && other[keyPath: $0] > 0 }
    }

    static let kinds: [any KeyPath<Resources, Int> & Sendable] = [\.memoryBytes, \.diskBytes, \.fileCount]

    private func combined(_ other: Resources, _ operation: (Int, Int) -> Int) -> Resources {
        Resources(
            memoryBytes: operation(memoryBytes, other.memoryBytes),
            diskBytes: operation(diskBytes, other.diskBytes),
            fileCount: operation(fileCount, other.fileCount)
        )
    }
}

/// What there is, who holds how much of it, and whose turn it is; pure: time is an argument.
package struct Budget: Sendable {
    /// A step of a task that may hold something, by number.
    package typealias Holder = Int

    /// Pauses between two attempts that the host may refuse.
    private static let firstPause: Duration = .seconds(1)
    private static let longestPause: Duration = .seconds(10)

    /// What may be held in all.
    package let limit: Resources
    /// What is held in all.
    package private(set) var used = Resources()
    private var holdings: [Holder: Resources] = [:]
    /// In order of arrival.
    private var line = WaitingLine()
    /// How many of those that wait were looked at in all, to find whose turn it is.
    private(set) var lookCount = 0
    /// Who among those that wait tries now.
    package private(set) var turn: Holder?
    private var pause = Self.firstPause
    /// When one that the host refused may be tried.
    private var nextAttempt: Duration = .zero
    /// For how long in all somebody waited for room, the time of turns not counted: whoever has its turn may wait for much else.
    package private(set) var shortTime: Duration = .zero
    /// Until when it is counted.
    private var shortTimeCounted: Duration = .zero

    /// A budget of which nothing is held.
    package init(limit: Resources) { self.limit = limit }

    /// How many wait, the one that tries included.
    package var waitingCount: Int { line.count }

    /// Takes `amount` for a holder; false where it must give back what it has, and wait.
    ///
    /// What is larger than the whole budget passes alone.
    package mutating func take(_ amount: Resources, for holder: Holder) -> Bool {
        let own = holdings[holder] ?? Resources()
        // Those that were here before the first had to wait go on, so that they end.
        let isFree = turn == holder || own.overlaps(amount) || !line.claiming.overlaps(amount)
        guard isFree, hasRoom(for: amount, besides: own) else { return false }
        holdings[holder] = own + amount
        used = used + amount
        return true
    }

    /// A holder gives back a part of what it holds.
    package mutating func giveBack(_ amount: Resources, of holder: Holder) {
        let rest = (holdings[holder] ?? Resources()) - amount
        holdings[holder] = rest == Resources() ? nil : rest
        used = used - amount
        // What the host refused may be there now.
        if amount.fileCount > 0 { nextAttempt = .zero }
    }

    /// Counts the time up to `now` in `shortTime`; before whatever may end or begin a turn or a wait.
    package mutating func timePassed(to now: Duration) {
        if turn == nil, !line.isEmpty { shortTime += now - shortTimeCounted }
        shortTimeCounted = now
    }

    /// A holder could not be given what it needs, and waits as `next`: behind those that wait, or in its old place if it
    /// was its turn.
    ///
    /// One that the host refuses although nobody else holds anything lets the others try first.
    package mutating func refused(
        _ holder: Holder,
        need: Resources,
        isRefusedByHost: Bool,
        waitingAs next: Holder,
        at now: Duration
    ) {
        let place = line.vacate(holder)
        let waiting = WaitingStep(
            holder: next,
            need: need,
            claim: short(of: need, isRefusedByHost: isRefusedByHost),
            isRefusedByHost: isRefusedByHost
        )
        let isAlone = used.fileCount == (holdings[holder]?.fileCount ?? 0)
        if isRefusedByHost {
            nextAttempt = now + pause
            pause = min(pause * 2, Self.longestPause)
        }
        if turn == holder { turn = nil }
        line.insert(waiting, at: isRefusedByHost && isAlone ? nil : place)
    }

    /// What of a need is short now, or waited for by others.
    private func short(of need: Resources, isRefusedByHost: Bool) -> Resources {
        need.filtered { kind in
            if isRefusedByHost, kind != \.memoryBytes { return true }
            let isSpent = used[keyPath: kind] + need[keyPath: kind] > limit[keyPath: kind]
            return isSpent || line.claiming[keyPath: kind] > 0
        }
    }

    /// A holder has what it needs, or needs nothing more.
    package mutating func settled(_ holder: Holder) {
        if turn == holder {
            turn = nil
            (pause, nextAttempt) = (Self.firstPause, .zero)
        }
        line.remove(holder)
    }

    /// Whose turn it is at `now`, of those that wait; nil while another tries, or nobody can.
    package mutating func nextTurn(at now: Duration) -> Holder? {
        if turn != nil { return nil }
        let (next, lookCount) = line.first { waiting, claimed in
            let isNext = !waiting.need.overlaps(claimed)
            return isNext && (waiting.isRefusedByHost ? nextAttempt <= now : hasRoom(for: waiting.need))
        }
        self.lookCount += lookCount
        turn = next?.holder
        return turn
    }

    /// When time alone may give somebody a turn; nil if it cannot.
    package func nextMoment(after now: Duration) -> Duration? {
        let isTimed = turn == nil && line.refusedByHostCount > 0
        return isTimed && nextAttempt > now ? nextAttempt : nil
    }

    /// Whether an amount fits, or nobody else holds any of what it does not fit into.
    private func hasRoom(for amount: Resources, besides own: Resources = Resources()) -> Bool {
        Resources.kinds.allSatisfy { kind in
            amount[keyPath: kind] == 0
                || used[keyPath: kind] + amount[keyPath: kind] <= limit[keyPath: kind]
                || used[keyPath: kind] == own[keyPath: kind]
        }
    }
}

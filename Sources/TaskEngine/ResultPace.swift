// SPDX-License-Identifier: Apache-2.0
//
// When results are worth a listing.
//
// Rule: one listing shows every result that is there, and costs one request, however many these are.
// Consequence: where many tasks are awaited, a listing waits until so many results are expected that it is a twentieth of
// a request for each; where few are, its beat follows the age of the youngest, for what runs for an hour is not missed for a
// minute.
// Consequence: tasks that were made together take about the same time, so the next results are expected when their tasks are
// as old as the youngest that had one. Until the first result nothing is known: then the time between two listings doubles
// where many are awaited, and is a tenth of the age where few are.
// Rule: tasks of all lengths run beside each other.
// Consequence: what is far older than results are expected to be has a beat of its own, and no wait is longer than a young task
// without a result may be kept waiting.
// Rejected: a beat by the age of the freshest instance. While creates go on, one is always fresh, and most listings show
// nothing new.

/// When to list results, by when the instances were made whose results are awaited; pure, in the time of the ledger.
struct ResultPace: Sendable {
    /// So many results are worth a listing, and so many tasks are many.
    static let worthwhileCount = 25
    private static let fastest: Duration = .milliseconds(250)
    private static let slowest: Duration = .seconds(90)
    /// The first listing where many are awaited, and the longest that they wait while they are young.
    private static let fastestOfMany: Duration = .milliseconds(500)
    private static let slowestOfYoung: Duration = .milliseconds(1250)
    /// The longest that a result waits for others, while it is young.
    private static let companyTime: Duration = .milliseconds(700)

    /// So much older than expected a task is one of another kind: twice as old, and by so much.
    private static let otherKindTime: Duration = .seconds(2)

    /// When those that are awaited began, the oldest first; those before `head` are over, for results come in about this order.
    private var starts: [Duration] = []
    private var head = 0
    /// How old the youngest was of those whose results came last; nil before the first of those that came together.
    private var usual: Duration?
    /// The listing that `usual` is from.
    private var usualListing: Duration?

    /// How many are awaited.
    var count: Int { starts.count - head }

    /// An instance was made whose result is awaited; not before the last one.
    mutating func began(at now: Duration) { starts.append(now) }

    /// The one that began then is awaited no more; `listed` is when the listing began that showed its result, nil if there was
    /// none.
    mutating func ended(began start: Duration, listed: Duration?) {
        guard let index = index(of: start) else { return }
        if let listed { note(max(.zero, listed - start), in: listed) }
        if index == head { head += 1 } else { starts.remove(at: index) }
        if count == 0 {
            self = ResultPace()
        } else if head >= 1024, head * 2 >= starts.count {
            starts.removeFirst(head)
            head = 0
        }
    }

    /// A result came of a task so old.
    ///
    /// A longer one among shorter ones says little of the next: it raises what is expected by a quarter.
    private mutating func note(_ age: Duration, in listing: Duration) {
        if let usual, usualListing == listing {
            self.usual = min(usual, age)
        } else {
            usual = min(age, usual.map { $0 + $0 / 4 + Self.fastest } ?? age)
        }
        usualListing = listing
    }

    /// The place of one that began then, found by halves.
    private func index(of start: Duration) -> Int? {
        var (low, high) = (head, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < start { low = middle + 1 } else { high = middle }
        }
        return low < starts.count && starts[low] == start ? low : nil
    }

    /// When the listing after that of `last` is due; `comingCount` tasks wait for their create.
    ///
    /// Nil if no result is awaited.
    func next(after last: Duration, comingCount: Int) -> Duration? {
        guard count > 0 else { return nil }
        guard let usual else {
            let oldest = starts[head]
            let begin = max(last, oldest)
            let patience = Self.patience(age: begin - starts[starts.count - 1])
            let isMany = count + comingCount >= Self.worthwhileCount
            return begin + (isMany ? max(patience, Self.boldness(age: begin - oldest)) : patience)
        }
        // Those far too old come first, and have a beat of their own.
        let kind = starts[head...].firstIndex { $0 + usual * 2 + Self.otherKindTime > last } ?? starts.count
        let others = kind > head ? last + Self.patience(age: last - starts[kind - 1]) : nil
        guard kind < starts.count else { return others }
        let awaited = nextOfKind(from: kind, usual: usual, after: last, comingCount: comingCount)
        return min(awaited, others ?? awaited)
    }

    /// When the listing is due for those from `first` on, which are expected when they are as old as `usual`.
    private func nextOfKind(
        from first: Int,
        usual: Duration,
        after last: Duration,
        comingCount: Int
    ) -> Duration {
        let oldest = starts[first]
        let begin = max(last, oldest)
        let patience = Self.patience(age: begin - oldest)
        let count = starts.count - first
        let wanted = min(Self.worthwhileCount, count + comingCount)
        let latest = max(begin, oldest + usual) + max(patience, Self.companyTime)
        let expected = wanted <= count ? starts[first + wanted - 1] + usual : latest
        // What should have been there and was not is nothing that its age tells the time of.
        let due = expected <= begin ? begin + patience : min(max(expected, begin + Self.fastest), latest)
        // What is expected may be what longer tasks took.
        let youngest = Self.patience(age: begin - starts[starts.count - 1])
        return min(due, begin + max(youngest, Self.slowestOfYoung))
    }

    /// How long one of this age can wait.
    private static func patience(age: Duration) -> Duration {
        min(max(fastest, age / 10, (age - .seconds(4)) / 5), slowest)
    }

    private static func boldness(age: Duration) -> Duration { min(max(age, fastestOfMany), slowestOfYoung) }
}

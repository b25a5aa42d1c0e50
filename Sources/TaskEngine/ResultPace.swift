// SPDX-License-Identifier: Apache-2.0
//
// When results are worth a listing.
//
// Rule: one listing shows every result that is there, and costs one request, however many these are.
// Consequence: where many tasks are awaited, a listing waits until so many results are expected that it is a twentieth of
// a request for each; where few are, its beat follows the age of the oldest, for what runs for an hour is not missed for a
// minute.
// Consequence: tasks that were made together take about the same time, so the next results are expected when their tasks are
// as old as the youngest that had one. Until the first result nothing is known: then the time between two listings doubles
// where many are awaited, and is a tenth of the age where few are.
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

    /// When those that are awaited began, the oldest first; those before `head` are over.
    ///
    /// Results come in about this order.
    private var starts: [Duration] = []
    private var head = 0
    /// How old the youngest was that had a result; nil before the first of those that came together.
    private var usual: Duration?

    /// How many are awaited.
    var count: Int { starts.count - head }

    /// An instance was made whose result is awaited.
    mutating func began(at now: Duration) { starts.append(now) }

    /// One is awaited no more; `listed` is when the listing began that showed its result, nil if there was none.
    mutating func ended(listed: Duration?) {
        guard count > 0 else { return }
        if let listed { usual = max(.zero, listed - starts[head]) }
        head += 1
        if count == 0 {
            self = ResultPace()
        } else if head >= 1024, head * 2 >= starts.count {
            starts.removeFirst(head)
            head = 0
        }
    }

    /// When the listing after that of `last` is due; `comingCount` tasks wait for their create.
    ///
    /// Nil if no result is awaited.
    func next(after last: Duration, comingCount: Int) -> Duration? {
        guard count > 0 else { return nil }
        let oldest = starts[head]
        let begin = max(last, oldest)
        let patience = Self.patience(age: begin - oldest)
        let isMany = count + comingCount >= Self.worthwhileCount
        guard let usual else {
            return begin + (isMany ? max(patience, Self.boldness(age: begin - oldest)) : patience)
        }
        let wanted = min(Self.worthwhileCount, count + comingCount)
        let latest = max(begin, oldest + usual) + max(patience, Self.companyTime)
        let expected = wanted <= count ? starts[head + wanted - 1] + usual : latest
        // What should have been there and was not is nothing that its age tells the time of.
        return expected <= begin ? begin + patience : min(max(expected, begin + Self.fastest), latest)
    }

    /// How long one of this age can wait.
    private static func patience(age: Duration) -> Duration {
        min(max(fastest, age / 10, (age - .seconds(4)) / 5), slowest)
    }

    private static func boldness(age: Duration) -> Duration { min(max(age, fastestOfMany), slowestOfYoung) }
}

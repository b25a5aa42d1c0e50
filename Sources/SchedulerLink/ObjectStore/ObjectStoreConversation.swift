// SPDX-License-Identifier: Apache-2.0
//
// What the answers of the object storage, and its silence, allow to conclude.
//
// Rule: the server answers the questions of a connection in order, but for gets of objects that do not exist: those wait,
// for ever and without a word. So neither time nor silence tells that an object is missing.
// Consequence: an object is not there when the server has answered a later question of the same connection and not this
// one; it is absent, and in the end missing, when that is so of a question that was asked after the time for that was
// over. Where no other question comes, one is asked that is always answered (`check`). The same check tells a server that
// has nothing to say from a dead link.
//
// States of a question: open (asked; no later one is answered) -> waiting (a get; a later question is answered) -> absent
// (the same after a moment) -> over (answered, missing, or dropped by who asked). A connection that ends takes all of them
// with it.

internal import EventLoop

/// What was asked on one connection, and is not answered.
struct ObjectStoreConversation {
    /// How long things may take.
    struct Pace: Hashable, Sendable {
        /// How long a connection may carry nothing, and an object not be there, before it is missing.
        let patience: Duration
        /// How long a connection on which answers are due may carry hardly anything before the server is asked for a sign of life, and
        /// how long again before the connection is taken for dead.
        var silence: Duration = .seconds(15)
        /// The same before it is absent; a client may store it a moment after it has submitted the task.
        var look: Duration = .seconds(1)

        /// The same, but for a server that has been silent on `count` connections in a row, which may only be slow.
        func afterSilences(_ count: Int) -> Self {
            var slower = self
            slower.silence *= 1 << min(count, 3)
            return slower
        }
    }

    /// What to do next.
    enum Step: Equatable {
        /// Nothing before this moment, unless something happens.
        case wait(until: Deadline)
        /// Ask for a sign of life, and tell with `checking`.
        case check
        /// End the connection: nobody is there.
        case reconnect
    }

    /// What follows from an answer.
    struct Conclusion: Equatable {
        /// Gets whose objects are not there.
        var absent: [UInt64] = []
        /// Gets whose objects have not been there for too long; they are over.
        var missing: [UInt64] = []
    }

    private struct Question {
        let id: UInt64
        let isGet: Bool
        let askedAt: Deadline
    }

    private let pace: Pace
    /// In the order in which they were asked.
    private var open: [Question] = []
    /// Waiting and absent gets, in the order of their times; those not in `unansweredIDs` are over.
    private var unanswered: [(id: UInt64, since: Deadline)] = []
    private var unansweredIDs: Set<UInt64> = []
    /// How many of these are absent, or over.
    private var absentCount = 0
    private var isArriving = false
    private var check: (id: UInt64, since: Deadline)?
    /// When the connection last gave a sign of life, or the first answer became due.
    private var quietSince: Deadline
    /// So many bytes of payloads are a sign of life: half a kilobyte a second, for one that has two silences to give it.
    static let signByteCount = 16 * 1024
    /// Bytes since the last sign of life.
    private var carriedByteCount = 0

    /// A connection that was made at `now`, on which nothing is asked yet.
    init(_ pace: Pace, at now: Deadline) {
        self.pace = pace
        quietSince = now
    }

    private var isAnswerDue: Bool { isArriving || check != nil || !open.isEmpty || !unansweredIDs.isEmpty }

    /// A question is being sent, after all those before it.
    mutating func asked(_ id: UInt64, isGet: Bool, at now: Deadline) {
        if !isAnswerDue { quietSince = now }
        open.append(Question(id: id, isGet: isGet, askedAt: now))
    }

    /// A check is about to be sent under this id, as soon as what is being sent at present is through.
    mutating func checking(_ id: UInt64, at now: Deadline) { check = (id, now) }

    /// So many bytes were sent or received.
    mutating func carried(_ byteCount: Int, at now: Deadline) {
        carriedByteCount += byteCount
        guard carriedByteCount >= Self.signByteCount else { return }
        carriedByteCount = 0
        quietSince = now
    }

    /// Whether somebody waits for the answer to this question.
    func isAwaited(_ id: UInt64) -> Bool {
        check?.id == id || unansweredIDs.contains(id) || open.contains { $0.id == id }
    }

    /// The answer to a question begins to arrive; `answerEnded` follows.
    mutating func answerBegan(_ id: UInt64, at now: Deadline) -> Conclusion {
        var conclusion = Conclusion()
        if let index = open.firstIndex(where: { $0.id == id }) {
            let question = open[index]
            let earlier = open[..<index]
            open.replaceSubrange(...index, with: earlier.filter { !$0.isGet })
            for get in earlier where get.isGet {
                unanswered.append((get.id, max(get.askedAt, quietSince)))
                unansweredIDs.insert(get.id)
            }
            conclusion.missing = takeMissing(asOf: question.askedAt)
            conclusion.absent = findAbsent(asOf: question.askedAt)
        } else {
            unansweredIDs.remove(id)
        }
        if check?.id == id { check = nil }
        isArriving = true
        quietSince = now
        return conclusion
    }

    /// The answer that began to arrive is complete.
    mutating func answerEnded(at now: Deadline) {
        isArriving = false
        quietSince = now
    }

    /// Whoever asked does not want the answer any more.
    mutating func dropped(_ id: UInt64) {
        open.removeAll { $0.id == id }
        unansweredIDs.remove(id)
    }

    /// What to do now.
    mutating func next(at now: Deadline) -> Step {
        guard isAnswerDue else { return .wait(until: .never) }
        if let check {
            let end = max(quietSince + pace.silence * 2, check.since + pace.silence)
            return end <= now ? .reconnect : .wait(until: end)
        }
        var due = quietSince + pace.silence
        if let oldest = open.first, !isArriving {
            due = min(due, max(quietSince, oldest.askedAt) + pace.look)
        }
        forgetWhatIsOver()
        if absentCount < unanswered.count { due = min(due, unanswered[absentCount].since + pace.look) }
        if let oldest = unanswered.first { due = min(due, oldest.since + pace.patience) }
        return due <= now ? .check : .wait(until: due)
    }

    /// Takes the gets whose time was over when the question was asked that is answered now.
    private mutating func takeMissing(asOf moment: Deadline) -> [UInt64] {
        let isOver = unanswered.prefix { $0.since + pace.patience <= moment }
        let missing = isOver.map(\.id).filter { unansweredIDs.remove($0) != nil }
        forget(isOver.count)
        return missing
    }

    /// The gets that waited for long enough when the question was asked that is answered now, each once.
    private mutating func findAbsent(asOf moment: Deadline) -> [UInt64] {
        let found = unanswered.dropFirst(absentCount).prefix { $0.since + pace.look <= moment }
        absentCount += found.count
        return found.map(\.id).filter { unansweredIDs.contains($0) }
    }

    private mutating func forgetWhatIsOver() {
        forget(unanswered.prefix { !unansweredIDs.contains($0.id) }.count)
        while absentCount < unanswered.count, !unansweredIDs.contains(unanswered[absentCount].id) {
            absentCount += 1
        }
    }

    private mutating func forget(_ count: Int) {
        unanswered.removeFirst(count)
        absentCount = max(0, absentCount - count)
    }
}

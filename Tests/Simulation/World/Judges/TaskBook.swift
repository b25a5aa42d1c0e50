// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// How the run of a container ended.
package enum RunEnd: String, Sendable {
    /// The result was stored.
    case result
    /// The task raised an exception, which was stored.
    case raised
    /// The container ended without a result, or stored what is none.
    case failed
    /// The instance was deleted first.
    case deleted
}

/// What the scheduler was told of a task.
package enum Reply: Sendable, Equatable {
    /// With these bytes in the result object.
    case success([UInt8])
    /// With these bytes in the result object, an exception.
    case failure([UInt8])
    /// The cancel was carried out.
    case cancelled
}

/// The fate of each task; every party of the world reports here, and each report is judged.
@LoopActor
package final class TaskBook {
    private struct Page {
        let submittedAt = Deadline.now
        /// When its result was stored.
        var resultAt: Deadline?
        var isUnwanted = false
        /// Whether a container that the living process of the daemon knows of runs it now.
        var isRunning = false
        var runCount = 0
        var endedRuns: [RunEnd] = []
        var replies: [Reply] = []
        var mayFail = false
        /// How many times the world itself gave it up, so that it may run again.
        var lossCount = 0
    }

    private let simulation: Simulation
    private var pages: [UInt64: Page] = [:]
    /// Tasks that a client still waits for.
    package private(set) var openCount = 0
    /// Tasks that got their reply.
    package private(set) var answeredCount = 0
    /// Grows with each run, end of a run, and end of a task: while it does, there is progress.
    package private(set) var progress = 0
    /// When tasks became unwanted that had no reply, for whoever may hold them a while longer.
    private var unwantedSince: [Deadline] = []
    /// How long ago a listing first showed the daemon the result of a task; nil if none did, or if that is not judged.
    package var resultShown: (@LoopActor (_ job: UInt64) -> Duration?)?
    /// Whether the daemon may have given up an earlier run before it made an instance; nil if it never may.
    package var mayHaveGivenUp: (@LoopActor (_ job: UInt64, _ instance: String) -> Bool)?
    /// Called whenever a task ends.
    package var ended: (@LoopActor () -> Void)?
    /// When the first task was submitted, and when the last reply came so far.
    package private(set) var firstSubmit: Deadline?
    package private(set) var lastReply: Deadline?
    /// The longest time from a stored result to its reply.
    package private(set) var longestAnswerTime = Duration.zero

    /// An empty book.
    package init(_ simulation: Simulation) { self.simulation = simulation }

    /// A client has submitted a task.
    package func submitted(_ job: SimulatedJob) {
        simulation.judge("tasks", pages[job.number] == nil, "task \(job.number) was submitted twice")
        pages[job.number] = Page()
        if firstSubmit == nil { firstSubmit = .now }
        openCount += 1
    }

    /// Nobody wants the task any more: a client cancelled it, or its client is gone.
    package func unwanted(_ job: UInt64) {
        guard var page = pages[job], !page.isUnwanted else { return }
        page.isUnwanted = true
        if page.replies.isEmpty {
            unwantedSince.append(.now)
            close()
        }
        pages[job] = page
    }

    /// How many tasks became unwanted within a duration.
    package func unwantedCount(within duration: Duration) -> Int {
        unwantedSince.removeAll { Deadline.now.duration(since: $0) > duration }
        return unwantedSince.count
    }

    /// The first task that somebody has waited for longer than `duration` and that has never run; nil if there is none.
    package func firstWaiting(longerThan duration: Duration) -> UInt64? {
        first { $0.runCount == 0 && $0.submittedAt.isLonger(ago: duration) }
    }

    /// The first task whose result was stored longer than `duration` ago, and who waits for it still; nil if there is none.
    package func firstUnanswered(longerThan duration: Duration) -> UInt64? {
        first { $0.resultAt?.isLonger(ago: duration) ?? false }
    }

    private func first(where isLate: (Page) -> Bool) -> UInt64? {
        var first: UInt64?
        for (number, page) in pages where !page.isUnwanted && page.replies.isEmpty && isLate(page) {
            first = min(first ?? number, number)
        }
        return first
    }

    /// A container begins to run the task.
    package func runStarted(_ job: UInt64, in instance: String) {
        guard var page = pages[job] else {
            return simulation.judge(
                "runs",
                false,
                "instance \(instance) runs task \(job), which nobody submitted"
            )
        }
        page.runCount += 1
        page.isRunning = true
        progress += 1
        simulation.note("book", "run started", "task \(job) in \(instance), run \(page.runCount)")
        if page.runCount > 1 + page.lossCount, mayHaveGivenUp?(job, instance) == true { page.lossCount += 1 }
        simulation.judge(
            "runs",
            page.runCount <= 1 + page.lossCount,
            "task \(job) runs for the \(page.runCount). time, and the world has lost \(page.lossCount) of its runs"
        )
        pages[job] = page
    }

    /// The run of a container ended.
    package func runEnded(_ job: UInt64, _ end: RunEnd) {
        progress += 1
        simulation.note("book", "run ended", "task \(job): \(end.rawValue)")
        pages[job]?.endedRuns.append(end)
        pages[job]?.isRunning = false
        if end == .result { pages[job]?.resultAt = .now }
        // An instance that was deleted before its end has given no answer; who deletes it must have a reason, which other
        // judges look at. The task may run again.
        if end == .deleted { pages[job]?.lossCount += 1 }
    }

    /// The daemon was told to stop, which deletes what it has not answered: all runs so far may have been in vain.
    package func daemonStops() {
        for number in pages.keys where pages[number]?.replies.isEmpty == true {
            guard let page = pages[number] else { continue }
            pages[number]?.lossCount = max(page.lossCount, page.endedRuns.count)
        }
    }

    /// A process of the daemon has ended; the next one has not begun to wait for any task.
    package func daemonDied() { for number in pages.keys { pages[number]?.isRunning = false } }

    /// A worker gave the task back so that it is placed elsewhere, which it must not do with one that runs (scaler-wire, 5.4).
    package func givenBack(_ job: UInt64) {
        simulation.judge(
            "cancels",
            pages[job]?.isRunning != true,
            "task \(job) runs, and its worker gave it back to be placed elsewhere"
        )
    }

    /// The world lost a run, such as a result that went down with its storage; the task may run again.
    package func runLost(_ job: UInt64) { pages[job]?.lossCount += 1 }

    /// Something befalls the task for which it may fail although no run of it has failed: its container hangs, its instance
    /// takes longer to start than it may.
    ///
    /// A late result is such a thing: a container that has ended, and whose result shows only afterwards. The daemon may take
    /// that for a container without a result and fail the task, or see the result in time; both replies are right, and the
    /// result itself must be gone at rest. The run ends when the result is stored, or as deleted if its instance is gone before.
    package func mayFail(_ job: UInt64) { pages[job]?.mayFail = true }

    /// The scheduler, which still knows the task, was told what became of it.
    package func replied(_ job: UInt64, _ reply: Reply, expected: SimulatedJob) {
        guard var page = pages[job] else {
            return simulation.judge("replies", false, "a reply for task \(job), which nobody submitted")
        }
        simulation.note("book", "replied", "task \(job): \(reply.word)")
        simulation.judge("replies", page.replies.isEmpty, "task \(job) got a second reply: \(reply.word)")
        switch reply {
        case .success(let bytes):
            simulation.judge("replies", bytes == expected.result, "task \(job) got a wrong result")
            simulation.judge(
                "replies",
                page.endedRuns.contains(.result),
                "task \(job) succeeded, and no container has stored its result"
            )
        case .failure:
            simulation.judge(
                "replies",
                page.mayFail || page.endedRuns.contains(.raised) || page.endedRuns.contains(.failed),
                "task \(job) failed, and nothing was wrong with it"
            )
            let shown = page.endedRuns.contains(.result) ? resultShown?(job) ?? .zero : .zero
            simulation.judge(
                "replies",
                shown < .seconds(1),
                "task \(job) failed \(shown) after its result was listed"
            )
        case .cancelled:
            simulation.judge("replies", page.isUnwanted, "task \(job) was cancelled, and nobody wanted that")
        }
        page.replies.append(reply)
        answeredCount += 1
        lastReply = .now
        if let stored = page.resultAt {
            longestAnswerTime = max(longestAnswerTime, Deadline.now.duration(since: stored))
        }
        if !page.isUnwanted { close() }
        pages[job] = page
    }

    /// Whether somebody waits for a task that has no reason to fail.
    package func isWantedAndSound(_ job: UInt64) -> Bool {
        guard let page = pages[job] else { return false }
        return !page.isUnwanted && page.replies.isEmpty && !page.mayFail
    }

    private func close() {
        openCount -= 1
        progress += 1
        ended?()
    }
}

extension Deadline {
    fileprivate func isLonger(ago duration: Duration) -> Bool {
        Deadline.now.duration(since: self) > duration
    }
}

extension Reply {
    fileprivate var word: String {
        switch self {
        case .success: "success"
        case .failure: "failure"
        case .cancelled: "cancelled"
        }
    }
}

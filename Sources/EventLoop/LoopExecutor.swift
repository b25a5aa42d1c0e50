// SPDX-License-Identifier: Apache-2.0
//
// Swift concurrency on a libev loop.
//
// Rule: a Swift job runs wherever its executor says. Left alone, the resumption of a continuation goes
// through the global thread pool, even for code isolated to an actor with its own executor: four threads and
// one cross-thread wake-up for each suspension, where one thread and none are wanted.
// Consequence: one object is both the actor's SerialExecutor and the TaskExecutor preferred by every task
// (see `spawn`). `enqueue` on the loop's own thread is then an append to a plain array.
// Rejected: running jobs from an ev_idle or ev_prepare watcher, which makes the order of jobs and of I/O
// depend on libev's watcher priorities. Here a turn is: the jobs present at its start, then one poll.

internal import CLibev
internal import Glibc
package import Synchronization

/// Runs every Swift job of the process on the one thread that runs the libev loop.
package final class LoopExecutor: SerialExecutor, TaskExecutor {
    package static let shared = LoopExecutor()

    /// The libev loop; touched by the loop's thread alone, but for `ev_async_send`.
    nonisolated(unsafe) let loop: OpaquePointer
    /// `pthread_self` of the thread that runs the loop, 0 before it runs.
    private let loopThread = Atomic<UInt>(0)
    /// Jobs enqueued by the loop's thread, in order.
    private nonisolated(unsafe) var ready: [ReadyJob] = []
    /// Jobs enqueued by any other thread.
    private let foreign = Mutex<[UnownedJob]>([])
    /// Wakes a loop that sleeps in its poll.
    private nonisolated(unsafe) let wakeup: UnsafeMutablePointer<ev_async>
    /// Wakes a loop that sleeps in its poll when the next timer is due.
    private nonisolated(unsafe) let alarm: UnsafeMutablePointer<ev_timer>
    /// Written by the loop's thread alone.
    private nonisolated(unsafe) var isStopping = false
    /// Set before the loop of a simulation runs.
    nonisolated(unsafe) var virtualTime: VirtualTime?
    /// The simulated process whose job runs.
    nonisolated(unsafe) var process: SimulatedProcess?

    /// Turns of the loop, that is, polls of the kernel.
    package let turnCount = Atomic<Int>(0)
    /// The longest time from the end of one poll to the beginning of the next, in nanoseconds, without what the loop's thread
    /// waited for a processor: so long nothing else was done.
    package let longestTurnNanoseconds = Atomic<UInt64>(0)
    /// The same of late: of this minute, and of the one before.
    fileprivate nonisolated(unsafe) var recentTurns = RecentTurns()
    /// When the last poll ended, or the loop began.
    private nonisolated(unsafe) var pollEnded = ThreadMoment(nanoseconds: 0, waitedNanoseconds: 0)
    /// Of the thread that runs the loop; nil in a simulation.
    private nonisolated(unsafe) var runQueueWait: RunQueueWait?

    /// Swift jobs run.
    package let jobCount = Atomic<Int>(0)
    /// Jobs that came from another thread; 0 is expected once the loop runs.
    package let foreignEnqueueCount = Atomic<Int>(0)

    private init() {
        // Not the default loop: that one reaps every child of the process at SIGCHLD.
        guard let loop = ev_loop_new(UInt32(EVFLAG_AUTO)) else {
            fatalError("libev found no usable kernel interface (epoll, poll or select)")
        }
        self.loop = loop
        wakeup = .allocate(capacity: 1)
        wakeup.initialize(to: ev_async())
        clibev_async_init(wakeup) { _, _, _ in }
        ev_async_start(loop, wakeup)
        alarm = .allocate(capacity: 1)
        alarm.initialize(to: ev_timer())
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrentThread { return enqueue(job, of: process) }
        foreignEnqueueCount.add(1, ordering: .relaxed)
        foreign.withLock { $0.append(job) }
        ev_async_send(loop, wakeup)
    }

    /// Takes a job of a simulated process, or of nobody; on the loop's thread.
    func enqueue(_ job: UnownedJob, of process: SimulatedProcess?) {
        ready.append(ReadyJob(job: job, process: process))
    }

    package func checkIsolated() {
        precondition(isCurrentThread, "code isolated to LoopActor ran outside the loop's thread")
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrentThread }

    var isCurrentThread: Bool { loopThread.load(ordering: .relaxed) == UInt(pthread_self()) }

    var isRunning: Bool { loopThread.load(ordering: .relaxed) != 0 }

    /// Runs the loop on the calling thread until `stop`.
    package func run() {
        let claimed = loopThread.compareExchange(
            expected: 0,
            desired: UInt(pthread_self()),
            ordering: .sequentiallyConsistent
        )
        precondition(claimed.exchanged, "the loop runs already, on another thread")
        // A peer that closed its end shows as EPIPE at the next write; a signal would end the process.
        signal(SIGPIPE, SIG_IGN)
        // Ignored by whoever started us, the kernel would let nobody read how a child ended (wait(2)).
        signal(SIGCHLD, SIG_DFL)
        isStopping = false
        runQueueWait = virtualTime == nil ? RunQueueWait() : nil
        pollEnded = moment
        while !isStopping { runOneTurn() }
        runQueueWait = nil
        loopThread.store(0, ordering: .sequentiallyConsistent)
    }

    func stop() {
        checkIsolated()
        isStopping = true
    }

    /// Drains the jobs present now, no more: a job that enqueues another must not keep I/O waiting.
    private func runOneTurn() {
        turnCount.add(1, ordering: .relaxed)
        takeForeignJobs()
        var batch: [ReadyJob] = []
        swap(&batch, &ready)
        for entry in batch { run(entry) }
        jobCount.add(batch.count, ordering: .relaxed)
        if isStopping { return }
        if ready.isEmpty {
            batch.removeAll(keepingCapacity: true)
            swap(&batch, &ready)
        }
        waitForEvents()
        LoopActor.assumeIsolated { LoopTimers.ringDue() }
    }

    private var moment: ThreadMoment {
        ThreadMoment(
            nanoseconds: LoopClock.monotonicNanoseconds,
            waitedNanoseconds: runQueueWait?.nanoseconds ?? 0
        )
    }

    private func run(_ entry: ReadyJob) {
        let serial = asUnownedSerialExecutor()
        virtualTime?.spend()
        guard let process = entry.process else {
            entry.job.runSynchronously(isolatedTo: serial, taskExecutor: asUnownedTaskExecutor())
            return
        }
        if process.isDead || process.holds(entry.job) { return }
        self.process = process
        entry.job.runSynchronously(isolatedTo: serial, taskExecutor: process.asUnownedTaskExecutor())
        self.process = nil
    }

    /// Polls the kernel; sleeps until the next timer is due at most, and not at all while jobs are ready.
    private func waitForEvents() {
        if let virtualTime { return LoopActor.assumeIsolated { if ready.isEmpty { virtualTime.advance() } } }
        if ready.isEmpty, let next = LoopActor.assumeIsolated({ LoopTimers.nextDeadline }) {
            // libev counts from the time of its last poll, which lies in the past by the length of the present turn.
            ev_now_update(loop)
            let (seconds, attoseconds) = next.remaining.components
            clibev_timer_init(alarm, { _, _, _ in }, Double(seconds) + Double(attoseconds) * 1e-18)
            ev_timer_start(loop, alarm)
        }
        let moment = moment
        let turn = pollEnded.busyNanoseconds(until: moment)
        longestTurnNanoseconds.max(turn, ordering: .relaxed)
        recentTurns.add(turn, at: moment.nanoseconds)
        ev_run(loop, Int32(ready.isEmpty ? EVRUN_ONCE : EVRUN_NOWAIT))
        pollEnded = moment
        ev_timer_stop(loop, alarm)
    }

    /// Jobs that arrive after this look are announced by `wakeup`, which ends the poll.
    private func takeForeignJobs() {
        foreign.withLock { jobs in
            guard !jobs.isEmpty else { return }
            for job in jobs { ready.append(ReadyJob(job: job, process: nil)) }
            jobs.removeAll(keepingCapacity: true)
        }
    }
}

/// The process's one event loop.
package enum EventLoop {
    /// Runs `main` and everything it spawns on the calling thread; returns when `main` does.
    package static func run<Value: Sendable>(
        _ main: @escaping @LoopActor @Sendable () async -> Value
    ) -> Value {
        // Both closure and caller are on this thread.
        nonisolated(unsafe) var result: Value?
        spawn {
            result = await main()
            LoopExecutor.shared.stop()
        }
        LoopExecutor.shared.run()
        guard let result else { preconditionFailure("the loop ended before its main function") }
        return result
    }

    /// The longest time for which nothing was read, written or rung: while a piece of work had the thread to itself.
    ///
    /// For how long other programs had the processor meanwhile is not counted.
    package static var longestTurn: Duration {
        .nanoseconds(Int64(LoopExecutor.shared.longestTurnNanoseconds.load(ordering: .relaxed)))
    }

    /// The longest such time of the last minute or two, the present turn left out.
    @LoopActor package static var recentLongestTurn: Duration {
        let executor = LoopExecutor.shared
        return .nanoseconds(Int64(executor.recentTurns.longest(at: LoopClock.monotonicNanoseconds)))
    }

    /// How many deadlines and sleeps are under way at present; a count that only grows is a leak.
    @LoopActor package static var armedTimerCount: Int { LoopTimers.heap.count }
}

/// A job whose turn comes.
private struct ReadyJob {
    let job: UnownedJob
    /// Kept alive by the simulation for as long as it runs, so that an ordinary job costs no reference counting.
    unowned(unsafe) let process: SimulatedProcess?
}

/// The global actor whose jobs all run on the loop's thread.
@globalActor
package actor LoopActor {
    package static let shared = LoopActor()

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        LoopExecutor.shared.asUnownedSerialExecutor()
    }

    /// Runs `body` at once on behalf of a callback from C, which is on the loop's thread already.
    ///
    /// Traps on any other thread.
    package static func assumeIsolated<Value: Sendable>(_ body: @LoopActor () -> Value) -> Value {
        LoopExecutor.shared.checkIsolated()
        // The type system cannot express "this thread is the actor's"; the check above is the proof.
        return withoutActuallyEscaping(body) { body in
            unsafeBitCast(body, to: (() -> Value).self)()
        }
    }
}

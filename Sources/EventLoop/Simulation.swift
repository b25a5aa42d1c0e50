// SPDX-License-Identifier: Apache-2.0
//
// What a deterministic simulation replaces: the passing of time, the death of a process, chance.
//
// Rule: in a process that runs alone on one thread, what happens depends on the order of jobs, on the clock and on random
// numbers, and on nothing else above the sockets.
// Consequence: with these three in its hands a simulation runs the code of the product, job for job, and repeats a run.
// Nothing here is in use outside of a simulation; the loop is then the plain loop with its own clock.

/// Time that stands still while anything is ready to run and then jumps to the next timer.
package final class VirtualTime: Sendable {
    /// More jobs than this while no timer rings are an endless exchange of jobs.
    private static let jobCountMax = 1_000_000

    /// Nanoseconds of the monotonic clock.
    package private(set) nonisolated(unsafe) var nanoseconds: UInt64 = 1_000_000_000
    /// Nanoseconds that the wall clock is ahead of the monotonic one; a step of the host's clock is a change of it.
    package nonisolated(unsafe) var wallOffset: Int64
    /// How long a job takes, in nanoseconds: no two jobs share a moment.
    package nonisolated(unsafe) var nanosecondsPerJob: UInt64 = 1_000
    /// Jobs since a timer rang.
    private nonisolated(unsafe) var jobCount = 0
    /// Called when nothing is ready and no timer is armed, and when `jobCountMax` is exceeded.
    private let stuck: @Sendable (String) -> Never

    /// Time that begins at a number of seconds since 1970; `stuck` is told why time cannot go on.
    package init(epochSeconds: Int64, stuck: @escaping @Sendable (String) -> Never) {
        wallOffset = epochSeconds * 1_000_000_000
        self.stuck = stuck
    }

    /// Makes this the loop's time; before the loop runs, and once in a process.
    package func install() {
        LoopClock.replace(
            monotonic: { self.nanoseconds },
            wall: { self.wallOffset + Int64(self.nanoseconds) }
        )
        LoopExecutor.shared.virtualTime = self
    }

    /// Takes note of a job that was run.
    func spend() {
        nanoseconds += nanosecondsPerJob
        jobCount += 1
        if jobCount > Self.jobCountMax { stuck("jobs go on and on while no time passes") }
    }

    /// Lets time pass while a job waits for the host, such as for a slow disk.
    package func pass(nanoseconds count: UInt64) { nanoseconds += count }

    /// Jumps to the next timer.
    @LoopActor func advance() {
        jobCount = 0
        guard let next = LoopTimers.nextDeadline else { stuck("nothing is ready and no timer is armed") }
        nanoseconds = max(nanoseconds, next.nanoseconds)
    }
}

/// A part of the simulated program that can die like a process: between two jobs, with nothing run afterwards.
///
/// Every task that its code starts belongs to it. After `kill` no job of it runs, no timer of it rings, and nothing is
/// deinitialised: what it held stays in memory for good.
package final class SimulatedProcess: TaskExecutor {
    /// The process whose job or timer runs now; nil for the simulated world, and outside of a simulation.
    @LoopActor package static var current: SimulatedProcess? { LoopExecutor.shared.process }

    /// Draws its random numbers.
    nonisolated(unsafe) var random: any RandomNumberGenerator
    /// Whether it was killed.
    package private(set) nonisolated(unsafe) var isDead = false
    /// Whether it stands still, as after SIGSTOP.
    package private(set) nonisolated(unsafe) var isFrozen = false
    /// Its jobs and timers whose turn came while it stands still.
    private nonisolated(unsafe) var heldJobs: [UnownedJob] = []
    @LoopActor var heldTimers: [LoopTimer] = []
    /// How many of its deadlines and sleeps are under way.
    package internal(set) nonisolated(unsafe) var armedTimerCount = 0

    /// A living process without tasks, which draws its random numbers from `random`.
    package init(random: any RandomNumberGenerator) { self.random = random }

    package func enqueue(_ job: consuming ExecutorJob) {
        // A job from another thread would come at another moment in each run.
        LoopExecutor.shared.checkIsolated()
        if !isDead { LoopExecutor.shared.enqueue(UnownedJob(job), of: self) }
    }

    /// Runs `body`, and all that it spawns, as code of this process.
    @LoopActor package func run(_ body: @LoopActor () -> Void) { Self.run(as: self, body) }

    /// Ends it at once, as SIGKILL does.
    @LoopActor package func kill() { isDead = true }

    /// Lets nothing of it run until `thaw`, as SIGSTOP does.
    @LoopActor package func freeze() { isFrozen = true }

    /// Lets it go on with what is due, as SIGCONT does.
    @LoopActor package func thaw() {
        isFrozen = false
        for job in heldJobs where !isDead { LoopExecutor.shared.enqueue(job, of: self) }
        for timer in heldTimers { timer.rearm() }
        (heldJobs, heldTimers) = ([], [])
    }

    /// Keeps a job whose turn it is until the process goes on; false while it does not stand still.
    func holds(_ job: UnownedJob) -> Bool {
        if isFrozen { heldJobs.append(job) }
        return isFrozen
    }

    /// Runs `body` as code of `process`, or of the simulated world where that is nil; nothing runs as a dead process.
    @LoopActor package static func run(as process: SimulatedProcess?, _ body: @LoopActor () -> Void) {
        if process?.isDead == true { return }
        let outer = LoopExecutor.shared.process
        LoopExecutor.shared.process = process
        body()
        LoopExecutor.shared.process = outer
    }
}

/// Random numbers for whatever is not to be the same twice; from the system, or from a simulation's seed.
package struct LoopRandom: RandomNumberGenerator, Sendable {
    /// A generator; all of them draw from the one source.
    package init() {}

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        let loop = LoopExecutor.shared
        if let process = loop.process { return process.random.next() }
        precondition(loop.virtualTime == nil, "the simulated world draws from its own generators")
        var system = SystemRandomNumberGenerator()
        return system.next()
    }

    /// A number from a range, drawn evenly.
    package static func number(in range: Range<Double>) -> Double {
        var generator = LoopRandom()
        return .random(in: range, using: &generator)
    }

    /// Bytes that nobody can foretell, 0 or more.
    package static func bytes(count: Int) -> [UInt8] {
        var generator = LoopRandom()
        return (0..<count).map { _ in .random(in: 0...255, using: &generator) }
    }
}

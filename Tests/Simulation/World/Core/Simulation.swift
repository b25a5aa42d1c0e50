// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import TestSupport

/// One run of the simulated world: its time, its chance, its record; every party holds it.
@LoopActor
package final class Simulation {
    /// What decides every fault and every random number of the run.
    package let seed: UInt64
    /// The loop's time.
    package let time: VirtualTime
    /// What goes wrong, and when.
    package let faults: Faults
    /// What happened so far.
    package let record = Record()
    /// Until when the daemon cannot be expected to be heard by the scheduler in time.
    package private(set) var excusedUntil = Deadline.now
    /// Until when requests may be piled up on their way to the services.
    package private(set) var requestsHeldUntil = Deadline.now
    /// Until when the services accept no signature.
    package private(set) var accessDeniedUntil = Deadline.now
    /// Called with the first thing that a judge finds wrong; must end the run.
    private let failed: @LoopActor (Violation) -> Never
    private let start = Deadline.now
    private let startEpochNanoseconds = LoopClock.epochNanoseconds

    /// A run that begins now; `failed` is told what a judge found wrong.
    package init(
        seed: UInt64,
        time: VirtualTime,
        faults: Faults,
        failed: @escaping @LoopActor (Violation) -> Never
    ) {
        self.seed = seed
        self.time = time
        self.faults = faults
        self.failed = failed
        faults.simulation = self
    }

    /// Time since the run began.
    package var elapsed: Duration { Deadline.now.duration(since: start) }

    /// The time of day of everybody but the daemon's host, whose clock may be set: milliseconds since 1970.
    package var serviceMilliseconds: Int64 {
        let (seconds, attoseconds) = elapsed.components
        return startEpochNanoseconds / 1_000_000 + seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }

    /// Takes note that for `duration` the daemon cannot keep its times towards the scheduler.
    package func excuse(for duration: Duration) { excusedUntil = max(excusedUntil, .after(duration)) }

    /// Ends the excuse for times towards the scheduler after `duration`.
    package func endExcuse(after duration: Duration) { excusedUntil = .after(duration) }

    /// Takes note that for `duration` the services accept no signature.
    package func denyAccess(for duration: Duration) { accessDeniedUntil = .after(duration) }

    /// Takes note that for `duration` requests to the services may be held up.
    package func holdRequests(for duration: Duration) {
        requestsHeldUntil = max(requestsHeldUntil, .after(duration))
    }

    /// Calls `action` as a part of the world after `delay`; the timer can be stopped.
    @discardableResult
    package func after(_ delay: Duration, _ action: @escaping @LoopActor () -> Void) -> LoopTimer {
        var timer: LoopTimer?
        // Code of the world may be called by a simulated process, with which its timers must not die.
        SimulatedProcess.run(as: nil) { timer = LoopTimer(.after(delay), action) }
        guard let timer else { preconditionFailure("the world cannot be killed") }
        return timer
    }

    /// A generator of random numbers for one purpose: the numbers of another never depend on how many it draws.
    package func generator(_ purpose: String) -> SeededRandom {
        SeededRandom(seed: stableHash(purpose.utf8, from: seed))
    }

    /// Adds an event to the record; `detail` is made only where somebody reads it.
    package func note(_ party: StaticString, _ kind: StaticString, _ detail: @autoclosure () -> String = "") {
        record.add(at: elapsed, party, kind, detail)
    }

    /// Ends the run unless `condition` holds; `text` says what is wrong.
    package func judge(_ judge: StaticString, _ condition: Bool, _ text: @autoclosure () -> String) {
        if condition { return }
        failed(Violation(judge: "\(judge)", text: text(), at: elapsed))
    }
}

/// What a judge found wrong.
package struct Violation: Sendable, CustomStringConvertible {
    /// The name of the judge.
    package let judge: String
    /// What is wrong, as a sentence.
    package let text: String
    /// Time since the run began.
    package let at: Duration

    package var description: String { "\(judge): \(text)" }
}

/// FNV-1a over bytes, with a good mix at the end; the same in every process.
func stableHash(_ bytes: some Sequence<UInt8>, from seed: UInt64) -> UInt64 {
    var hash = seed ^ 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return mix(hash)
}

/// The finalizer of SplitMix64: each bit of the result depends on each bit of `value`.
func mix(_ value: UInt64) -> UInt64 {
    var generator = SeededRandom(seed: value)
    return generator.next()
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing

/// Time and chance belong to the whole process, so each of these runs in a process of its own.
@Suite struct SimulationTests {
    @Test func `virtual time jumps from timer to timer, a day in no time`() async {
        await #expect(processExitsWith: .success) {
            let time = VirtualTime(epochSeconds: 1_000) { preconditionFailure("stuck: \($0)") }
            time.install()
            EventLoop.run {
                let start = Deadline.now
                try? await sleep(for: .seconds(86_400))
                let slept = Deadline.now.duration(since: start)
                // A few jobs were run, each of a microsecond.
                precondition(slept >= .seconds(86_400) && slept < .seconds(86_400) + .milliseconds(1))
                precondition(LoopClock.epochSeconds == 1_000 + 86_401)
                time.wallOffset -= 3_600_000_000_000
                precondition(LoopClock.epochSeconds == 1_000 + 86_401 - 3_600)
            }
        }
    }

    @Test func `timers ring in the order of their deadlines, equal ones in the order of arming`() async {
        await #expect(processExitsWith: .success) {
            VirtualTime(epochSeconds: 0) { preconditionFailure("stuck: \($0)") }.install()
            EventLoop.run {
                let mailbox = Mailbox<Int>()
                let moment = Deadline.after(.seconds(5))
                for (number, deadline) in [moment, moment, moment + .seconds(1), moment].enumerated() {
                    _ = LoopTimer(deadline) { mailbox.send(number) }
                }
                LoopTimer(moment) { mailbox.send(-1) }.stop()
                try? await sleep(until: moment + .seconds(2))
                var order: [Int] = []
                while let number = mailbox.poll() { order.append(number) }
                precondition(order == [0, 1, 3, 2], "\(order)")
                precondition(EventLoop.armedTimerCount == 0)
            }
        }
    }

    @Test func `a loop that waits for nothing is told, not hung`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            VirtualTime(epochSeconds: 0) { _ in exit(7) }.install()
            EventLoop.run { _ = try? await Latch().wait() }
        }
    }

    @Test func `jobs that go on while no time passes are told`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            VirtualTime(epochSeconds: 0) { _ in exit(7) }.install()
            EventLoop.run { while true { await yieldToOthers() } }
        }
    }

    @Test func `a killed process does nothing any more, whoever wakes it`() async {
        await #expect(processExitsWith: .success) {
            VirtualTime(epochSeconds: 0) { preconditionFailure("stuck: \($0)") }.install()
            EventLoop.run {
                let events = Mailbox<String>()
                let latch = Latch()
                let processes = [1, 2].map { SimulatedProcess(random: SeededRandom(seed: $0)) }
                for (process, name) in zip(processes, ["first", "second"]) {
                    process.run {
                        spawn {
                            defer { events.send("\(name) ended") }
                            let sleeper = spawn {
                                try? await sleep(for: .seconds(1))
                                events.send("\(name) slept")
                            }
                            try? await latch.wait()
                            events.send("\(name) passed")
                            await sleeper.value
                        }
                    }
                }
                await yieldToOthers()
                precondition(processes.map(\.armedTimerCount) == [1, 1])
                processes[0].kill()
                latch.open()
                try? await sleep(for: .seconds(2))
                var seen: [String] = []
                while let event = events.poll() { seen.append(event) }
                precondition(seen == ["second passed", "second slept", "second ended"], "\(seen)")
                precondition(processes[1].armedTimerCount == 0)
            }
        }
    }

    @Test func `outside of a simulation random bytes are never the same`() {
        #expect(LoopRandom.bytes(count: 16) != LoopRandom.bytes(count: 16))
        #expect(LoopRandom.bytes(count: 0).isEmpty)
    }

    @Test func `a process draws its random numbers from its own seed`() async {
        await #expect(processExitsWith: .success) {
            VirtualTime(epochSeconds: 0) { preconditionFailure("stuck: \($0)") }.install()
            EventLoop.run {
                var drawn: [[UInt8]] = []
                for seed in [1, 2, 1] as [UInt64] {
                    SimulatedProcess(random: SeededRandom(seed: seed)).run {
                        drawn.append(LoopRandom.bytes(count: 16))
                    }
                }
                precondition(drawn[0] == drawn[2] && drawn[0] != drawn[1])
            }
        }
    }
}

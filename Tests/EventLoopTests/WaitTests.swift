// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing

@Suite struct WaitTests {
    @Test func `cancelling a sleeper wakes it at once`() async throws {
        try await onLoop {
            let sleeper = spawn { () async -> WaitError? in
                do throws(WaitError) {
                    try await sleep(for: .seconds(3600))
                    return nil
                } catch {
                    return error
                }
            }
            await yieldToOthers()
            sleeper.cancel()
            #expect(await sleeper.value == .cancelled)
        }
    }

    @Test func `cancelling from another thread wakes the sleeper too`() async throws {
        let sleeper = try await onLoop {
            spawn { () async -> WaitError? in
                do throws(WaitError) {
                    try await sleep(for: .seconds(3600))
                    return nil
                } catch {
                    return error
                }
            }
        }
        sleeper.cancel()
        #expect(await sleeper.value == .cancelled)
    }

    @Test func `a wait that is cancelled before it begins throws`() async throws {
        let error = try await onLoop { () async -> WaitError? in
            let started = Latch()
            let waiting = spawn { () async -> WaitError? in
                started.open()
                while !isCancelled { await yieldToOthers() }
                do throws(WaitError) {
                    try await sleep(for: .seconds(3600))
                    return nil
                } catch {
                    return error
                }
            }
            try? await started.wait()
            waiting.cancel()
            return await waiting.value
        }
        #expect(error == .cancelled)
    }

    @Test func `a descriptor that never becomes readable ends the wait at its deadline`() async throws {
        try await onLoop {
            let pair = try SocketPair()
            let readiness = Readiness(pair.first)
            await #expect(throws: WaitError.deadlinePassed) {
                try await readiness.wait(for: .read, until: .after(.milliseconds(1)))
            }
            pair.sendByte()
            try await readiness.wait(for: .read, until: .after(.seconds(5)))
        }
    }

    @Test func `closing a readiness ends its waits`() async throws {
        try await onLoop {
            let pair = try SocketPair()
            let readiness = Readiness(pair.first)
            spawn { readiness.close() }
            await #expect(throws: WaitError.closed) {
                try await readiness.wait(for: .read, until: .never)
            }
            await #expect(throws: WaitError.closed) {
                try await readiness.wait(for: .write, until: .never)
            }
        }
    }

    @Test func `a latch lets everyone pass, also those who come later`() async throws {
        try await onLoop {
            let latch = Latch()
            let waiting = (0..<3).map { _ in spawn { (try? await latch.wait()) != nil } }
            await yieldToOthers()
            latch.open()
            for one in waiting { #expect(await one.value) }
            try await latch.wait(until: .now)
        }
    }

    @Test func `a bell rung before anyone listens is heard once`() async throws {
        try await onLoop {
            let bell = Wakeup()
            bell.ring()
            bell.ring()
            try await bell.wait(until: .after(.seconds(5)))
            await #expect(throws: WaitError.deadlinePassed) { try await bell.wait(until: .now) }
        }
    }

    @Test func `a mailbox keeps order over many elements and ends after close`() async throws {
        try await onLoop {
            let mailbox = Mailbox<Int>()
            spawn {
                for number in 0..<5_000 {
                    mailbox.send(number)
                    if number % 7 == 0 { await yieldToOthers() }
                }
                mailbox.close()
            }
            for number in 0..<5_000 {
                let received = try await mailbox.receive()
                #expect(received == number)
            }
            await #expect(throws: WaitError.closed) { _ = try await mailbox.receive() }
        }
    }

    @Test func `a caught signal arrives as a value`() async throws {
        try await onLoop {
            let signals = Signals([SIGUSR1])
            kill(getpid(), SIGUSR1)
            let caught = try await signals.next()
            #expect(caught == SIGUSR1)
        }
    }

    @Test(arguments: [
        (Duration.zero, true), (.seconds(-5), true), (.seconds(60), false), (.seconds(Int64.max), false),
    ])
    func `a deadline is past exactly when its duration is not positive`(_ duration: Duration, _ isPast: Bool)
    {
        #expect(Deadline.after(duration).isPast == isPast)
    }
}

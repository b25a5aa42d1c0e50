// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

@testable import EventLoop

@Suite struct StopRequestsTests {
    private func moment(_ seconds: Double) -> Deadline { Deadline(nanoseconds: 1_000) + .seconds(seconds) }

    @Test func `a wish that comes again within two seconds is the same wish`() {
        var requests = StopRequests()
        let meanings = [0, 0, 0.001, 1.999, 2, 2.1].map { requests.received(at: moment($0)) }
        #expect(meanings == [.first, .copy, .copy, .copy, .second, .second])
    }

    @Test func `whoever asks again and again is heard after two seconds`() {
        var requests = StopRequests()
        let meanings = stride(from: 0.0, to: 3, by: 0.5).map { requests.received(at: moment($0)) }
        #expect(meanings == [.first, .copy, .copy, .copy, .second, .second])
    }

    @Test func `a signal that was ignored before stays ignored, and others are caught`() async throws {
        try await onLoop {
            signal(SIGUSR2, SIG_IGN)
            defer { signal(SIGUSR2, SIG_DFL) }
            let signals = Signals([SIGUSR2, SIGWINCH])
            kill(getpid(), SIGUSR2)
            kill(getpid(), SIGWINCH)
            let caught = try await signals.next()
            #expect(caught == SIGWINCH)
        }
    }

    @Test func `nothing happens at a signal that is to be ignored`() {
        Signals.ignore([SIGVTALRM])
        defer { signal(SIGVTALRM, SIG_DFL) }
        kill(getpid(), SIGVTALRM)
    }
}

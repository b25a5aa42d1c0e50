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

    @Test func `a wish that comes while a report is written begins the stop, and the report does not end it`()
    {
        var requests = StopRequests()
        var meanings = [0, 0.001].map { requests.received(at: moment($0), wantsReport: true) }
        meanings.append(requests.received(at: moment(3)))
        meanings.append(requests.reportEnded(at: moment(6)))
        meanings.append(requests.received(at: moment(6)))
        #expect(meanings == [.report, .copy, .first, .copy, .second])
    }

    @Test func `a stop begins when its report is written, or when it is asked for again`() {
        var requests = StopRequests()
        var meanings = [requests.received(at: moment(0), wantsReport: true)]
        meanings.append(requests.reportEnded(at: moment(5)))
        meanings.append(requests.received(at: moment(6), wantsReport: true))
        meanings.append(requests.received(at: moment(7), wantsReport: true))
        #expect(meanings == [.report, .first, .copy, .second])
        requests = StopRequests()
        meanings = [0, 2].map { requests.received(at: moment($0), wantsReport: true) }
        #expect(meanings == [.report, .first])
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

    @Test func `a signal that was blocked before is caught all the same`() async throws {
        try await onLoop {
            var blocked = sigset_t()
            sigemptyset(&blocked)
            sigaddset(&blocked, SIGURG)
            pthread_sigmask(SIG_BLOCK, &blocked, nil)
            let signals = Signals([SIGURG])
            // To this thread: another one would take what is sent to the process.
            pthread_kill(pthread_self(), SIGURG)
            var pending = sigset_t()
            sigpending(&pending)
            try #require(sigismember(&pending, SIGURG) == 0)
            #expect(try await signals.next() == SIGURG)
        }
    }

    @Test func `nothing happens at a signal that is to be ignored`() {
        Signals.ignore([SIGVTALRM])
        defer { signal(SIGVTALRM, SIG_DFL) }
        kill(getpid(), SIGVTALRM)
    }
}

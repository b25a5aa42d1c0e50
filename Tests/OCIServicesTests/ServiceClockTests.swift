// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import OCIServices

@Suite struct ServiceClockTests {
    @Test func `accepted answers tell the time, each one anew, but for small differences`() {
        var clock = ServiceClock()
        let answers: [(serverTime: Int?, hostTime: Int, offset: Int)] = [
            (1029, 1000, 0), (1600, 1000, 600), (1710, 1100, 600), (nil, 1100, 600), (1200, 1200, 0),
            (500, 1200, -700),
        ]
        for (serverTime, hostTime, offset) in answers {
            clock.accepted(serverTime: serverTime, hostTime: hostTime)
            #expect(clock.offsetSeconds == offset)
        }
    }

    @Test func `the time in a refusal is tried once, and kept only if it is accepted`() {
        var clock = ServiceClock()
        var isWorthATry = clock.refused(serverTime: 5000, hostTime: 1000)
        #expect(isWorthATry)
        #expect(clock.offsetSeconds == 4000)
        #expect(clock.confirmedSeconds == 0)
        clock.accepted(serverTime: nil, hostTime: 1001)
        #expect(clock.confirmedSeconds == 4000)

        isWorthATry = clock.refused(serverTime: 9000, hostTime: 1000)
        #expect(isWorthATry)
        #expect(clock.offsetSeconds == 8000)
        isWorthATry = clock.refused(serverTime: 9000, hostTime: 1000)
        #expect(isWorthATry, "with the time that is known")
        #expect(clock.offsetSeconds == 4000)
    }

    @Test(arguments: [nil, 1010, 90_000, -90_000, .min, .max])
    func `a refusal without a time, with ours or with one more than a day off changes nothing`(
        serverTime: Int?
    ) {
        var clock = ServiceClock()
        let isWorthATry = clock.refused(serverTime: serverTime, hostTime: 1000)
        #expect(!isWorthATry)
        clock.accepted(serverTime: serverTime, hostTime: 1000)
        #expect(clock.offsetSeconds == 0)
    }

    /// A process has one clock, so this runs in a process of its own.
    @Test func `a signature bears the date of the loop's clock`() async {
        await #expect(processExitsWith: .success) {
            LoopClock.replace(wall: { 1_000_000_000_000_000_000 })
            try await onLoop {
                let service = try ScriptedService([answer(200, #"{"items":[]}"#)])
                _ = try await service.instances.list(deadline: soon)
                let date = service.requests[0].field("date")
                precondition(date == "Sun, 09 Sep 2001 01:46:40 GMT")
                precondition(service.requests[0].field("authorization")?.contains("date") == true)
                service.stop()
            }
        }
    }
}

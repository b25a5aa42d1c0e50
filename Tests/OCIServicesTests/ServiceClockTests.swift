// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import OCIServices

@Suite struct ServiceClockTests {
    @Test func `a small difference is no skew, a large one is kept, and may change again`() {
        var clock = ServiceClock()
        let answers = [
            (serverTime: 1029, hostTime: 1000, isChange: false, offset: 0),
            (1600, 1000, true, 600),
            (1710, 1100, false, 600),
            (1200, 1200, true, 0),
            (500, 1200, true, -700),
        ]
        for (serverTime, hostTime, isChange, offset) in answers {
            let isChanged = clock.correct(serverTime: serverTime, hostTime: hostTime)
            #expect(isChanged == isChange)
            #expect(clock.offsetSeconds == offset)
        }
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

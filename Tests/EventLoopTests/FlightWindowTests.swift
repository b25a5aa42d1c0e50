// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@Suite struct FlightWindowTests {
    @Test func `answers of a second do not mean as many a second as at the start`() {
        var window = FlightWindow(4, upTo: 64)
        for sent in [4, 8, 16, 32, 64, 64] {
            #expect(window.size == sent)
            for _ in 0..<sent { window.succeeded(after: .seconds(1), isFull: true) }
        }
    }

    /// A service that works on so many at a time, a second each; the rest of what is under way waits there.
    @Test(arguments: [10, 20, 40])
    func `not many more are under way than the service works on`(_ atOnce: Int) {
        var window = FlightWindow(8, upTo: 1000)
        for _ in 0..<60 {
            let time = max(1, Double(window.size) / Double(atOnce))
            for _ in 0..<window.size { window.succeeded(after: .seconds(time), isFull: true) }
        }
        #expect((atOnce...5 * atOnce).contains(window.size), "\(window.size)")
    }

    @Test func `what takes long by its nature is no sign of too many under way`() {
        var window = FlightWindow(8, upTo: 64)
        for _ in 0..<8 {
            window.succeeded(after: .milliseconds(30), of: "GET", isFull: false)
            window.succeeded(after: .milliseconds(400), of: "POST", isFull: true)
        }
        #expect(window.size == 16)
    }

    @Test func `a window that is not full does not grow`() {
        var window = FlightWindow(8, upTo: 64)
        for _ in 0..<100 { window.succeeded(after: .milliseconds(10), isFull: false) }
        #expect(window.size == 8)
    }

    @Test func `a failure takes a part away, never more than was there at the start`() {
        var window = FlightWindow(4, upTo: 64)
        for _ in 0..<36 { window.succeeded(after: .seconds(1), isFull: true) }
        #expect(window.size == 40)
        window.failed()
        #expect(window.size == 28)
        for _ in 0..<20 { window.failed() }
        #expect(window.size == 4)
    }

    @Test func `what was learned is forgotten when all has ended`() {
        var window = FlightWindow(4, upTo: 64)
        for _ in 0..<36 { window.succeeded(after: .milliseconds(1), isFull: true) }
        window.ended()
        #expect(window.size == 4)
        // An answer of a second is the shortest again.
        window.succeeded(after: .seconds(1), isFull: true)
        #expect(window.size == 5)
    }
}

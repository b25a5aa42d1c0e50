// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// What happened in a run: a hash of all events, and the text of those that somebody wants to read.
@LoopActor
package final class Record {
    /// How many events there were.
    package private(set) var eventCount = 0
    /// Changes with every event, its time and its order; the same in every process for the same seed.
    package private(set) var hash: UInt64 = 0
    /// Takes the lines from event `firstShown` on.
    package var show: (@LoopActor (String) -> Void)?
    /// The number of the first event that is shown.
    package var firstShown = 0
    /// Whether the daemon's messages are counted.
    package var countsMarks = false
    /// How often each message of the daemon's log was logged.
    package private(set) var marks: [String: Int] = [:]
    /// Called before the event of this number, for a debugger to stop at.
    package var stop: (number: Int, call: @LoopActor () -> Void)?

    func add(at time: Duration, _ party: StaticString, _ kind: StaticString, _ detail: () -> String) {
        if let stop, stop.number == eventCount { stop.call() }
        let (seconds, attoseconds) = time.components
        var mixed = hash ^ UInt64(bitPattern: seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
        for text in [party, kind] {
            text.withUTF8Buffer { for byte in $0 { mixed = (mixed ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 } }
        }
        hash = mix(mixed)
        if let show, isShown {
            show(
                "\(column("\(eventCount)", 8)) \(column(stamp(time), 14)) \(padded("\(party)", 10)) \(padded("\(kind)", 22)) \(detail())"
            )
        }
        eventCount += 1
    }

    func count(_ mark: String) { marks[mark, default: 0] += 1 }

    /// Whether the next event is shown.
    var isShown: Bool { show != nil && eventCount >= firstShown }

    /// Shows a line that is no event, such as one of the daemon's log.
    func remark(_ line: @autoclosure () -> String) {
        if isShown { show?("                        | \(line())") }
    }

    /// Seconds with six decimals.
    private func stamp(_ time: Duration) -> String {
        let (seconds, attoseconds) = time.components
        let micros = String(attoseconds / 1_000_000_000_000)
        return "\(seconds).\(String(repeating: "0", count: 6 - micros.count))\(micros)"
    }

    private func column(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.utf8.count)) + text
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf8.count))
    }
}

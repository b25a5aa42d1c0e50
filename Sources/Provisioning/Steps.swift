// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Numbers the steps of a long command and shows each with its outcome: `[ 7/12] bucket x: created`.
@LoopActor
final class Steps {
    private let console: Console
    private let count: Int
    private var number = 1
    private var current: String?

    init(_ console: Console, count: Int) {
        self.console = console
        self.count = count
    }

    /// Shows what is being done.
    func begin(_ title: String) {
        current = title
        console.begin(line(title))
    }

    /// Shows how a step went, and goes on to the next.
    func settle(_ title: String, _ outcome: String) {
        console.settle("\(line(title)): \(outcome)")
        current = nil
        number += 1
    }

    /// Shows that the step that was begun did not end well.
    func abandon() {
        if let current { console.settle("\(line(current)): failed") }
        current = nil
    }

    private func line(_ title: String) -> String {
        let digits = String(count).count
        let shown = String(repeating: " ", count: max(0, digits - String(number).count)) + String(number)
        return "[\(shown)/\(count)] \(title)"
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Testing

@testable import Daemon

@Suite struct SignalOrderTests {
    @Test(arguments: [
        (SIGTERM, SignalOrder.stop, SignalOrder.stop), (SIGINT, .stop, .stop),
        (SIGQUIT, .reportTasksAndStop, .reportTasksAndStop), (SIGUSR1, .reportTasks, .reportTasks),
        (SIGHUP, .reload, .stop),
    ])
    func `every signal that is caught orders something`(
        _ number: Int32,
        _ detached: SignalOrder,
        _ atTerminal: SignalOrder
    ) {
        #expect(SignalOrder.signals.contains(number))
        #expect(SignalOrder(number, hasTerminal: false) == detached)
        #expect(SignalOrder(number, hasTerminal: true) == atTerminal)
    }

    @Test func `what is ignored orders nothing`() {
        for number in Signals.withoutOrder { #expect(SignalOrder(number, hasTerminal: false) == nil) }
        #expect(Set(SignalOrder.signals).isDisjoint(with: Signals.withoutOrder))
    }
}

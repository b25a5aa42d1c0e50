// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import Transport

@testable import Messaging

@Suite struct MessagingErrorTests {
    /// The kernel tells a goodbye from an accident by the number alone.
    @Test(arguments: [
        (
            TransportError.systemCall(SystemCallError(call: "send", number: EPIPE), .write),
            MessagingError.closedByPeer
        ),
        (
            .systemCall(SystemCallError(call: "recv", number: ECONNRESET), .read),
            .aborted(reason: "recv: Connection reset by peer")
        ),
        (.truncated, .closedByPeer), (.webSocket(.masked), .webSocket(.masked)), (.cancelled, .cancelled),
        (.closed, .closed), (.deadlinePassed(.read), .deadlinePassed),
    ])
    func `a failure of a stream keeps its meaning`(_ failure: TransportError, _ expected: MessagingError) {
        let error = MessagingError(failure)
        if case .aborted(let reason) = error, case .aborted(let part) = expected {
            #expect(reason.contains(part))
        } else {
            #expect(error == expected)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// How it stands with the connections of a manager and its workers to the scheduler.
package struct LinkReport: Sendable, Equatable {
    /// How long ago the scheduler last answered the manager's heartbeat; nil where it never has.
    package var silence: Duration?
    /// Connections that stand: the manager's, and one for each worker.
    package var connectionCount = 0
    /// Messages that were sent again on a new connection, for nothing had confirmed them.
    package var retransmissionCount = 0

    /// No connection.
    package init() {}
}

/// How it stands with the connections to Scaler's object storage.
package struct StorageReport: Sendable, Equatable {
    /// Where it is, as Scaler writes addresses; nil while that is not known.
    package var address: String?
    /// Connections that stand; two at most.
    package var connectionCount = 0
    /// Requests that are not answered.
    package var requestCount = 0
    /// Whether a connection is wanted.
    package var isNeeded = false

    /// Nothing is known.
    package init() {}
}

/// Counts what all channels of a manager have in common.
@LoopActor
final class LinkCounts {
    /// Messages that were sent again on a new connection.
    var retransmissions = 0
}

// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Transport

/// Opens streams to origins.
@LoopActor
package protocol Connector: Sendable {
    /// A stream on which a request to `origin` can be sent at once, TLS included where the scheme wants it.
    func connect(
        to origin: Origin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream
}

// SPDX-License-Identifier: Apache-2.0
//
// Rule: a ROUTER and a YMQ binder both speak first, the one with ZMTP's signature, whose first byte is FF
// (ZMTP 3.1, "Framing": greeting), the other with YMQ's magic and its own version.
// Consequence: one connection that only listens tells them apart, and tells YMQ's version too.
// Rejected: trying one protocol after the other, which costs a scheduler of the other kind an error in its
// log, and to 2.6.0 and older more than that.

package import EventLoop
internal import Transport

/// What a server speaks.
package enum PeerProtocol: Sendable, Equatable {
    /// ZeroMQ.
    case zmtp
    /// YMQ in a version that is to be mirrored.
    case ymq(YMQVersion)
}

/// Connects once to a server and tells from its first bytes what it speaks.
///
/// Throws `unreachable`, `peerSilent` when it says nothing before the deadline, `unexpectedMagic`.
@LoopActor
package func detectPeer(
    at endpoint: Endpoint,
    over network: any MessagingNetwork,
    deadline: Deadline
) async throws(MessagingError) -> PeerProtocol {
    let stream = try await network.openStream(to: endpoint, deadline: deadline)
    defer { stream.finishInBackground() }
    var seen: [UInt8] = []
    while true {
        seen += try await stream.readSome(endpoint, isFirst: seen.isEmpty, deadline: deadline)
        if seen.first == 0xFF { return .zmtp }
        var framing = YMQFraming()
        framing.feed(seen)
        // Throws at the first byte that is not YMQ's; the identity itself does not matter here.
        _ = try framing.next()
        if let version = YMQVersion.allCases.first(where: { seen.starts(with: $0.magic) }) {
            return .ymq(version)
        }
    }
}

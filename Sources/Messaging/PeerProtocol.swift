// SPDX-License-Identifier: Apache-2.0
//
// Rule: a ROUTER and a YMQ binder both speak first, the one with ZMTP's signature, whose first byte is FF
// (RFC 37, "Formal Grammar": greeting), the other with YMQ's magic and its own version.
// Consequence: the first byte tells them apart before anything is said, so one connection is enough.
// Rejected: trying one protocol after the other, which costs a scheduler of the other kind an error in its
// log, and to 2.6.0 and older more than that.

package import EventLoop
package import Transport

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
        seen += try await stream.readGreeting(endpoint, until: deadline)
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

/// Connects to a scheduler and speaks what it is found to speak.
///
/// Throws what `connect` of either link throws.
@LoopActor
package func connectLink(
    to endpoint: Endpoint,
    over network: any MessagingNetwork,
    identity: [UInt8],
    limits: LinkLimits,
    deadline: Deadline
) async throws(MessagingError) -> any MessageLink {
    try await openLink(to: endpoint, over: network, identity, deadline) {
        stream,
        seen async throws(MessagingError) -> any MessageLink in
        if seen.first == 0xFF {
            return try await ZMTPConnection(stream, seen: seen, identity, limits, deadline)
        }
        return try await YMQConnection(stream, seen: seen, identity, limits, deadline)
    }
}

/// A link over one stream, on which the peer greets first; it never reconnects.
@LoopActor
package protocol StreamLink: MessageLink {
    /// Takes over a stream on which the peer has begun to greet with `seen`.
    init(
        _ stream: any ByteStream,
        seen: [UInt8],
        _ identity: [UInt8],
        _ limits: LinkLimits,
        _ deadline: Deadline
    ) async throws(MessagingError)
}

extension StreamLink {
    /// Connects under an identity, and greets the peer.
    ///
    /// Throws `unreachable`, `peerSilent` and `invalidIdentity` besides what the greeting does.
    package static func connect(
        to endpoint: Endpoint,
        over network: any MessagingNetwork,
        identity: [UInt8],
        limits: LinkLimits = LinkLimits(),
        deadline: Deadline
    ) async throws(MessagingError) -> Self {
        try await openLink(to: endpoint, over: network, identity, deadline) {
            stream,
            seen async throws(MessagingError) in
            try await Self(stream, seen: seen, identity, limits, deadline)
        }
    }
}

/// Opens a stream, and has `greet` make a link of it and the peer's first bytes; one that comes to nothing ends in order.
@LoopActor
private func openLink<Link>(
    to endpoint: Endpoint,
    over network: any MessagingNetwork,
    _ identity: [UInt8],
    _ deadline: Deadline,
    greet: @LoopActor (any ByteStream, [UInt8]) async throws(MessagingError) -> Link
) async throws(MessagingError) -> Link {
    try requireValid(identity)
    let stream = try await network.openStream(to: endpoint, deadline: deadline)
    do throws(MessagingError) {
        return try await greet(stream, try await stream.readGreeting(endpoint, until: deadline))
    } catch {
        stream.finishInBackground()
        throw error
    }
}

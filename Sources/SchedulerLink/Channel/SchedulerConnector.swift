// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Encodings
package import EventLoop
package import Logging
package import Messaging
package import Transport

/// Fresh identities; random, for the scheduler and the storage server key everything by them.
enum RandomIdentity {
    static func hexadecimal() -> String { Hexadecimal.encode(LoopRandom.bytes(count: 16)) }

    /// A random UUID (RFC 9562, version 4) with dashes.
    static func uuid() -> String {
        var bytes = LoopRandom.bytes(count: 16)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array(Hexadecimal.encode(bytes))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }
}

extension SocketNetwork {
    /// The network as the settings trust it; throws for a file of authorities that cannot be used.
    package convenience init(_ settings: Settings) throws(TransportError) {
        if let path = settings.schedulerCA { try self.init(authorities: path) } else { self.init() }
    }
}

/// Opens links to the scheduler; a `SchedulerConnector` outside of tests.
@LoopActor
package protocol LinkOpener: AnyObject {
    /// Opens a link under an identity.
    func connect(to endpoint: Endpoint, identity: String) async throws(MessagingError) -> any MessageLink
}

/// Opens links to Scaler's services over whichever transport they speak.
@LoopActor
package final class SchedulerConnector: LinkOpener {
    /// How long a connection attempt, the peer's first bytes included, may take.
    static let connectTimeout: Duration = .seconds(10)

    /// A scheduler's largest messages name objects, some 40 bytes each; the same over either transport.
    static let schedulerMessageBytesMax = 32 << 20

    private let backend: NetworkBackend
    private let network: any MessagingNetwork
    private let log: Logger
    /// What the scheduler was last found to speak.
    private var spoken: NetworkBackend?
    private let largeMessageTurn = LargeMessageTurn()

    /// Makes a connector that opens all its links over `network`.
    package init(backend: NetworkBackend, network: any MessagingNetwork, log: Logger) {
        self.backend = backend
        self.network = network
        self.log = log
    }

    /// The scheduler's transport by its name in `SCALER_NETWORK_BACKEND`, as far as it is known.
    package var backendName: String { (spoken ?? backend) == .zmq ? "zmq" : "ymq" }

    /// Opens a link over the transport that was chosen, or that the scheduler is found to speak.
    package func connect(
        to endpoint: Endpoint,
        identity: String
    ) async throws(MessagingError) -> any MessageLink {
        let deadline = Deadline.after(Self.connectTimeout)
        // Callers bound what they send; a queue that refuses would lose replies.
        let limits = LinkLimits(
            messageBytesMax: Self.schedulerMessageBytesMax,
            sendQueueBytesMax: .max,
            largeMessageTurn: largeMessageTurn
        )
        let bytes = Array(identity.utf8)
        switch backend {
        case .ymq: return try await connectYMQ(to: endpoint, identity, limits)
        case .zmq:
            return try await ZMTPConnection.connect(
                to: endpoint,
                over: network,
                identity: bytes,
                limits: limits,
                deadline: deadline
            )
        case .auto:
            let link = try await connectLink(
                to: endpoint,
                over: network,
                identity: bytes,
                limits: limits,
                deadline: deadline
            )
            note(link.version, of: endpoint)
            return link
        }
    }

    /// Opens a link to the object storage server, which speaks nothing but YMQ.
    func connectObjectStore(
        to endpoint: Endpoint,
        identity: String
    ) async throws(MessagingError) -> YMQConnection {
        // Objects have no size that is too large: they pass in pieces.
        try await connectYMQ(
            to: endpoint,
            identity,
            LinkLimits(messageBytesMax: 1 << 48, sendQueueBytesMax: .max)
        )
    }

    private func connectYMQ(
        to endpoint: Endpoint,
        _ identity: String,
        _ limits: LinkLimits
    ) async throws(MessagingError) -> YMQConnection {
        try await YMQConnection.connect(
            to: endpoint,
            over: network,
            identity: Array(identity.utf8),
            limits: limits,
            deadline: .after(Self.connectTimeout)
        )
    }

    private func note(_ version: YMQVersion?, of endpoint: Endpoint) {
        let found: NetworkBackend = version == nil ? .zmq : .ymq
        if spoken == found { return }
        spoken = found
        var facts: Logger.Metadata = ["address": "\(endpoint)"]
        if let version { facts["version"] = "\(version)" }
        log.info("the scheduler speaks \(version == nil ? "ZMQ" : "YMQ")", metadata: facts)
    }
}

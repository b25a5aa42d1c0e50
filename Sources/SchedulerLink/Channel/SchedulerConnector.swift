// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Encodings
package import EventLoop
package import Logging
package import Messaging

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

/// Opens links to the scheduler; a `SchedulerConnector` outside of tests.
@LoopActor
package protocol LinkOpener: AnyObject {
    /// Opens a link under an identity.
    func connect(to endpoint: Endpoint, identity: String) async throws(MessagingError) -> any MessageLink

    /// Forgets what is known of an endpoint: its scheduler may have come back as another.
    func forget(_ endpoint: Endpoint)
}

/// Opens links to Scaler's services over whichever transport they speak.
@LoopActor
package final class SchedulerConnector: LinkOpener {
    /// How long a connection attempt, the peer's first bytes included, may take.
    static let connectTimeout: Duration = .seconds(10)

    /// A scheduler's largest messages name objects, some 100 bytes each; the same over either transport.
    static let schedulerMessageBytesMax = 256 << 20

    private let backend: NetworkBackend
    private let network: any MessagingNetwork
    private let log: Logger
    /// What each endpoint was found to speak; ZMQ reconnects by itself, so asking once is enough.
    private var zmqEndpoints: Set<Endpoint> = []

    /// Makes a connector that opens all its links over `network`.
    package init(backend: NetworkBackend, network: any MessagingNetwork, log: Logger) {
        self.backend = backend
        self.network = network
        self.log = log
    }

    /// The scheduler's transport by its name in `SCALER_NETWORK_BACKEND`, as far as it is known.
    package var backendName: String { backend == .zmq || !zmqEndpoints.isEmpty ? "zmq" : "ymq" }

    /// Opens a link over the transport that was chosen, or that the scheduler is found to speak.
    package func connect(
        to endpoint: Endpoint,
        identity: String
    ) async throws(MessagingError) -> any MessageLink {
        let isZMQ =
            switch backend {
            case .ymq: false
            case .zmq: true
            case .auto: try await speaksZMQ(endpoint)
            }
        guard isZMQ else { return try await connectYMQ(to: endpoint, identity) }
        return try network.openZMQ(
            to: endpoint,
            identity: Array(identity.utf8),
            messageBytesMax: Self.schedulerMessageBytesMax
        )
    }

    /// Opens a link to the object storage server, which speaks nothing but YMQ.
    func connectObjectStore(
        to endpoint: Endpoint,
        identity: String
    ) async throws(MessagingError) -> YMQConnection {
        // Objects have no size that is too large: they pass in pieces.
        try await connectYMQ(to: endpoint, identity, messageBytesMax: 1 << 48)
    }

    private func connectYMQ(
        to endpoint: Endpoint,
        _ identity: String,
        messageBytesMax: Int = SchedulerConnector.schedulerMessageBytesMax
    ) async throws(MessagingError) -> YMQConnection {
        try await YMQConnection.connect(
            to: endpoint,
            over: network,
            identity: Array(identity.utf8),
            // Callers bound what they send; a queue that refuses would lose replies.
            limits: YMQLimits(messageBytesMax: messageBytesMax, sendQueueBytesMax: .max),
            deadline: .after(Self.connectTimeout)
        )
    }

    /// Forgets which transport an endpoint spoke.
    package func forget(_ endpoint: Endpoint) { zmqEndpoints.remove(endpoint) }

    private func speaksZMQ(_ endpoint: Endpoint) async throws(MessagingError) -> Bool {
        if zmqEndpoints.contains(endpoint) { return true }
        switch try await detectPeer(at: endpoint, over: network, deadline: .after(Self.connectTimeout)) {
        case .zmtp:
            log.info("the scheduler speaks ZMQ", metadata: ["address": "\(endpoint)"])
            zmqEndpoints.insert(endpoint)
            return true
        case .ymq(let version):
            log.info(
                "the scheduler speaks YMQ",
                metadata: ["address": "\(endpoint)", "version": "\(version)"]
            )
            return false
        }
    }
}

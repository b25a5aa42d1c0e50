// SPDX-License-Identifier: Apache-2.0

import CapnProto
import EventLoop
import HTTPClient
import HTTPWire
import Messaging
import SchedulerMessages
import TestSupport
import Transport

/// Meets the peer of a case with the daemon's own parts, and says what came of it.
///
/// An outcome is `accepted` and what, `refused` and the error's name, or `ended` and what was being waited for.
@LoopActor
enum Driver {
    /// The most bytes that are wanted of a body or a message.
    private static let bytesMax = 1 << 20
    static let network = SocketNetwork()
    private static let tls = try? TLSContext(.systemRoots)

    /// How long a phase may take: short only where the peer is meant to stall, for a machine may be busy.
    private static func patience(_ given: HostileCase) -> Duration {
        given.isMeantToStall ? .milliseconds(200) : .seconds(20)
    }

    static func outcome(of given: HostileCase) async throws -> String {
        switch given.family {
        case "http": try await http(given, isSecure: false)
        case "tls": try await http(given, isSecure: true)
        case "ymq", "zmtp", "websocket": try await link(given)
        case "capnp": capnp(given)
        case "storage": try await StorageDriver.outcome(of: given, patience: patience(given))
        case "container": try await ContainerDriver.outcome(of: given, patience: patience(given))
        default: try await ServiceDriver.outcome(of: given, patience: patience(given))
        }
    }

    private static func http(_ given: HostileCase, isSecure: Bool) async throws -> String {
        guard let tls else { throw Script.Malformed(text: "no TLS") }
        let peer = try HostilePeer(given.script, isHTTP: !isSecure)
        let client = HTTPClient(connector: StreamConnector(tls, proxies: .direct))
        defer {
            client.close()
            peer.close()
        }
        let body = given.section.hasPrefix("P") ? Blob(Array("body".utf8)) : nil
        var request = HTTPRequest(method: given.section, target: "/a?b", body: body)
        if isSecure { request.method = "GET" }
        request.bodyBytesMax = bytesMax
        request.deadlines.head = patience(given)
        request.deadlines.handshake = patience(given)
        request.deadlines.progress = patience(given)
        let origin = HTTPOrigin(scheme: isSecure ? .https : .http, host: "127.0.0.1", port: peer.port)
        do throws(HTTPError) {
            let response = try await client.request(request, to: origin)
            let cut = response.isCutShort ? " cut" : ""
            return "accepted \(response.status)\(shown(response.bytes))\(cut)"
        } catch {
            return told(error)
        }
    }

    /// A space and a short body as it is, or of a long one its length; nothing for nothing.
    static func shown(_ bytes: [UInt8]) -> String {
        if bytes.isEmpty { return "" }
        return bytes.count <= 40 ? " " + String(decoding: bytes, as: UTF8.self) : " \(bytes.count) bytes"
    }

    private static func told(_ error: HTTPError) -> String {
        switch error {
        case .deadlinePassed(let phase): "ended \(phase.rawValue)"
        case .wire(let error, _): "refused \(bare("\(error)"))"
        case .transport(.tls, _): "refused tls"
        case .transport(.truncated, _): "refused truncated"
        case .transport(let error, _): "refused \(bare(String("\(error)".prefix { $0 != "," && $0 != ":" })))"
        default: "refused \(error)"
        }
    }

    /// An error's name without those of the types around it.
    static func bare(_ text: String) -> String {
        text.split(separator: "(" as Character).map {
            String($0.split(separator: "." as Character).last ?? "")
        }
        .joined(separator: "(")
    }

    /// Lengths of the messages that came, and why no more do.
    private static func link(_ given: HostileCase) async throws -> String {
        let peer = try HostilePeer(given.script)
        defer { peer.close() }
        let limits = LinkLimits(messageBytesMax: bytesMax, progressTime: patience(given))
        let deadline = Deadline.after(patience(given))
        let host = "127.0.0.1"
        let endpoint: Endpoint =
            given.family == "websocket"
            ? .webSocket(host: host, port: peer.port, path: "/", isSecure: false)
            : .tcp(host: host, port: peer.port)
        var lengths: [String] = []
        do throws(MessagingError) {
            let link: any MessageLink =
                given.family != "zmtp"
                ? try await YMQConnection.connect(
                    to: endpoint,
                    over: network,
                    identity: [1],
                    limits: limits,
                    deadline: deadline
                )
                : try await ZMTPConnection.connect(
                    to: endpoint,
                    over: network,
                    identity: [1],
                    limits: limits,
                    deadline: deadline
                )
            while true { lengths.append("\(try await received(link, patience(given)).count)") }
        } catch {
            return told(error, lengths)
        }
    }

    /// The next message; a link without one is of no more use.
    private static func received(
        _ link: any MessageLink,
        _ patience: Duration
    ) async throws(MessagingError) -> [UInt8] {
        do throws(MessagingError) {
            return try await link.receive(until: .after(patience))
        } catch {
            await link.close(lingering: .zero)
            throw error
        }
    }

    private static func told(_ error: MessagingError, _ lengths: [String]) -> String {
        let received = "[\(lengths.joined(separator: " "))]"
        return switch error {
        case .deadlinePassed, .peerSilent: "ended \(received)"
        // Of ZMTP's ends none is called one in order.
        case .closedByPeer, .aborted(reason: "the peer closed the connection"): "accepted \(received)"
        case .aborted: "refused aborted \(received)"
        case .webSocket(let fault): "refused \(received), for \(fault)"
        // Before there is a link, what was wrong with the upgrade is a reason among others.
        case .unreachable(_, let reason) where reason.hasPrefix("WebSocket"): "refused \(reason)"
        case .unreachable(_, let reason) where reason.hasPrefix("no progress"): "ended \(received)"
        case .zmtp(let fault): "refused \(received), for \(fault)"
        case .tooManyFrames: "refused tooManyFrames \(received)"
        case .messageStalled: "ended \(received)"
        case .unexpectedMagic: "refused unexpectedMagic"
        case .messageTooLong: "refused messageTooLong \(received)"
        case .identityTooLong: "refused identityTooLong"
        default: "refused \(error)"
        }
    }

    private static func capnp(_ given: HostileCase) -> String {
        let bytes = given.script.bytes
        do throws(SchedulerMessageError) {
            if given.section == "storage" {
                return "accepted \(try ObjectStorageResponse.decode(bytes).kind)"
            }
            let receiver: SchedulerMessage.Receiver = given.section == "manager" ? .manager : .worker
            return
                "accepted \("\(try SchedulerMessage.decode(bytes, receiver: receiver))".prefix { $0 != "(" })"
        } catch .encoding(let error) {
            return "refused \("\(error)".prefix { $0 != "(" })"
        } catch {
            return "refused \("\(error)".prefix { $0 != "(" })"
        }
    }
}

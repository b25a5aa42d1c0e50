// SPDX-License-Identifier: Apache-2.0

package import HTTPWire
package import Transport

/// What was being done when an exchange failed.
package enum HTTPPhase: String, Sendable {
    /// Waiting for a connection of the host to become free.
    case queue
    /// Resolving and connecting.
    case connect
    /// Asking a proxy for a tunnel.
    case proxy
    case handshake
    case request
    /// Waiting for the head of the answer.
    case head
    /// Receiving the body of the answer.
    case body

    /// Whether nothing of the request had been sent yet.
    package var isBeforeRequest: Bool { [.queue, .connect, .proxy, .handshake].contains(self) }

    /// Does `body`, whose failure happened in this phase.
    func duringStep<Value, Failure: PhaseFailure>(
        _ body: () throws(Failure) -> Value
    ) throws(HTTPError) -> Value {
        do throws(Failure) { return try body() } catch { throw error.happened(in: self) }
    }

    /// Does `body`, which may wait, and whose failure happened in this phase.
    func during<Value, Failure: PhaseFailure>(
        _ body: () async throws(Failure) -> Value
    ) async throws(HTTPError) -> Value {
        do throws(Failure) { return try await body() } catch { throw error.happened(in: self) }
    }
}

/// Why there is no answer; a status that speaks of failure is an answer, not an error.
package enum HTTPError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The piece of work that waited was cancelled.
    case cancelled
    case clientClosed
    /// A deadline passed first.
    case deadlinePassed(HTTPPhase)
    /// The connection could not be made, or broke; or a signature or temporary file could not be.
    case transport(TransportError, HTTPPhase)
    /// The request or the answer breaks the rules of HTTP or our limits.
    case wire(HTTPWireError, HTTPPhase)
    /// The proxy answered CONNECT with that status.
    case proxyRefused(status: Int)
    /// The proxy's address in the environment is of no use.
    case malformedProxy(String)
}

/// An error of a lower layer, which becomes an `HTTPError` once it is said in which phase it happened.
protocol PhaseFailure: Error {
    func happened(in phase: HTTPPhase) -> HTTPError
}

extension TransportError: PhaseFailure {
    func happened(in phase: HTTPPhase) -> HTTPError { HTTPError(self, phase) }
}

extension HTTPWireError: PhaseFailure {
    func happened(in phase: HTTPPhase) -> HTTPError { .wire(self, phase) }
}

extension HTTPError {
    /// The error for a stream that failed in `phase`.
    init(_ error: TransportError, _ phase: HTTPPhase) {
        switch error {
        case .cancelled: self = .cancelled
        case .deadlinePassed: self = .deadlinePassed(phase)
        default: self = .transport(error, phase)
        }
    }

    /// Who has to change something for this to go away.
    package var fault: TransportFault {
        switch self {
        case .cancelled, .clientClosed, .malformedProxy: .ours
        case .deadlinePassed: .network
        case .transport(let error, _): error.fault
        case .wire(let error, _):
            switch error.cause {
            case .request: .ours
            case .response: .peer
            case .connection: .network
            }
        case .proxyRefused: .peer
        }
    }

    /// Whether the same request may succeed a little later.
    package var isRetryable: Bool {
        switch self {
        case .cancelled, .clientClosed, .malformedProxy: false
        case .deadlinePassed: true
        case .transport(let error, _): error.isRetryable
        case .wire(let error, _): error.isRetryable
        case .proxyRefused(let status): status >= 500 || status == 429
        }
    }

    /// Whether the connection ended under us, as it does when the server closes an idle connection at the moment
    /// that we use it.
    var isConnectionLoss: Bool {
        switch self {
        case .wire(.closedBeforeResponse, _): true
        case .transport(.truncated, _), .transport(.systemCall, _): fault == .network
        case .transport(.tls, let phase): !phase.isBeforeRequest
        default: false
        }
    }

    package var description: String {
        switch self {
        case .cancelled: "cancelled"
        case .clientClosed: "the HTTP client is closed"
        case .deadlinePassed(let phase): "no progress in time (\(phase.rawValue))"
        case .transport(let error, let phase): "\(phase.rawValue): \(error)"
        case .wire(let error, let phase): "\(phase.rawValue): \(error)"
        case .proxyRefused(let status): "the proxy answered CONNECT with \(status)"
        case .malformedProxy(let reason): "the proxy in the environment: \(reason)"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc

/// What was being done when an error came up.
package enum TransportPhase: String, Sendable {
    case resolve, connect, handshake, listen, read, write, file, process
}

/// Who has to change something for an error to go away.
package enum TransportFault: Sendable, Equatable {
    /// This program, its configuration or its machine.
    case ours
    /// The program at the other end.
    case peer
    /// What lies between, or whether the other end runs at all.
    case network
}

/// Why bytes did not arrive, or why a key, a certificate or a file could not be used.
package enum TransportError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The task that waited was cancelled.
    case cancelled
    /// The stream was closed from this side.
    case closed
    /// The deadline passed first.
    case deadlinePassed(TransportPhase)
    /// TLS ended without close_notify (RFC 8446 section 6.1): what was read may be a part of what was sent.
    case truncated
    /// The kernel refused.
    case systemCall(SystemCallError, TransportPhase)
    /// The host's name has no usable address.
    case unresolved(host: String, ResolutionProblem)
    /// The server's certificate was refused.
    case certificate(CertificateProblem, host: String)
    /// TLS failed otherwise; the reason is OpenSSL's.
    case tls(reason: String, TransportPhase)
    /// The peer breaks the rules of a WebSocket, or does not offer one.
    case webSocket(WebSocketFault)
    /// A private key could not be loaded or used.
    case key(KeyProblem)
    /// A file that should hold certificates does not.
    case malformedCertificate(source: String, reason: String)
    /// The process holds as many bytes or files of tasks as its budget allows.
    case budgetSpent
    /// A file is larger than its reader allows.
    case fileTooLarge(path: String, byteCountMax: Int)
}

/// Why a name has no address.
package enum ResolutionProblem: Sendable, Equatable, CustomStringConvertible {
    case nameUnknown
    /// The name exists, without an IPv4 or IPv6 address.
    case addressless
    case malformed
    /// Servers did not answer, or could not; the text says which.
    case serversFailed(String)

    package var description: String {
        switch self {
        case .nameUnknown: "no such name"
        case .addressless: "the name has no address"
        case .malformed: "not a host name"
        case .serversFailed(let reason): "name servers failed (\(reason))"
        }
    }
}

extension TransportError {
    /// The error of a wait that ended in `phase`.
    init(_ error: WaitError, _ phase: TransportPhase) {
        switch error {
        case .cancelled: self = .cancelled
        case .deadlinePassed: self = .deadlinePassed(phase)
        case .closed: self = .closed
        }
    }

    /// Who has to change something.
    package var fault: TransportFault {
        switch self {
        case .cancelled, .closed, .key, .malformedCertificate, .budgetSpent, .fileTooLarge: .ours
        case .deadlinePassed, .truncated: .network
        case .certificate, .tls, .webSocket: .peer
        case .systemCall(let error, _): networkErrors.contains(error.number) ? .network : .ours
        case .unresolved(_, .serversFailed): .network
        case .unresolved: .ours
        }
    }

    /// Whether the same attempt may succeed a little later with nothing changed.
    ///
    /// Not so for a shortage of room for a file: whoever writes it must first let go of what it has, and wait.
    package var isRetryable: Bool {
        if isFileShortage { return false }
        return switch self {
        case .cancelled, .closed, .certificate, .webSocket, .key, .malformedCertificate, .budgetSpent,
            .fileTooLarge:
            false
        case .deadlinePassed, .truncated: true
        case .tls(_, let phase): phase != .handshake
        case .systemCall(let error, _):
            networkErrors.contains(error.number) || transientShortages.contains(error.number)
        case .unresolved(_, let problem): if case .serversFailed = problem { true } else { false }
        }
    }

    /// Whether a file could not be opened or written for want of something that this host has at other times: room on a
    /// disk, file descriptors, or a part of the process's budget.
    package var isFileShortage: Bool {
        switch self {
        case .budgetSpent: true
        case .systemCall(let error, .file): fileShortages.contains(error.number)
        default: false
        }
    }

    /// Whether a file or directory is not there.
    package var isFileMissing: Bool {
        if case .systemCall(let error, .file) = self {
            error.number == ENOENT || error.number == ENOTDIR
        } else {
            false
        }
    }

    package var description: String {
        switch self {
        case .cancelled: "cancelled"
        case .closed: "closed from this side"
        case .deadlinePassed(let phase): "no progress in time (\(phase.rawValue))"
        case .truncated: "the peer ended the TLS connection without close_notify"
        case .systemCall(let error, let phase): "\(phase.rawValue) failed: \(error)"
        case .unresolved(let host, let problem): "host \(shown(host)): \(problem)"
        case .certificate(let problem, let host): "certificate of \(shown(host)) refused: \(problem)"
        case .tls(let reason, let phase): "TLS \(phase.rawValue) failed: \(reason)"
        case .webSocket(let fault): "WebSocket: \(fault)"
        case .key(let problem): "\(problem)"
        case .malformedCertificate(let source, let reason): "\(source): \(reason)"
        case .budgetSpent:
            "as many bytes and temporary files are in use as --memory-limit-mb, --spool-limit-mb and the limit of "
                + "file descriptors allow"
        case .fileTooLarge(let path, let byteCountMax): "\(path) is larger than \(byteCountMax) bytes"
        }
    }
}

/// A host's name as a message repeats it: what is longer than any name (RFC 1035 section 2.3.4) is cut.
private func shown(_ host: String) -> String {
    host.utf8.count <= 253 ? host : "\(host.prefix(60))... (\(host.utf8.count) bytes)"
}

/// What the way to the peer, or its kernel, answers.
private let networkErrors: Set<Int32> = [
    ECONNREFUSED, ECONNRESET, ECONNABORTED, EPIPE, ETIMEDOUT, EHOSTUNREACH, EHOSTDOWN, ENETUNREACH, ENETDOWN,
    ENETRESET, ENOTCONN, EPROTO, ENONET,
]

/// Of these a host has none at times, when a file is written.
private let fileShortages: Set<Int32> = [ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM]

/// Shortages on this machine that may end by themselves.
private let transientShortages: Set<Int32> = [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EAGAIN]

/// Does `wait`, and says of its error in which phase it came up.
@LoopActor
func waiting<Value>(
    _ phase: TransportPhase,
    _ wait: () async throws(WaitError) -> Value
) async throws(TransportError) -> Value {
    do throws(WaitError) { return try await wait() } catch { throw TransportError(error, phase) }
}

// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// The address of a Scaler service: scheduler or object storage server.
///
/// Written as Scaler writes it: IPv6 hosts stand bare and the last colon is before the port (`tcp://::1:8516`),
/// since that is the only form its YMQ transport reads; brackets are understood and dropped.
package enum SchedulerAddress: Sendable, Hashable {
    /// `tcp://HOST:PORT`; the host is a name, an IPv4 or a bare IPv6 address.
    case tcp(host: String, port: UInt16)
    /// `ipc://PATH`, a Unix socket.
    case ipc(path: String)
    /// `tls://HOST:PORT`: TLS over TCP.
    case tls(host: String, port: UInt16)
    /// `ws://HOST:PORT/PATH`, or `wss://` if it is inside TLS; the path begins with a slash.
    case webSocket(host: String, port: UInt16, path: String, isSecure: Bool)

    /// Reads the text, or says what is wrong with it.
    package init(_ text: String) throws(ValueFault) {
        guard Self.hasScheme(text), let colon = text.firstIndex(of: ":") else {
            throw .malformed("\(quoted(text)) is no address", Self.remedy)
        }
        let scheme = text[..<colon]
        let rest = text[colon...].dropFirst(3)
        switch scheme {
        case "tcp", "tls":
            // A slash at the end is what people copy from a browser; Scaler drops it, too.
            let authority = rest.hasSuffix("/") ? rest.dropLast() : rest
            let (host, port) = try hostAndPort(authority, in: text, remedy: Self.remedy)
            self = scheme == "tls" ? .tls(host: host, port: port) : .tcp(host: host, port: port)
        case "ws", "wss":
            let authority = rest.prefix { $0 != "/" }
            let (host, port) = try hostAndPort(authority, in: text, remedy: Self.remedy)
            let path = rest.dropFirst(authority.count)
            guard path.utf8.allSatisfy({ $0.isPrintable && $0 < 0x7F && $0 != 0x20 }) else {
                throw .malformed("\(quoted(text)) has a path that no request can name", "write it in ASCII")
            }
            let name = path.isEmpty ? "/" : String(path)
            self = .webSocket(host: host, port: port, path: name, isSecure: scheme == "wss")
        case "ipc":
            guard !rest.isEmpty, rest.utf8.allSatisfy({ $0.isPrintable && $0 != 0x20 }) else {
                throw .malformed("\(quoted(text)) names no usable path", "write ipc:///PATH")
            }
            self = .ipc(path: String(rest))
        case "inproc":
            throw .malformed(
                "inproc:// is not supported: it leads nowhere outside of the process that binds it",
                "bind the scheduler to a tcp:// or ipc:// address too and give that"
            )
        default:
            throw .malformed("\(quoted(text)) has an unknown scheme", Self.remedy)
        }
    }

    /// True when the text has a scheme, and so means an address, right or wrong.
    package static func hasScheme(_ text: String) -> Bool {
        text.firstIndex(of: ":").map { text[$0...].hasPrefix("://") } ?? false
    }

    /// The text that reads back as this address, in Scaler's spelling.
    package var description: String {
        switch self {
        case .tcp(let host, let port): "tcp://\(host):\(port)"
        case .ipc(let path): "ipc://\(path)"
        case .tls(let host, let port): "tls://\(host):\(port)"
        case .webSocket(let host, let port, let path, let isSecure):
            "\(isSecure ? "wss" : "ws")://\(host):\(port)\(path)"
        }
    }

    /// Whether it is a socket of this machine, which nothing leaves.
    package var isLocal: Bool { if case .ipc = self { true } else { false } }

    /// Whether all that is said there is inside TLS.
    package var isSecure: Bool {
        switch self {
        case .tls, .webSocket(_, _, _, isSecure: true): true
        case .tcp, .ipc, .webSocket: false
        }
    }

    /// Whether ZeroMQ reaches it as Scaler has it; the others are YMQ's alone.
    var isForZeroMQ: Bool {
        switch self {
        case .tcp, .ipc: true
        case .tls, .webSocket: false
        }
    }

    /// What stands in settings while nothing is given: the scheduler's usual port on this host.
    static let unset = SchedulerAddress.tcp(host: "127.0.0.1", port: 8516)

    private static let remedy = "write tcp://HOST:PORT, e.g. tcp://127.0.0.1:8516"
}

/// Where the status server listens: plain HTTP for metrics and health.
package enum StatusAddress: Sendable, Hashable {
    /// `HOST:PORT`; port 0 lets the system choose.
    case tcp(host: String, port: UInt16)
    /// `unix:PATH`, or a path that begins with a slash.
    case unix(path: String)

    /// Reads the text, or says what is wrong with it.
    package init(_ text: String) throws(ValueFault) {
        let path = text.hasPrefix("unix:") ? String(text.dropFirst(5)) : text
        if path.hasPrefix("/") {
            self = .unix(path: try Self.socketPath(path))
            return
        }
        let (host, port) = try hostAndPort(
            text[...],
            in: text,
            remedy: "write HOST:PORT, e.g. 127.0.0.1:9464, or unix:/PATH",
            allowsZero: true
        )
        self = .tcp(host: host, port: port)
    }

    /// A path that fits into an address of the kernel whole: `sun_path` has 108 bytes, the last of which is zero
    /// (unix(7)).
    private static func socketPath(_ path: String) throws(ValueFault) -> String {
        guard path.utf8.count <= 107 else {
            throw .outOfRange("the path of the socket is longer than 107 bytes", "choose a shorter path")
        }
        guard path.utf8.allSatisfy(\.isPrintable) else {
            throw .malformed("\(quoted(path)) holds a control character", "remove it")
        }
        return path
    }

    /// Whether only programs of this host can connect: a Unix socket, the loopback addresses (RFC 1122, RFC 4291), and the
    /// name that never means another host (RFC 6761).
    package var isLocal: Bool {
        guard case .tcp(let host, _) = self else { return true }
        let bytes = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        if bytes.count == 4, bytes[0] == 127, bytes.allSatisfy({ $0 != nil }) { return true }
        return ["localhost", "::1", "[::1]"].contains(host.lowercased())
    }

    /// The text that reads back as this address.
    package var description: String {
        switch self {
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

private func hostAndPort(
    _ authority: Substring,
    in text: String,
    remedy: String,
    allowsZero: Bool = false
) throws(ValueFault) -> (host: String, port: UInt16) {
    guard let colon = authority.lastIndex(of: ":") else {
        throw .malformed("\(quoted(text)) has no port", remedy)
    }
    var host = authority[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty, host.utf8.allSatisfy(isHostByte) else {
        throw .malformed("\(quoted(text)) has no usable host", remedy)
    }
    // More than a name can have (RFC 1035 section 2.3.4).
    guard host.utf8.count <= 253 else {
        throw .outOfRange("\(quoted(text)) has a host of more than 253 bytes", remedy)
    }
    let digits = authority[authority.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy(\.isASCIIDigit) else {
        throw .malformed("\(quoted(text)) has no port number after the last colon", remedy)
    }
    guard let port = UInt16(digits), port > 0 || allowsZero else {
        throw .outOfRange("\(quoted(text)) has a port outside 1 to 65535", remedy)
    }
    return (String(host), port)
}

/// Names, IPv4, IPv6 with a zone (`fe80::1%eth0`); nothing that could be a URL's user, path or query.
private func isHostByte(_ byte: UInt8) -> Bool { byte.isASCIIAlphanumeric || ".-_:%*".utf8.contains(byte) }

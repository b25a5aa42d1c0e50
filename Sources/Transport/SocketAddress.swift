// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Where a socket may be connected to or listen.
package enum SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// Four bytes of IPv4 address in network order.
    case ipv4([UInt8], port: UInt16)
    /// Sixteen bytes of IPv6 address in network order, and the zone (RFC 4007), 0 for none.
    case ipv6([UInt8], zone: UInt32, port: UInt16)
    /// A path of at most 107 bytes in the file system.
    case unix(path: String)
    /// A name of at most 107 bytes that is in no file system and goes with its socket (unix(7)).
    case abstract(name: String)

    /// `sun_path` has 108 bytes, the last of which is zero (unix(7)).
    static let pathByteCountMax = 107

    /// Whether the kernel could be given no more than the beginning of the path or name.
    var isTooLong: Bool {
        switch self {
        case .ipv4, .ipv6: false
        case .unix(let text), .abstract(let text): text.utf8.count > Self.pathByteCountMax
        }
    }

    /// The address that `host` spells: dotted IPv4, or IPv6 with or without brackets and zone; nil for a name.
    package init?(numeric host: String, port: UInt16) {
        // For C the text would end there.
        if host.utf8.contains(0) { return nil }
        var ipv4 = in_addr()
        if inet_pton(AF_INET, host, &ipv4) == 1 {
            self = .ipv4(withUnsafeBytes(of: ipv4) { Array($0) }, port: port)
            return
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        let inner = isBracketed ? String(host.dropFirst().dropLast()) : host
        let parts = inner.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var ipv6 = in6_addr()
        guard inet_pton(AF_INET6, String(parts[0]), &ipv6) == 1 else { return nil }
        var zone: UInt32 = 0
        if parts.count == 2 {
            zone = UInt32(parts[1]) ?? if_nametoindex(String(parts[1]))
            if zone == 0 { return nil }
        }
        self = .ipv6(withUnsafeBytes(of: ipv6) { Array($0) }, zone: zone, port: port)
    }

    /// A socket of this host as programs spell it: a path, or `@` and a name that is in no file system.
    package static func local(_ text: String) -> SocketAddress {
        text.hasPrefix("@") ? .abstract(name: String(text.dropFirst())) : .unix(path: text)
    }

    /// The port, nil for a path.
    package var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, _, let port): port
        case .unix, .abstract: nil
        }
    }

    func replacingPort(_ port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let address, _): .ipv4(address, port: port)
        case .ipv6(let address, let zone, _): .ipv6(address, zone: zone, port: port)
        case .unix, .abstract: self
        }
    }

    var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix, .abstract: AF_UNIX
        }
    }

    func withSockaddr<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { fill($0) }
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    init?(_ storage: sockaddr_storage) {
        let address = withUnsafeBytes(of: storage) { bytes -> SocketAddress? in
            switch Int32(storage.ss_family) {
            case AF_INET:
                let inet = bytes.loadUnaligned(as: sockaddr_in.self)
                let bytes = withUnsafeBytes(of: inet.sin_addr) { Array($0) }
                return .ipv4(bytes, port: UInt16(bigEndian: inet.sin_port))
            case AF_INET6:
                let inet = bytes.loadUnaligned(as: sockaddr_in6.self)
                let bytes = withUnsafeBytes(of: inet.sin6_addr) { Array($0) }
                return .ipv6(bytes, zone: inet.sin6_scope_id, port: UInt16(bigEndian: inet.sin6_port))
            default: return nil
            }
        }
        guard let address else { return nil }
        self = address
    }

    /// Writes the kernel's form to `bytes`, which are zero, and returns its length.
    private func fill(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        switch self {
        case .ipv4(let address, let port):
            var inet = sockaddr_in()
            inet.sin_family = sa_family_t(AF_INET)
            inet.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &inet.sin_addr) { $0.copyBytes(from: address) }
            bytes.storeBytes(of: inet, as: sockaddr_in.self)
            return MemoryLayout<sockaddr_in>.size
        case .ipv6(let address, let zone, let port):
            var inet = sockaddr_in6()
            inet.sin6_family = sa_family_t(AF_INET6)
            inet.sin6_port = port.bigEndian
            inet.sin6_scope_id = zone
            withUnsafeMutableBytes(of: &inet.sin6_addr) { $0.copyBytes(from: address) }
            bytes.storeBytes(of: inet, as: sockaddr_in6.self)
            return MemoryLayout<sockaddr_in6>.size
        case .unix(let path):
            var unix = sockaddr_un()
            unix.sun_family = sa_family_t(AF_UNIX)
            // One byte stays zero to end the path; `Socket` takes no longer one.
            withUnsafeMutableBytes(of: &unix.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
            bytes.storeBytes(of: unix, as: sockaddr_un.self)
            return MemoryLayout<sockaddr_un>.size
        case .abstract(let name):
            bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
            // The zero byte says that it is abstract; its length counts, not a terminator.
            let path = [0] + name.utf8.prefix(Self.pathByteCountMax)
            bytes[MemoryLayout<sa_family_t>.size...].copyBytes(from: path)
            return MemoryLayout<sa_family_t>.size + path.count
        }
    }

    package var description: String {
        switch self {
        case .ipv4(let address, let port):
            return address.map { "\($0)" }.joined(separator: ".") + ":\(port)"
        case .ipv6(let address, let zone, let port):
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            inet_ntop(AF_INET6, address, &text, socklen_t(text.count))
            let spelled = String(
                decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
                as: UTF8.self
            )
            return "[\(spelled)\(zone == 0 ? "" : "%\(zone)")]:\(port)"
        case .unix(let path): return path
        case .abstract(let name): return "@\(name)"
        }
    }
}

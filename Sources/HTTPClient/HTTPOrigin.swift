// SPDX-License-Identifier: Apache-2.0

/// Where requests go: scheme, host and port (RFC 6454 section 4); connections are shared within one origin only.
package struct HTTPOrigin: Hashable, Sendable, CustomStringConvertible {
    /// Whether TLS is spoken.
    package enum Scheme: String, Sendable {
        case http, https

        /// The port when none is written.
        package var defaultPort: UInt16 { self == .http ? 80 : 443 }
    }

    /// Whether TLS is spoken.
    package let scheme: Scheme
    /// A name or a numeric address, in lower case and without brackets.
    package let host: String
    /// The port.
    package let port: UInt16

    /// An origin from its parts; without a port, the scheme's.
    package init(scheme: Scheme, host: String, port: UInt16? = nil) {
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port ?? scheme.defaultPort
    }

    /// What goes into the Host field: the port only where it is not the scheme's, an IPv6 address in brackets
    /// (RFC 9110 section 7.2).
    package var authority: String { port == scheme.defaultPort ? bracketedHost : "\(bracketedHost):\(port)" }

    /// Host and port, as CONNECT names its target (RFC 9110 section 9.3.6).
    var authorityWithPort: String { "\(bracketedHost):\(port)" }

    private var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    package var description: String { "\(scheme.rawValue)://\(authority)" }

    /// Splits an absolute URL into its origin and what follows it, which is empty or begins with `/`; nil if it is
    /// no `http` or `https` URL, or has user information, a query or a fragment.
    package static func parse(_ url: String) -> (origin: HTTPOrigin, path: String)? {
        let parts = url.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let scheme = Scheme(rawValue: parts[0].lowercased()),
            parts[1].hasPrefix("//")
        else { return nil }
        let rest = parts[1].dropFirst(2)
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        guard !rest.contains(where: { "@?# ".contains($0) }), let (host, port) = split(authority) else {
            return nil
        }
        if let port, port == 0 { return nil }
        return (HTTPOrigin(scheme: scheme, host: host, port: port), String(path))
    }

    /// Takes `host`, `host:port`, `[address]` or `[address]:port` apart.
    static func split(_ authority: Substring) -> (host: String, port: UInt16?)? {
        let host: Substring
        let end: Substring
        if authority.first == "[" {
            guard let bracket = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            end = authority[authority.index(after: bracket)...]
        } else {
            host = authority.prefix { $0 != ":" }
            end = authority.dropFirst(host.count)
        }
        guard !host.isEmpty else { return nil }
        if end.isEmpty { return (String(host), nil) }
        // UInt16 would read a sign.
        guard end.first == ":", end.dropFirst().allSatisfy(\.isNumber), let port = UInt16(end.dropFirst())
        else { return nil }
        return (String(host), port)
    }
}

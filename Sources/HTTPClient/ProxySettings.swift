// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// Which origins are reached through a proxy: `HTTPS_PROXY` and `NO_PROXY`, as curl and the OCI SDKs read them.
///
/// There is no standard. Lower-case names win over upper-case ones. `NO_PROXY` is a list of hosts, domains (with or
/// without a leading dot, themselves and all below), numeric addresses, each perhaps with a port, or `*`. Networks
/// in CIDR form are not read. Plain `http` origins are never proxied: what we reach by it is the metadata service,
/// an emulator or a sidecar, all of them near.
package struct ProxySettings: Sendable, Equatable {
    /// A proxy that is asked for tunnels.
    package struct Server: Sendable, Equatable {
        /// A name or a numeric address.
        package let host: String
        /// The port; 1080 where none is written, as curl has it.
        package let port: UInt16
        /// The value of Proxy-Authorization, if the address holds a user name.
        let authorization: String?
    }

    /// The proxy, or nil for direct connections.
    package let server: Server?
    private let exceptions: [String]

    /// No proxy for anyone.
    package static let direct = ProxySettings(server: nil, exceptions: [])
}

extension ProxySettings {
    /// The settings that the environment holds; throws `.malformedProxy` if the address cannot be understood.
    package init(environment: [String: String]) throws(HTTPError) {
        func value(_ name: String) -> String? {
            [environment[name], environment[name.uppercased()]].lazy.compactMap(\.self).first { !$0.isEmpty }
        }
        server = try value("https_proxy").map(Self.parse)
        exceptions = (value("no_proxy") ?? "").split { $0 == "," || $0 == " " }.map { $0.lowercased() }
    }

    /// The proxy for `origin`, or nil if it is to be reached directly.
    package func proxy(for origin: HTTPOrigin) -> Server? {
        guard origin.scheme == .https, !exceptions.contains(where: { Self.matches($0, origin) }) else {
            return nil
        }
        return server
    }

    private static func matches(_ exception: String, _ origin: HTTPOrigin) -> Bool {
        if exception == "*" { return true }
        // An IPv6 address without brackets is all colons, and has no port.
        let isBareAddress = exception.first != "[" && exception.count { $0 == ":" } > 1
        let parts = isBareAddress ? (exception, nil) : HTTPOrigin.split(exception[...])
        guard let (name, port) = parts, port == nil || port == origin.port else { return false }
        let domain = name.hasPrefix(".") ? String(name.dropFirst()) : name
        return origin.host == domain || origin.host.hasSuffix("." + domain)
    }

    /// Reads `[http://][user[:password]@]host[:port][/]`.
    private static func parse(_ text: String) throws(HTTPError) -> Server {
        var rest = text[...]
        // Not `firstRange(of:)`, which links a whole regular expression engine.
        if let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") {
            guard text[..<colon].lowercased() == "http" else {
                throw .malformedProxy("only http:// proxies are supported")
            }
            rest = text[colon...].dropFirst(3)
        }
        rest = rest.prefix { $0 != "/" }
        var authorization: String?
        if let at = rest.lastIndex(of: "@") {
            guard let userInfo = PercentEncoding.decode(rest[..<at]) else {
                throw .malformedProxy("its user name or password is not percent-encoded")
            }
            authorization =
                "Basic " + Base64.encode(userInfo.contains(UInt8(ascii: ":")) ? userInfo : userInfo + [0x3A])
            rest = rest[rest.index(after: at)...]
        }
        // The text is not repeated in errors: it may hold a password.
        guard let (host, port) = HTTPOrigin.split(rest) else { throw .malformedProxy("it has no host") }
        return Server(host: host, port: port ?? 1080, authorization: authorization)
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// By which names the status pages may be asked for.
//
// Rule: a browser runs a stranger's page with the name that it was asked for by, and whoever owns that name in the DNS may let it
// lead to our address afterwards (DNS rebinding): the page then reads what only this host or network should.
// Consequence: a name is answered only if no stranger can own it: an address, a name of one label as in a cluster's network, one of a
// domain that is kept out of the public DNS (RFC 6761, RFC 6762), this machine's own, or that of --status-address.
// Rejected: to answer any name where others than this host may connect. Browsers are in that network, too.

internal import Transport

/// Tells names that may be this server's from names that are a stranger's.
struct StatusHosts {
    private static let privateDomains = [".localhost", ".local", ".internal"]

    /// In lower case.
    private let ownNames: [String]

    init(ownNames: [String]) { self.ownNames = ownNames.map { $0.lowercased() } }

    /// Whether `host`, the value of a Host field (RFC 9110, 7.2), may mean this server; an empty one names nobody.
    func admit(_ host: String) -> Bool {
        let name = Self.name(in: host.lowercased())
        return !name.contains(".") || ownNames.contains(name) || SocketAddress(numeric: name, port: 0) != nil
            || Self.privateDomains.contains { name.hasSuffix($0) }
    }

    /// The name or address without its port, and without the dot that may end a name.
    private static func name(in host: String) -> String {
        if host.hasPrefix("[") { return String(host.prefix { $0 != "]" }) + "]" }
        let name = host.lastIndex(of: ":").map { host[..<$0] } ?? host[...]
        return String(name.hasSuffix(".") ? name.dropLast() : name)
    }
}

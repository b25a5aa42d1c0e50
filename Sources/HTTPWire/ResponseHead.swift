// SPDX-License-Identifier: Apache-2.0

/// The first line and header section of a response (RFC 9112 section 4).
package struct ResponseHead: Equatable, Sendable {
    /// The minor version, 0 or 1; a higher one is read as 1 (RFC 9110 section 2.5).
    package var minorVersion = 1
    /// The status, 100...999.
    package var status: Int
    /// The reason phrase; may be empty, and means nothing to a program.
    package var reason = ""
    /// The header section.
    package var headers: HeaderFields = [:]

    /// Whether another head follows on the same request: 1xx (RFC 9110 section 15.2).
    package var isInterim: Bool { (100...199).contains(status) }

    /// Whether the status says success: 2xx.
    package var isSuccess: Bool { (200...299).contains(status) }

    /// How long the server will keep the idle connection open, in whole seconds, if it says so: `Keep-Alive: timeout=5`
    /// (RFC 2068 section 19.7.1.1; never standardised since, and sent by nginx, Apache and node all the same).
    package var keepAliveSeconds: Int? {
        for parameter in headers.listMembers(of: "keep-alive") {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let seconds = UInt32(parts[1]) else { continue }
            if Grammar.isSameName(String(parts[0]), "timeout") { return Int(seconds) }
        }
        return nil
    }
}

extension ResponseHead {
    /// The bytes every response we can read begins with.
    static let prefix = Array("HTTP/1.".utf8)

    /// Reads `HTTP/1.x SP 3DIGIT [SP reason]` (RFC 9112 section 4), the line end already taken off; a missing
    /// reason is fine with or without the space before it: servers leave out both.
    init(statusLine line: ArraySlice<UInt8>) throws(HTTPWireError) {
        guard line.starts(with: Self.prefix) else { throw .notHTTP }
        let rest = Array(line.dropFirst(Self.prefix.count))
        guard rest.count >= 5, let minor = Grammar.decimalDigit(rest[0]), rest[1] == Grammar.space,
            let hundreds = Grammar.decimalDigit(rest[2]), hundreds > 0,
            let tens = Grammar.decimalDigit(rest[3]),
            let ones = Grammar.decimalDigit(rest[4]),
            rest.count == 5 || rest[5] == Grammar.space
        else { throw .malformedStatusLine }
        let reason = rest.dropFirst(6)
        guard reason.allSatisfy(Grammar.isFieldContent) else { throw .malformedStatusLine }
        self.init(
            minorVersion: min(minor, 1),
            status: hundreds * 100 + tens * 10 + ones,
            reason: Grammar.text(reason)
        )
    }
}

// SPDX-License-Identifier: Apache-2.0

/// How the end of a response body is found: RFC 9112 section 6.3, its numbered steps in their order.
package enum BodyFraming: Equatable, Sendable {
    /// There is no body, whatever the header section says.
    case none
    /// The connection becomes a tunnel; what follows is not HTTP.
    case tunnel
    /// The body has this many bytes.
    case length(Int)
    /// The body is a sequence of chunks.
    case chunked
    /// The body ends where the connection does; the one framing that cannot tell an end from a failure, unless the
    /// transport can: TLS must see close_notify.
    case untilClose

    /// Decides the framing of the response `head` to a request with that method.
    package init(of head: ResponseHead, answering method: String) throws(HTTPWireError) {
        let headers = head.headers
        // 1. HEAD, 1xx, 204 and 304 end with the empty line; their Content-Length speaks of another response.
        if method == "HEAD" || head.isInterim || head.status == 204 || head.status == 304 {
            self = .none
            // 2. 2xx to CONNECT: Content-Length and Transfer-Encoding must be ignored.
        } else if method == "CONNECT" && head.isSuccess {
            self = .tunnel
            // 3. Transfer-Encoding wins over Content-Length; `ConnectionState` closes afterwards if both are there.
            // 4. The response is in chunks only if `chunked` is the last coding. We ask for no other and undo no other.
        } else if headers.contains("transfer-encoding") {
            guard head.minorVersion >= 1, Self.isChunkedAlone(headers.values(of: "transfer-encoding")) else {
                throw .unsupportedTransferCoding
            }
            self = .chunked
            // 5., 6. A Content-Length must be valid to be a length.
        } else if headers.contains("content-length") {
            self = .length(try Self.contentLength(headers.values(of: "content-length")))
            // 7. is about requests. 8. Without any length the body ends with the connection.
        } else {
            self = .untilClose
        }
    }

    /// One field, one coding; "identity, chunked" and "chunked, chunked" have been read in two ways by two programs
    /// on one path often enough; no server we talk to needs either.
    private static func isChunkedAlone(_ values: [String]) -> Bool {
        values.count == 1 && values.allSatisfy { Grammar.isSameName($0, "chunked") }
    }

    /// The one number that all members of all Content-Length fields agree on (RFC 9110 section 8.6).
    private static func contentLength(_ values: [String]) throws(HTTPWireError) -> Int {
        var agreed: Int?
        for value in values {
            let bytes = Array(value.utf8)
            for member in bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
                let length = try number(Grammar.trimmed(member))
                guard agreed == nil || agreed == length else { throw .conflictingContentLength }
                agreed = length
            }
        }
        guard let agreed else { throw .malformedContentLength }
        return agreed
    }

    /// Digits only: no sign, no space, no 0x, no underscore; what no integer can hold is over any cap on the body.
    private static func number(_ digits: ArraySlice<UInt8>) throws(HTTPWireError) -> Int {
        guard !digits.isEmpty else { throw .malformedContentLength }
        var value = 0
        var isOverflowing = false
        for byte in digits {
            guard let digit = Grammar.decimalDigit(byte) else { throw .malformedContentLength }
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(digit)
            isOverflowing = isOverflowing || overflow || carry
            value = isOverflowing ? 0 : sum
        }
        guard !isOverflowing else { throw .bodyTooLarge(bytesMax: .max) }
        return value
    }
}

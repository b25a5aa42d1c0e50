// SPDX-License-Identifier: Apache-2.0

/// Everything that can be wrong with a message; after any of them the connection is of no more use.
package enum HTTPWireError: Error, Equatable, Sendable {
    // MARK: Ours: the request was refused before a byte of it was sent

    /// A part of the request holds bytes that would change its meaning on the wire, or contradicts its framing.
    case unencodableRequest(RequestPart)

    // MARK: The peer's: the answer breaks the rules or our limits

    /// The answer does not begin with `HTTP/1.`: another protocol, HTTP/0.9, HTTP/2.
    case notHTTP
    /// The status line is not `HTTP/1.x SP 3DIGIT [SP reason]`, or holds control bytes.
    case malformedStatusLine
    /// A field line of the head or of the trailers breaks the grammar.
    case malformedFieldLine(FieldLineFlaw)
    /// The head, or the trailers, is longer than `ResponseLimits.headBytesMax`.
    case headTooLarge
    /// The head, or the trailers, has more than `ResponseLimits.fieldsMax` lines.
    case tooManyFields
    /// More than `ResponseLimits.interimResponsesMax` responses 1xx came before the final one.
    case tooManyInterimResponses
    /// 101: nobody asked for another protocol.
    case unexpectedUpgrade
    /// Content-Length is not a decimal number.
    case malformedContentLength
    /// Content-Length occurs more than once, with different values.
    case conflictingContentLength
    /// Transfer-Encoding is anything but one `chunked` in one field of an HTTP/1.1 response.
    case unsupportedTransferCoding
    /// A chunk does not begin with a size line, or does not end with CR LF.
    case malformedChunk
    /// The chunk extensions of one body together exceed `ResponseLimits.chunkExtensionBytesMax`.
    case chunkExtensionsTooLarge
    /// The body is, or says it will be, longer than the request allows, or than any number can say.
    case bodyTooLarge(bytesMax: Int)

    // MARK: The network's: the answer ended early

    /// The peer closed before the first byte of the answer: the close race of a reused connection looks like this.
    case closedBeforeResponse
    /// The peer closed in the middle of the head or the body.
    case truncated(MessagePart)

    /// The part of a request that cannot be encoded.
    package enum RequestPart: Sendable {
        case method, target, fieldName, fieldValue, host, contentLength, transferEncoding
    }

    /// What is wrong with a field line.
    package enum FieldLineFlaw: Sendable {
        case missingColon, malformedName, controlByte, foldedFirstLine
    }

    /// The part of a response that was cut off.
    package enum MessagePart: Sendable {
        case head, body
    }
}

extension HTTPWireError {
    /// Who has to change for this to go away.
    package enum Fault: Sendable {
        /// We built a request that may not be sent.
        case ours
        /// The server, or something in between that answers for it, broke the rules.
        case peer
        /// The connection ended early.
        case network
    }

    /// Who has to change for this to go away.
    package var fault: Fault {
        switch self {
        case .unencodableRequest: .ours
        case .closedBeforeResponse, .truncated: .network
        case .notHTTP, .malformedStatusLine, .malformedFieldLine, .headTooLarge, .tooManyFields,
            .tooManyInterimResponses, .unexpectedUpgrade, .malformedContentLength,
            .conflictingContentLength, .unsupportedTransferCoding, .malformedChunk,
            .chunkExtensionsTooLarge, .bodyTooLarge:
            .peer
        }
    }

    /// Whether the same request may succeed when it is sent again.
    ///
    /// Whether it may be *sent* again is for the caller to say: it knows if the request is idempotent.
    package var isRetryable: Bool { fault == .network }
}

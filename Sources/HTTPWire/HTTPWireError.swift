// SPDX-License-Identifier: Apache-2.0

/// Everything that can be wrong with a message; after any of them the connection is of no more use.
package enum HTTPWireError: Error, Equatable, Sendable {
    /// A part of the request, of which no byte was sent, holds bytes that would change its meaning on the wire, or
    /// contradicts its framing.
    case unencodableRequest(RequestPart)
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
    /// 206 to a request without a Range (RFC 9110 section 15.3.7): the rest would be missing, and nothing would say so.
    case unrequestedPart
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
    /// The peer closed before the first byte of the answer: the close race of a reused connection looks like this.
    case closedBeforeResponse
    /// The peer closed in the middle of the head or the body.
    case truncated(MessagePart)

    /// The part of a request that cannot be encoded.
    package enum RequestPart: Sendable {
        case method, target, fieldName, fieldValue, host, contentLength, transferEncoding
    }

    /// What is wrong with a field line.
    package enum FieldLineFlaw: Sendable { case missingColon, malformedName, controlByte, foldedFirstLine }

    /// The part of a response that was cut off.
    package enum MessagePart: Sendable { case head, body }

    /// Where the cause of an error lies.
    package enum Cause: Sendable { case request, response, connection }

    /// What broke the rules, or broke off.
    package var cause: Cause {
        switch self {
        case .unencodableRequest: .request
        case .notHTTP, .malformedStatusLine, .malformedFieldLine, .headTooLarge, .tooManyFields,
            .tooManyInterimResponses, .unexpectedUpgrade, .unrequestedPart, .malformedContentLength,
            .conflictingContentLength,
            .unsupportedTransferCoding, .malformedChunk, .chunkExtensionsTooLarge, .bodyTooLarge:
            .response
        case .closedBeforeResponse, .truncated: .connection
        }
    }

    /// Whether the same request may succeed when it is sent again; whether it may be *sent* again is for the caller
    /// to say: it knows if the request is idempotent.
    package var isRetryable: Bool { cause == .connection }
}

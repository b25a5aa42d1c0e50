// SPDX-License-Identifier: Apache-2.0

/// What is wrong with bytes that claim to be gzip (RFC 1952); every case is the peer's fault and none is retryable.
package enum CompressionError: Error, Equatable, Sendable {
    /// The input ended inside a member, or was empty.
    case truncated
    /// A header, a block or a checksum is not what RFC 1951 or 1952 allow; the text is zlib's own.
    case corrupt(String)
    /// The output would pass the limit that the caller set: a bomb, or a value nobody expected.
    case outputOverLimit(bytesMax: Int)
    /// Bytes that are neither zero padding nor another member follow the last one.
    case trailingBytes
}

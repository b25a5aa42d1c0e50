// SPDX-License-Identifier: Apache-2.0

/// What is wrong with bytes that claim to be gzip (RFC 1952); every case is the peer's fault and none is retryable.
package enum CompressionError: Error, Equatable, Sendable {
    /// The input ended inside a member, or was empty.
    case truncated
    /// A header, a block or a checksum is not what RFC 1951 or 1952 allow; the text is zlib's own.
    case corrupt(String)
    /// The output would pass the limit that the caller set: a decompression bomb, or a value larger than any expected.
    case outputOverLimit(bytesMax: Int)
    /// Bytes that are neither zero padding nor another member follow the last one.
    case trailingBytes
}

/// Gzip (RFC 1952) of values that fit in memory; `GzipCompressor` and `GzipDecompressor` serve the larger ones.
package enum Gzip {
    /// The two bytes every member starts with; the job runner tells a compressed result by them.
    package static let magic: [UInt8] = [0x1F, 0x8B]

    /// Returns `bytes` as one gzip member; equal input gives equal output.
    package static func compress(_ bytes: [UInt8], level: Int = 6) -> [UInt8] {
        let compressor = GzipCompressor(level: level)
        compressor.feed(bytes)
        compressor.finish()
        var output: [UInt8] = []
        while let piece = compressor.next() { output += piece }
        return output
    }
}

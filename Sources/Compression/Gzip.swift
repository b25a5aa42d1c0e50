// SPDX-License-Identifier: Apache-2.0

internal import CZlib

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

    /// Returns `bytes` as one gzip member that is not compressed (RFC 1951 section 3.2.4): for few bytes, which are not worth
    /// the 256 KiB that a compressor needs, behind a member that is.
    package static func stored(_ bytes: [UInt8]) -> [UInt8] {
        // Deflate; no flags, time or hints; made on Unix, as zlib says.
        var member = magic + [8, 0, 0, 0, 0, 0, 0, 3]
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(Int(UInt16.max))
            rest = rest.dropFirst(block.count)
            member.append(rest.isEmpty ? 1 : 0)
            append(UInt32(block.count) | ~UInt32(block.count) << 16, to: &member)
            member += block
        } while !rest.isEmpty
        append(UInt32(crc32_z(0, bytes, bytes.count)), to: &member)
        append(UInt32(truncatingIfNeeded: bytes.count), to: &member)
        return member
    }

    private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
        for place in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * UInt32(place)))) }
    }
}

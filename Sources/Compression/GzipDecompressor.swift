// SPDX-License-Identifier: Apache-2.0
import CZlib

/// Reads gzip piece by piece: `feed`, drain `next` until nil, and so on, then `finish`.
///
/// It takes what Python's `gzip` module takes: several members in a row (RFC 1952 section 2.2) and zero bytes after
/// them. Anything else after a member is an error, as is output over the limit.
package final class GzipDecompressor {
    private enum Position {
        /// Before the first member. Leaves for `inside` with the first byte.
        case start
        /// In a member. Leaves for `between` when its checksum has been read and holds.
        case inside
        /// After a member. Leaves for `inside` when another one starts; stays for zero padding.
        case between
    }

    private let stream = DeflateStream(start: { czlib_inflate_init_gzip($0) }, end: { inflateEnd($0) })
    private let outputBytesMax: Int
    private var outputBytes = 0
    private var position = Position.start

    /// Makes a reader that refuses to produce more than `outputBytesMax` bytes in all.
    package init(outputBytesMax: Int) { self.outputBytesMax = outputBytesMax }

    /// Adds input; call `next` until it returns nil before adding more, or the input piles up.
    package func feed(_ bytes: [UInt8]) { stream.append(bytes) }

    /// Returns the next piece of output, at most 64 KiB, or nil when it needs more input or has come to an end.
    package func next() throws(CompressionError) -> [UInt8]? {
        while try enterMember() {
            let (status, output) = stream.step { inflate($0, Z_NO_FLUSH) }
            outputBytes += output.count
            guard outputBytes <= outputBytesMax else { throw .outputOverLimit(bytesMax: outputBytesMax) }
            switch status {
            case Z_STREAM_END: position = .between
            case Z_OK: break
            // No progress was possible: all input is used and nothing waits in zlib's window.
            case Z_BUF_ERROR: return output.isEmpty ? nil : output
            default: throw .corrupt(stream.message)
            }
            if !output.isEmpty { return output }
        }
        return nil
    }

    /// Checks that the input ended where a member ended.
    package func finish() throws(CompressionError) {
        guard position == .between, stream.pendingBytes == 0 else { throw .truncated }
    }

    /// Moves to the inside of a member, and answers false where the pending input holds no (more of a) member.
    private func enterMember() throws(CompressionError) -> Bool {
        switch position {
        case .inside:
            // Even without input zlib may still hold output that did not fit into the last piece.
            return true
        case .start:
            guard stream.pendingBytes > 0 else { return false }
        case .between:
            while stream.firstPendingByte == 0 { stream.skip(1) }
            guard let first = stream.firstPendingByte else { return false }
            guard first == Gzip.magic[0] else { throw .trailingBytes }
            stream.control { inflateReset($0) }
        }
        position = .inside
        return true
    }
}

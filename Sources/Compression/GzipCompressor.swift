// SPDX-License-Identifier: Apache-2.0
import CZlib

/// Compresses one gzip member piece by piece: `feed`, drain `next` until nil, and so on, then `finish` and drain.
///
/// The header carries no time and no name, so equal input gives equal output in every process: a launch that
/// is retried under the same retry token must carry the same bytes.
package final class GzipCompressor {
    private let stream: DeflateStream
    private var isFinishing = false
    private var isDone = false

    /// Makes a compressor; `level` is zlib's 1 (fast) to 9 (small).
    package init(level: Int = 6) {
        precondition((1...9).contains(level), "a level that zlib does not know")
        stream = DeflateStream(start: { czlib_deflate_init_gzip($0, Int32(level)) }, end: { deflateEnd($0) })
    }

    /// Adds input; call `next` until it returns nil before adding more, or the input piles up.
    package func feed(_ bytes: [UInt8]) {
        precondition(!isFinishing, "input after the end of the member")
        stream.append(bytes)
    }

    /// Says that no more input follows; the rest of the member then comes out of `next`.
    package func finish() { isFinishing = true }

    /// Returns the next piece of output, at most 64 KiB, or nil when it needs more input or is done.
    package func next() -> [UInt8]? {
        guard !isDone, isFinishing || stream.pendingBytes > 0 else { return nil }
        while true {
            // Input over 2 GiB is offered in parts, and only the last part may end the member.
            let isLastPart = isFinishing && stream.pendingBytes <= Int(Int32.max)
            let (status, output) = stream.step { deflate($0, isLastPart ? Z_FINISH : Z_NO_FLUSH) }
            isDone = status == Z_STREAM_END
            if !output.isEmpty { return output }
            if isDone || (!isFinishing && stream.pendingBytes == 0) { return nil }
        }
    }
}

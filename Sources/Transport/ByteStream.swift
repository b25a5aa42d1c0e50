// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// A two-way stream of bytes; one reader and one writer may be at work at the same time.
@LoopActor
package protocol ByteStream: AnyObject, Sendable {
    /// Suspends until bytes arrive and returns 1 to `maximumCount` of them, or none when the peer has ended
    /// the stream cleanly; under TLS that takes close_notify.
    ///
    /// A read whose deadline passes or that is cancelled loses nothing: the next one goes on.
    func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8]

    /// Hands all of `bytes` to the kernel, suspending while the peer is slow; a write that throws has sent an
    /// unknown part, so the stream can only be closed.
    func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError)

    /// Says that no more will be written, drops what still arrives until the peer ends too or `deadline`
    /// passes, and closes.
    ///
    /// `close` alone makes the kernel answer unread input with a reset, and a reset may overtake bytes that
    /// were written last. A read or write at work ends with `.closed`.
    func finish(deadline: Deadline) async

    /// Closes at once; more than once is harmless. A read or write at work ends with `.closed`.
    func close()

    /// Whether the stream may carry another exchange: nothing unread, and the peer has not ended it.
    var isIdleAndOpen: Bool { get }
}

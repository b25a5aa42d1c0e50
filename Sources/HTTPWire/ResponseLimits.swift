// SPDX-License-Identifier: Apache-2.0

/// Bounds on what a server can make us hold, in bytes and counts.
package struct ResponseLimits: Equatable, Sendable {
    /// One head (also an interim one), and the trailers, line ends included: 64 KiB.
    ///
    /// Others: nginx 4 x 8 KiB, node 16 KiB, tomcat 8 KiB, h11 16 KiB, curl 300 KiB.
    package var headBytesMax = 64 * 1024
    /// Field lines in one head: 128.
    ///
    /// Others: Go 128 to 250, hyper 100, curl 5000.
    package var fieldsMax = 128
    /// Responses 1xx before the final one: 10.
    ///
    /// Go allows 5, curl no bound.
    package var interimResponsesMax = 10
    /// Chunk extensions of one body together: 16 KiB, node's bound since a peer could send nothing else for ever.
    package var chunkExtensionBytesMax = 16 * 1024
    /// The body after decoding.
    ///
    /// A larger one is refused at its Content-Length or when the last allowed byte is passed.
    package var bodyBytesMax: Int

    /// The usual limits with a cap on the body.
    package init(bodyBytesMax: Int) {
        self.bodyBytesMax = bodyBytesMax
    }
}

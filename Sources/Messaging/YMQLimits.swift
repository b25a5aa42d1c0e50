// SPDX-License-Identifier: Apache-2.0

/// How much a YMQ peer may make this side hold.
///
/// Upstream has no limit in either direction.
package struct YMQLimits: Sendable {
    /// Bytes of one received message.
    let messageBytesMax: Int
    /// Bytes of the peer's identity; Scaler's own have under 100, ZMTP allows 255.
    let identityBytesMax: Int
    /// Bytes queued to be sent; one `send` may exceed it when nothing else waits.
    let sendQueueBytesMax: Int

    /// Makes limits; the defaults suit a scheduler and an object storage server.
    package init(
        messageBytesMax: Int = 1 << 30,
        identityBytesMax: Int = 4096,
        sendQueueBytesMax: Int = 64 << 20
    ) {
        self.messageBytesMax = messageBytesMax
        self.identityBytesMax = identityBytesMax
        self.sendQueueBytesMax = sendQueueBytesMax
    }
}

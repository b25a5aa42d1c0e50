// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// How much the peer of a link may make this side hold, and how slow it may be.
///
/// Scaler's own ends have no limit in either direction.
package struct LinkLimits: Sendable {
    /// Bytes of a message; over ZMTP of all frames of one together.
    let messageBytesMax: Int
    /// Bytes of a YMQ peer's identity; Scaler's own have under 100, ZMTP allows 255.
    let identityBytesMax: Int
    /// Bytes queued to be sent; one `send` may exceed it when nothing else waits.
    let sendQueueBytesMax: Int
    /// Shared with the other links, each of which may bring large messages; nil for a link whose messages are not kept whole.
    let largeMessageTurn: LargeMessageTurn?
    /// How long `progressByteCount` more bytes of a message that has begun may take, or its end.
    let progressTime: Duration

    /// So few bytes in `progressTime` are none: half a kilobyte a second with the default, where a slow line has 64.
    static let progressByteCount = 16 * 1024

    /// Makes limits; the defaults suit a scheduler and an object storage server.
    package init(
        messageBytesMax: Int = 1 << 30,
        identityBytesMax: Int = 4096,
        sendQueueBytesMax: Int = 64 << 20,
        largeMessageTurn: LargeMessageTurn? = nil,
        progressTime: Duration = .seconds(30)
    ) {
        self.messageBytesMax = messageBytesMax
        self.identityBytesMax = identityBytesMax
        self.sendQueueBytesMax = sendQueueBytesMax
        self.largeMessageTurn = largeMessageTurn
        self.progressTime = progressTime
    }
}

/// When a message that is put together must have come on, or is given up.
struct ArrivalProgress {
    private let time: Duration
    private let turn: LargeMessageTurn?
    private var milestone: (byteCount: Int, due: Deadline)?
    /// What was waited for, until the message is whole.
    private var pass: LargeMessageTurn.Pass?

    init(_ limits: LinkLimits) { (time, turn) = (limits.progressTime, limits.largeMessageTurn) }

    /// By when more must have come, now that there are `byteCount` bytes of the message; nil stands for no message.
    mutating func due(with byteCount: Int?) -> Deadline {
        guard let byteCount else {
            ended()
            return .never
        }
        if let milestone, byteCount - milestone.byteCount < LinkLimits.progressByteCount {
            return milestone.due
        }
        let due = Deadline.after(time)
        milestone = (byteCount, due)
        return due
    }

    /// The message goes on after a wait that was not for the peer.
    mutating func begin(with pass: LargeMessageTurn.Pass) { (self.pass, milestone) = (pass, nil) }

    /// There is no message any more.
    mutating func ended() { (milestone, pass) = (nil, nil) }

    /// What to wait for before more than so many bytes are held; nil if they may be.
    func turn(with byteCount: Int) -> LargeMessageTurn? {
        pass == nil && byteCount >= LargeMessageTurn.freeByteCount ? turn : nil
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Tells when the scheduler has surely read a reply.
///
/// Nothing acknowledges a reply, but the scheduler reads a connection in order and echoes every heartbeat: the
/// echo confirms all that was sent before its heartbeat. A connection that broke confirms nothing any more;
/// what it carried counts as sent again on the next one.
@LoopActor
final class Confirmations {
    /// Replies that no heartbeat followed yet.
    private var replies: [Latch] = []
    /// For each heartbeat whose echo is awaited, oldest first, the replies before it.
    private var heartbeats: [[Latch]] = []
    private var linkNumber = 0

    /// Notes a reply; the latch opens when it is confirmed, or never.
    func replySent() -> Latch {
        let latch = Latch()
        replies.append(latch)
        return latch
    }

    /// Notes a heartbeat on the link of that number.
    func heartbeatSent(onLink number: Int) {
        if number != linkNumber {
            linkNumber = number
            replies = heartbeats.flatMap { $0 } + replies
            heartbeats = []
        }
        heartbeats.append(replies)
        replies = []
    }

    /// Notes an echo.
    func echoReceived() {
        guard !heartbeats.isEmpty else { return }
        for reply in heartbeats.removeFirst() { reply.open() }
    }
}

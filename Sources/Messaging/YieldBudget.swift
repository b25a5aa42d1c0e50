// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Keeps a receiver that always finds a message from having the loop to itself.
///
/// An async function that need not wait does not suspend, so without this a flood would stop every timer.
@LoopActor
final class YieldBudget {
    /// As many messages as a turn of the loop may deliver; the cost of a turn is small beside theirs.
    private static let messageCountMax = 64

    private var left = messageCountMax

    /// Counts a message that is about to be taken, and now and then lets others run first.
    func spend() async throws(MessagingError) {
        if left == 0 {
            left = Self.messageCountMax
            await yieldToOthers()
            if isCancelled { throw .cancelled }
        }
        left -= 1
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging

/// Something that goes wrong again and again: told when it begins, then at most once a minute, and when it is over.
///
/// An hour of outage is a few dozen lines this way, however many calls fail in it.
@LoopActor
final class LastingTrouble {
    private let what: Logger.Message
    private let relief: Logger.Message
    private let log: Logger
    private let interval: Duration
    private var lastTold: Deadline?
    private var untoldCount = 0

    /// `what` is told as a warning, `relief` when it is over.
    init(_ what: Logger.Message, relief: Logger.Message, log: Logger, interval: Duration = .seconds(60)) {
        self.what = what
        self.relief = relief
        self.log = log
        self.interval = interval
    }

    /// Notes that it happened.
    func occurred(_ metadata: Logger.Metadata) {
        if let lastTold, !(lastTold + interval).isPast {
            untoldCount += 1
            return
        }
        var metadata = metadata
        if untoldCount > 0 { metadata["times_since"] = "\(untoldCount)" }
        log.warning(what, metadata: metadata)
        lastTold = .now
        untoldCount = 0
    }

    /// Notes that it is over.
    func ended() {
        guard lastTold != nil else { return }
        log.info(relief)
        lastTold = nil
        untoldCount = 0
    }
}

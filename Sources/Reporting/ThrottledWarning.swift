// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Logging
package import OCIServices

/// A condition that fails again and again: logged when it begins, and when it is over, but at most once a minute.
///
/// An hour of outage is a few dozen lines this way, however many calls fail in it, and however often one succeeds.
@LoopActor
package final class ThrottledWarning {
    private let warning: Logger.Message
    private let recovery: Logger.Message
    private let log: Logger
    private let interval: Duration
    private var lastLogged: Deadline?
    /// Whether it was logged and is not over.
    private var isTold = false
    private var suppressedCount = 0

    /// `warning` is logged while the condition lasts, `recovery` (as information) when it is over.
    package init(
        _ warning: Logger.Message,
        recovery: Logger.Message,
        log: Logger,
        interval: Duration = .seconds(60)
    ) {
        self.warning = warning
        self.recovery = recovery
        self.log = log
        self.interval = interval
    }

    /// Notes that it happened (again).
    package func occurred(_ metadata: Logger.Metadata) {
        if let lastLogged, !(lastLogged + interval).isPast {
            suppressedCount += 1
            return
        }
        var metadata = metadata
        if suppressedCount > 0 { metadata["times_since"] = "\(suppressedCount)" }
        log.warning(warning, metadata: metadata)
        lastLogged = .now
        isTold = true
        suppressedCount = 0
    }

    /// Notes that a call failed; access that is lost is told once for all calls, and not here.
    package func occurred(_ error: OCIError, _ metadata: Logger.Metadata = [:]) {
        if error.isAccessLost { return }
        occurred(metadata.merging(["error": "\(error)"]) { $1 })
    }

    /// Notes that it is over.
    package func ended() {
        guard isTold else { return }
        log.info(recovery)
        isTold = false
    }
}

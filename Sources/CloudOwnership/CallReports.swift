// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Logging
package import OCIServices
internal import Reporting

/// What the log says of a manager's calls to OCI.
///
/// A daemon at work repeats a failed call in silence, for its tasks wait and nothing else is wrong. While it starts nobody
/// sees anything else of it, so that each minute of waiting has its line.
@LoopActor
package final class CallReports {
    private let log: Logger
    private let loss: ThrottledWarning
    private let outage: ThrottledWarning
    private var isStarting = true

    /// Reports to `log`.
    package init(_ log: Logger) {
        self.log = log
        loss = ThrottledWarning(
            "OCI refuses what it allowed before; tasks wait until it is allowed again",
            recovery: "OCI allows everything again",
            log: log
        )
        outage = ThrottledWarning(
            "OCI is not reachable; trying again",
            recovery: "OCI is reachable",
            log: log
        )
    }

    /// Notes what happened on the way to an answer.
    package func note(_ notice: ServiceNotice) {
        switch notice {
        case .accessLost(let error): loss.occurred(["error": "\(error)"])
        case .accessRegained: loss.ended()
        case .retrying(let error, _, _) where isStarting: outage.occurred(["error": "\(error)"])
        default: log.log(level: notice.level, "call to OCI", metadata: ["notice": "\(notice)"])
        }
    }

    /// Tries until `body`, a part of the start, succeeds or throws what a person must mend; says after `silenceMax` that
    /// there is no answer, and then why, once a minute.
    package func untilReachable<Value: Sendable>(
        silenceMax: Duration = .seconds(2),
        _ body: @LoopActor () async throws(OCIError) -> Value
    ) async throws(OCIError) -> Value {
        let silence = LoopTimer(.after(silenceMax)) {
            self.outage.occurred(["error": "no complete answer so far"])
        }
        defer { silence.stop() }
        while true {
            do throws(OCIError) {
                let value = try await body()
                outage.ended()
                return value
            } catch {
                guard error.isRetryable else { throw error }
                outage.occurred(["error": "\(error)"])
            }
            do throws(WaitError) { try await sleep(for: .seconds(5)) } catch { throw .cancelled }
        }
    }

    /// The start is over.
    package func started() {
        isStarting = false
        outage.ended()
    }
}

extension ServiceNotice {
    /// How much it matters to whoever reads the log.
    fileprivate var level: Logger.Level {
        switch self {
        case .retrying, .credentialsRenewed: .debug
        case .rateLowered: .info
        case .clockCorrected, .itemsPassedOver, .accessLost, .accessRegained: .warning
        }
    }
}

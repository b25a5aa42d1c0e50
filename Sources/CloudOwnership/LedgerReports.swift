// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import Reporting
internal import TaskEngine

/// What the log says of a ledger's orders.
@LoopActor
struct LedgerReports {
    private let log: Logger
    private let doubtWarning: ThrottledWarning
    private let stuckWarning: ThrottledWarning

    init(_ log: Logger) {
        self.log = log
        doubtWarning = ThrottledWarning(
            "cannot delete an instance; trying again",
            recovery: "no deletion is in doubt",
            log: log
        )
        stuckWarning = ThrottledWarning(
            "an instance does not go away although its deletion was accepted; deleting it again",
            recovery: "no deletion is stuck",
            log: log
        )
    }

    /// Says why an instance is deleted, and warns where a person may have to do something.
    func deletion(of id: String, of task: TaskKey?, because reason: DeletionReason) {
        let task = task.map { "\($0)" } ?? "unknown"
        let facts: Logger.Metadata = ["task": "\(task)", "instance": "\(id)", "reason": "\(reason.rawValue)"]
        log.debug("deleting an instance", metadata: facts)
        switch reason {
        case .second: log.warning("deleting a second instance of a task", metadata: facts)
        case .doubtful:
            doubtWarning.occurred([
                "instance": "\(id)", "error": "\(reason.rawValue)",
                "next_step": "check the policy: manage compute-container-family",
            ])
        case .stuck:
            stuckWarning.occurred([
                "instance": "\(id)",
                "next_step":
                    "check in the console what holds it, and the policy: manage compute-container-family",
            ])
        default: break
        }
    }

    func write(_ report: CloudReport, _ ledger: CloudLedger) {
        switch report {
        case .adopted(let task):
            log.info("adopted what was left of a task", metadata: ["task": "\(task)"])
        case .orphanExpired(let task):
            log.info("deleting what nobody asked for", metadata: ["task": "\(task)"])
        case .noDeletionStuck:
            stuckWarning.ended()
            // One that is ordered anew is still in doubt.
            if !ledger.hasDoubtfulDeletion, ledger.hasNoPendingDeletion { doubtWarning.ended() }
        }
    }
}

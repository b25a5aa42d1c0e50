// SPDX-License-Identifier: Apache-2.0
//
// What instances used, remembered for `cost`.
//
// Rule: these are statistics. No decision reads them, and the cloud stays the daemon's only memory.
// Consequence: what cannot be written is lost, and said once. Lines are gathered for a second and added in one write to a
// file that is opened for that moment; at its limit the file takes the place of the one before, so that both together are
// bounded. Half a line, as a crash or a full disk leaves it, is passed over by the reader.

package import EventLoop
package import Logging
package import OCIServices
internal import Reporting
internal import Transport

/// Writes a record of each instance that ends to a file in the state directory.
@LoopActor
package final class UsageLog {
    /// The file's name in the state directory; the one before it ends in `.1`.
    package nonisolated static let fileName = "usage.jsonl"
    /// Of one file; some 90,000 instances.
    package nonisolated static let fileBytesMax = 32 << 20
    private static let writePause: Duration = .seconds(1)
    /// Of lines that wait; more come only where a thousand instances end in a second.
    private static let waitingBytesMax = 4 << 20

    private let path: String
    private let serviceSeconds: @LoopActor () -> Int
    private let warning: ThrottledWarning
    private var meter = UsageRecorder()
    private var waiting: [UInt8] = []
    private var isWriting = false

    /// A log in a directory that exists; `serviceSeconds` tells the service's time of day in seconds since 1970.
    package init(directory: String, log: Logger, serviceSeconds: @escaping @LoopActor () -> Int) {
        path = "\(directory)/\(Self.fileName)"
        self.serviceSeconds = serviceSeconds
        warning = ThrottledWarning(
            "cannot remember what instances used; their cost is lost, and nothing else",
            recovery: "what instances used is remembered again",
            log: log,
            interval: .seconds(3600)
        )
    }

    /// The service told of an instance; `ledgerChanged` must follow.
    func seen(_ summary: ContainerInstance) { meter.seen(summary) }

    /// A create was answered with an instance, which the ledger knows from then on.
    package func made(_ summary: ContainerInstance) { meter.made(summary) }

    func ledgerChanged(isKnown: (String) -> Bool) {
        meter.ledgerChanged(at: serviceSeconds(), isKnown: isKnown)
        takeEnded()
    }

    func deletionAccepted(_ id: String) {
        meter.deletionAccepted(id, at: serviceSeconds())
        takeEnded()
    }

    /// Writes what waits; for the end of the process, too.
    package func write() {
        if waiting.isEmpty { return }
        let bytes = waiting
        waiting = []
        do throws(TransportError) {
            try appendToFile(path, bytes, rotatingAt: Self.fileBytesMax)
            warning.ended()
        } catch {
            warning.occurred([
                "path": "\(path)", "error": "\(error)",
                "next_step": "make room, or give another --state-directory that this user may write to",
            ])
        }
    }

    private func takeEnded() {
        for usage in meter.takeEnded() where waiting.count < Self.waitingBytesMax { waiting += usage.line }
        if waiting.isEmpty || isWriting { return }
        isWriting = true
        spawn {
            try? await sleep(for: Self.writePause)
            self.isWriting = false
            self.write()
        }
    }
}

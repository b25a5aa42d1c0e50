// SPDX-License-Identifier: Apache-2.0
//
// Asks for deletions of instances until they are accepted.
//
// Rule: a delete is refused while the instance is being made or changed (409), while we are throttled (429), and during
// an outage. One that has to wait must not hold up the others.
// Consequence: it goes to the end of the queue after a pause of its own.

internal import EventLoop
internal import Logging
internal import OCIServices
internal import Reporting
internal import TaskEngine

/// Deletes instances, however long that takes; which to delete, and what an answer means, the ledger knows.
@LoopActor
final class InstanceDeleter {
    /// How long one deletion may occupy its place before the next gets a chance.
    private static let attemptTimeout: Duration = .seconds(20)

    /// The most deletions under way that one process needs.
    private static let windowMax = 64

    /// So many deletions may be under way in any case, and more where the service answers them as fast; the rest wait, so that
    /// creates find a connection too.
    var parallelCountMin = LeavingPace.usualParallelCount { didSet { startWork() } }
    private var window = FlightWindow(LeavingPace.usualParallelCount, upTo: windowMax)

    private let instances: ContainerInstances
    private let log: Logger
    private let warning: ThrottledWarning
    /// Instances whose deletion is not answered yet, with the pauses between attempts.
    private var pauses: [String: Backoff] = [:]
    /// Those that no attempt is under way for and no pause.
    private let waiting = Mailbox<String>()
    private var workingCount = 0

    /// What deletions found, in the order of the answers; the ledger's driver receives it.
    let outcomes = Mailbox<(id: String, found: DeleteOutcome)>()
    /// The last answer that says that we are not allowed to delete.
    private(set) var denial: OCIError?

    init(instances: ContainerInstances, log: Logger) {
        self.instances = instances
        self.log = log
        warning = ThrottledWarning(
            "cannot delete an instance; trying again",
            recovery: "every deletion of an instance was accepted",
            log: log
        )
    }

    /// Begins to ask for an instance's deletion.
    func delete(_ id: String) {
        guard pauses[id] == nil else { return }
        pauses[id] = Backoff(initial: .seconds(1), limit: .seconds(30))
        enqueue(id)
    }

    private func enqueue(_ id: String) {
        waiting.send(id)
        startWork()
    }

    private func startWork() {
        while workingCount < max(parallelCountMin, window.size), let id = waiting.poll() {
            workingCount += 1
            spawn {
                await self.attempt(id)
                self.workingCount -= 1
                if self.workingCount == 0, self.waiting.count == 0 { self.window.ended() }
                self.startWork()
            }
        }
    }

    private func attempt(_ id: String) async {
        let begun = Deadline.now
        do throws(OCIError) {
            let found = try await instances.delete(id, deadline: .after(Self.attemptTimeout))
            window.succeeded(after: Deadline.now.duration(since: begun), isFull: waiting.count > 0)
            pauses[id] = nil
            if pauses.isEmpty { warning.ended() }
            outcomes.send((id, found))
        } catch {
            if error.isDenial { denial = error }
            if error.isRetryable, error.kind != .incorrectState { window.failed() }
            // While it is being made or changed it cannot be deleted; that is as usual as it is short.
            if error.kind == .incorrectState {
                log.debug("cannot delete an instance yet", metadata: ["instance": "\(id)"])
            } else {
                warning.occurred(error, ["instance": "\(id)", "waiting": "\(pauses.count)"])
            }
            retryLater(id)
        }
    }

    private func retryLater(_ id: String) {
        guard let pause = pauses[id]?.next(random: { LoopRandom.number(in: 0.5..<1) }) else { return }
        spawn {
            // Nobody cancels this, so it cannot throw.
            try? await sleep(for: pause)
            self.enqueue(id)
        }
    }
}

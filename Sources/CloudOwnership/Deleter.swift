// SPDX-License-Identifier: Apache-2.0
//
// Asks for deletions until they are accepted.
//
// Rule: a delete is refused while the instance is being made or changed (409), while we are throttled (429), and during
// an outage. One that has to wait must not hold up the others.
// Consequence: it goes to the end of the queue after a pause of its own.

internal import EventLoop
internal import Logging
internal import OCIServices
internal import Reporting
internal import TaskEngine

/// Deletes instances and objects, however long that takes; what to delete, and what an answer means, the ledger knows.
@LoopActor
final class Deleter {
    enum Outcome {
        /// The service accepted to delete the instance.
        case accepted(String)
        /// The service has no instance of this id, or none that we may see.
        case notThere(String)
        /// The objects of these names are not there any more.
        case objectsDeleted([String])
        /// The service will not delete the objects of these names; they are asked for again after a long pause.
        case objectsRefused([String])
    }

    /// Deletions of instances under way at once; the rest wait, so that creates find a connection too.
    private static let parallelCountMax = 4
    /// How long one deletion may occupy its place before the next gets a chance.
    private static let attemptTimeout: Duration = .seconds(20)
    private static let batchDelay: Duration = .milliseconds(500)
    /// How long a name is left alone that the service will not delete even alone.
    private static let refusedNamePause: Duration = .seconds(600)

    private let instances: ContainerInstances
    private let objects: ObjectStorage
    private let log: Logger
    private let instanceWarning: ThrottledWarning
    private let objectWarning: ThrottledWarning
    /// Instances whose deletion is not accepted yet, with the pauses between attempts.
    private var pauses: [String: Backoff] = [:]
    private var waiting: [String] = []
    private var workingCount = 0
    private var names: Set<String> = []
    private var refusedNames: Set<String> = []
    /// Names of the batch under way.
    private var batch: Set<String> = []
    private var batchCountMax = ObjectStorage.batchCountMax
    private let batchEnded = Broadcast()
    private let namesArrived = Wakeup()

    /// What came of deletions, in order; the ledger's driver receives it.
    let outcomes = Mailbox<Outcome>()
    /// The last answer that says that we are not allowed to delete.
    private(set) var denial: OCIError?

    init(instances: ContainerInstances, objects: ObjectStorage, log: Logger) {
        self.instances = instances
        self.objects = objects
        self.log = log
        instanceWarning = ThrottledWarning(
            "cannot delete an instance; trying again",
            recovery: "every deletion of an instance was accepted",
            log: log
        )
        objectWarning = ThrottledWarning(
            "cannot delete objects; trying again",
            recovery: "objects can be deleted again",
            log: log
        )
    }

    /// Begins to ask for an instance's deletion.
    func delete(instance id: String) {
        guard pauses[id] == nil else { return }
        pauses[id] = Backoff(initial: .seconds(1), limit: .seconds(30))
        waiting.append(id)
        startWork()
    }

    /// Deletes objects, soon, together with others.
    func delete(objects names: [String]) {
        self.names.formUnion(names)
        if !names.isEmpty { namesArrived.ring() }
    }

    /// Does not delete these objects after all; returns when no deletion of one of them is under way.
    func withhold(_ kept: [String]) async {
        names.subtract(kept)
        refusedNames.subtract(kept)
        while !batch.isDisjoint(with: kept) {
            guard (try? await batchEnded.wait()) != nil else { return }
            names.subtract(kept)
        }
    }

    /// Deletes objects in batches until cancelled.
    func deleteBatches() async {
        var backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
        while !isCancelled {
            if names.isEmpty { guard (try? await namesArrived.wait()) != nil else { return } }
            guard (try? await sleep(for: Self.batchDelay)) != nil else { return }
            if await deleteBatch() {
                backoff.reset()
            } else {
                guard (try? await sleep(for: backoff.next { LoopRandom.number(in: 0.5..<1) })) != nil else { return }
            }
        }
    }

    // MARK: - Instances

    private func startWork() {
        while workingCount < Self.parallelCountMax, !waiting.isEmpty {
            let id = waiting.removeFirst()
            workingCount += 1
            spawn {
                await self.attempt(id)
                self.workingCount -= 1
                self.startWork()
            }
        }
    }

    private func attempt(_ id: String) async {
        do throws(OCIError) {
            let outcome = try await instances.delete(id, deadline: .after(Self.attemptTimeout))
            pauses[id] = nil
            if pauses.isEmpty { instanceWarning.ended() }
            outcomes.send(outcome == .accepted ? .accepted(id) : .notThere(id))
        } catch {
            retryLater(id, after: error)
        }
    }

    private func retryLater(_ id: String, after error: OCIError) {
        noteDenial(error)
        // While it is being made or changed it cannot be deleted; that is as usual as it is short.
        if error.kind == .incorrectState {
            log.debug("cannot delete an instance yet", metadata: ["instance": "\(id)"])
        } else {
            instanceWarning.occurred(["instance": "\(id)", "error": "\(error)", "waiting": "\(pauses.count)"])
        }
        guard let pause = pauses[id]?.next(random: { LoopRandom.number(in: 0.5..<1) }) else { return }
        spawn {
            // Nobody cancels this, so it cannot throw.
            try? await sleep(for: pause)
            self.waiting.append(id)
            self.startWork()
        }
    }

    private func noteDenial(_ error: OCIError) {
        if error.kind?.isPermission == true || error.kind == .notAuthenticated { denial = error }
    }

    // MARK: - Objects

    /// Deletes one batch; what the service refused stays for the next.
    ///
    /// Returns whether all of it was deleted.
    private func deleteBatch() async -> Bool {
        let names = Array(names.sorted().prefix(batchCountMax))
        if names.isEmpty { return true }
        self.names.subtract(names)
        batch = Set(names)
        var remaining: [String] = []
        var isAnswered = true
        do throws(OCIError) {
            let failures = try await objects.deleteBatch(names, deadline: .after(.seconds(60)))
            remaining = failures.map(\.name)
            if let first = failures.first {
                objectWarning.occurred(["error": "\(first)", "count": "\(remaining.count)"])
            }
            batchCountMax = min(batchCountMax * 2, ObjectStorage.batchCountMax)
        } catch {
            isAnswered = false
            remaining = names
            noteDenial(error)
            objectWarning.occurred(["error": "\(error)", "count": "\(names.count)"])
            if error.kind == .badRequest { remaining = divide(names) }
        }
        self.names.formUnion(remaining)
        batch = []
        batchEnded.send()
        if remaining.isEmpty { objectWarning.ended() }
        if isAnswered { outcomes.send(.objectsDeleted(names.filter { !remaining.contains($0) })) }
        return isAnswered && remaining.isEmpty
    }

    /// A batch that is refused as a whole is divided until the name is found that the service will not have.
    private func divide(_ names: [String]) -> [String] {
        batchCountMax = max(1, names.count / 2)
        guard names.count == 1 else { return names }
        refusedNames.formUnion(names)
        outcomes.send(.objectsRefused(names))
        spawn {
            // Nobody cancels this, so it cannot throw.
            try? await sleep(for: Self.refusedNamePause)
            // What is to be kept meanwhile is not there any more.
            for name in names where self.refusedNames.remove(name) != nil { self.delete(objects: [name]) }
        }
        batchCountMax = ObjectStorage.batchCountMax
        return []
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// Deletes until the cloud says that it is gone.
//
// Rule: a delete is refused while the instance is being made or changed (409), while we are throttled (429), and during an
// outage; and an accepted delete is only a promise. A 404 may mean "gone" and may mean "not allowed".
// Consequence: an instance is done with when a listing that began after the acceptance does not show it. One that
// has to wait does not hold up the others: it goes to the end of the queue after a pause of its own.
//
// Rule: a container that is being deleted may still store its result.
// Consequence: the objects of an unanswered task are deleted after its instance is gone for certain.

internal import EventLoop
internal import Logging
internal import OCIServices
internal import Reporting
internal import TaskEngine

/// Deletes instances and objects until the cloud says they are gone, however long that takes.
@LoopActor
final class Reaper {
    /// Deletions under way at once; the rest wait, so that creates find a connection too.
    private static let parallelCountMax = 4
    /// How long one deletion may occupy its place before the next gets a chance.
    private static let attemptLimit: Duration = .seconds(20)
    /// How long to gather names for a batch.
    private static let batchDelay: Duration = .milliseconds(500)
    /// How long a name is left alone that the service will not delete.
    private static let refusalPause: Duration = .seconds(600)

    /// A deletion that was asked for and is not accepted yet.
    private struct Deletion {
        let accepted: Latch
        var objects: [String]
        var backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
    }

    /// An accepted deletion that no listing has confirmed yet.
    private struct Promise {
        let since: Deadline
        var objects: [String]
        /// Whether the service said that the instance was not there to delete.
        var isDoubtful = false
    }

    private let instances: ContainerInstances
    private let objects: ObjectStorage
    private let patience: Duration
    private let log: Logger
    private let instanceTrouble: ThrottledWarning
    private let objectTrouble: ThrottledWarning
    private let stuckTrouble: ThrottledWarning
    private var deletions: [String: Deletion] = [:]
    private var waiting: [String] = []
    private var working = 0
    private var promises: [String: Promise] = [:]
    private var objectNames: Set<String> = []
    /// Names that the service will not have even alone; asked for again after a long pause.
    private var refusedNames: Set<String> = []
    /// Names of the batch under way; who takes one out wants to have it stay if it was not deleted.
    private var batch: Set<String> = []
    private var batchCountMax = ObjectStorage.batchCountMax
    private let batchEnded = Latches()
    private let objectsArrived = Wakeup()
    private let becameIdle = Wakeup()

    /// How many instances were deleted, for the status page and the log.
    private(set) var deletedCount = 0
    /// Called when an instance is gone for certain.
    var onGone: @LoopActor () -> Void = {}
    /// Called when a deletion was accepted, with whether objects wait for the instance to be gone.
    var onAccepted: @LoopActor (_ hasObjects: Bool) -> Void = { _ in }
    /// Called when the cloud did not accept a deletion, which is tried again all the same.
    var onRefusal: @LoopActor (OCIError) -> Void = { _ in }

    /// `patience` is how long an accepted deletion may take before it is asked for again.
    init(
        instances: ContainerInstances,
        objects: ObjectStorage,
        patience: Duration = .seconds(300),
        log: Logger
    ) {
        self.instances = instances
        self.objects = objects
        self.patience = patience
        self.log = log
        instanceTrouble = ThrottledWarning(
            "cannot delete an instance; trying again",
            recovery: "every deletion of an instance was accepted",
            log: log
        )
        objectTrouble = ThrottledWarning(
            "cannot delete objects; trying again",
            recovery: "objects can be deleted again",
            log: log
        )
        stuckTrouble = ThrottledWarning(
            "an instance does not go away although its deletion was accepted; deleting it again",
            recovery: "no deletion is stuck",
            log: log
        )
    }

    /// Whether nothing is left to delete or to confirm.
    var isIdle: Bool {
        promises.isEmpty && hasNoWork
    }

    /// Whether every deletion was accepted; some may wait for their confirmation.
    var hasNoWork: Bool {
        deletions.isEmpty && objectNames.isEmpty && batch.isEmpty
    }

    /// Whether the deletion of this instance was asked for.
    func isDeleting(_ instanceID: String) -> Bool {
        deletions[instanceID] != nil || promises[instanceID] != nil
    }

    /// Whether the deletion of this object was asked for.
    func isDeleting(object name: String) -> Bool {
        objectNames.contains(name) || batch.contains(name) || refusedNames.contains(name)
    }

    /// Deletes an instance, and `names` once it is gone; the latch opens when the cloud accepted the deletion.
    @discardableResult
    func delete(instance instanceID: String, thenObjects names: [String] = []) -> Latch {
        if promises[instanceID] != nil {
            promises[instanceID]?.objects += names
            let latch = Latch()
            latch.open()
            return latch
        }
        if let known = deletions[instanceID] {
            deletions[instanceID]?.objects += names
            return known.accepted
        }
        let deletion = Deletion(accepted: Latch(), objects: names)
        deletions[instanceID] = deletion
        waiting.append(instanceID)
        startWork()
        return deletion.accepted
    }

    /// Deletes objects, soon, together with others.
    func delete(objects names: [String]) {
        objectNames.formUnion(names)
        if !names.isEmpty { objectsArrived.ring() }
    }

    /// Forgets that these objects were to be deleted, and waits for a deletion under way: they will be stored anew.
    func spare(_ names: [String]) async {
        objectNames.subtract(names)
        refusedNames.subtract(names)
        for id in promises.keys { promises[id]?.objects.removeAll { names.contains($0) } }
        for id in deletions.keys { deletions[id]?.objects.removeAll { names.contains($0) } }
        while !batch.isDisjoint(with: names) {
            guard (try? await batchEnded.wait()) != nil else { return }
            objectNames.subtract(names)
        }
    }

    /// Deletes objects in batches until cancelled.
    func run() async {
        var backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
        while !isCancelled {
            if objectNames.isEmpty { guard (try? await objectsArrived.wait()) != nil else { return } }
            guard (try? await sleep(for: Self.batchDelay)) != nil else { return }
            if await deleteBatch() {
                backoff.reset()
            } else {
                guard (try? await sleep(for: backoff.next { .random(in: 0.5..<1) })) != nil else { return }
            }
        }
    }

    /// Learns from a complete listing, begun at `started`, which of our instances still exist.
    func observe(living: Set<String>, started: Deadline) {
        var isAnyStuck = false
        for (instanceID, promise) in promises where promise.since < started {
            if !living.contains(instanceID) {
                promises[instanceID] = nil
                delete(objects: promise.objects)
                onGone()
            } else if promise.isDoubtful {
                instanceTrouble.occurred([
                    "instance": "\(instanceID)",
                    "error": "the service says that it is not there, and lists it",
                    "next_step": "check the policy: manage compute-container-family",
                ])
                promises[instanceID] = nil
                delete(instance: instanceID, thenObjects: promise.objects)
            } else if (promise.since + patience).isPast {
                isAnyStuck = true
                stuckTrouble.occurred([
                    "instance": "\(instanceID)",
                    "next_step":
                        "check in the console what holds it, and the policy: manage compute-container-family",
                ])
                promises[instanceID] = nil
                delete(instance: instanceID, thenObjects: promise.objects)
            }
        }
        if !isAnyStuck { stuckTrouble.ended() }
        becameIdle.ring()
    }

    /// Whether an instance was said not to be there and no listing has confirmed it.
    var hasDoubt: Bool {
        promises.values.contains(where: \.isDoubtful)
    }

    /// Waits until every deletion was accepted; false if `deadline` passes first.
    func drain(until deadline: Deadline) async -> Bool {
        while !hasNoWork {
            guard (try? await becameIdle.wait(until: deadline)) != nil else { return hasNoWork }
        }
        return true
    }

    // MARK: - Instances

    private func startWork() {
        while working < Self.parallelCountMax, !waiting.isEmpty {
            let instanceID = waiting.removeFirst()
            working += 1
            spawn {
                await self.tryToDelete(instanceID)
                self.working -= 1
                self.startWork()
            }
        }
    }

    private func tryToDelete(_ instanceID: String) async {
        do throws(OCIError) {
            let outcome = try await instances.delete(instanceID, deadline: .after(Self.attemptLimit))
            noteEnd(instanceID, outcome)
        } catch {
            noteRefusal(instanceID, error)
        }
    }

    /// "Not there" may also mean "not allowed to be seen": only a listing tells, so that answer is doubtful.
    private func noteEnd(_ instanceID: String, _ outcome: DeleteOutcome) {
        guard let deletion = deletions.removeValue(forKey: instanceID) else { return }
        if outcome == .accepted { deletedCount += 1 }
        promises[instanceID] = Promise(
            since: .now,
            objects: deletion.objects,
            isDoubtful: outcome == .alreadyGone
        )
        deletion.accepted.open()
        onAccepted(!deletion.objects.isEmpty)
        if deletions.isEmpty { instanceTrouble.ended() }
        becameIdle.ring()
    }

    private func noteRefusal(_ instanceID: String, _ error: OCIError) {
        onRefusal(error)
        // While it is being made or changed it cannot be deleted; that is as usual as it is short.
        if error.kind == .incorrectState {
            log.debug("cannot delete an instance yet", metadata: ["instance": "\(instanceID)"])
        } else {
            instanceTrouble.occurred([
                "instance": "\(instanceID)", "error": "\(error)", "waiting": "\(deletions.count)",
            ])
        }
        guard let pause = deletions[instanceID]?.backoff.next(random: { .random(in: 0.5..<1) }) else {
            return
        }
        spawn {
            // Nobody cancels this, so it cannot throw.
            try? await sleep(for: pause)
            self.waiting.append(instanceID)
            self.startWork()
        }
    }

    // MARK: - Objects

    /// Deletes one batch; what the cloud refused stays for the next.
    ///
    /// Returns whether all of it was deleted.
    private func deleteBatch() async -> Bool {
        let names = Array(objectNames.prefix(batchCountMax))
        if names.isEmpty { return true }
        objectNames.subtract(names)
        batch = Set(names)
        var remaining: [String] = []
        var isAnswered = true
        do throws(OCIError) {
            let failures = try await objects.deleteBatch(names, deadline: .after(.seconds(60)))
            remaining = failures.map(\.name)
            if let first = failures.first {
                objectTrouble.occurred(["error": "\(first)", "count": "\(remaining.count)"])
            }
            batchCountMax = min(batchCountMax * 2, ObjectStorage.batchCountMax)
        } catch {
            isAnswered = false
            remaining = names
            onRefusal(error)
            objectTrouble.occurred(["error": "\(error)", "count": "\(names.count)"])
            if error.kind == .badRequest { remaining = divide(names) }
        }
        // Whoever wants one of them spared has an eye on `batch`.
        objectNames.formUnion(remaining)
        batch = []
        batchEnded.open()
        if remaining.isEmpty { objectTrouble.ended() }
        becameIdle.ring()
        return isAnswered && remaining.isEmpty
    }

    /// A batch that is refused as a whole is divided until the name is found that the service will not have.
    private func divide(_ names: [String]) -> [String] {
        batchCountMax = max(1, names.count / 2)
        guard names.count == 1 else { return names }
        refusedNames.formUnion(names)
        spawn {
            // Nobody cancels this, so it cannot throw.
            try? await sleep(for: Self.refusalPause)
            // What was spared meanwhile is not there any more.
            for name in names where self.refusedNames.remove(name) != nil { self.delete(objects: [name]) }
        }
        batchCountMax = ObjectStorage.batchCountMax
        return []
    }
}

/// Lets everyone pass who waits at the moment.
@LoopActor
private final class Latches {
    private var present = Latch()

    func wait() async throws(WaitError) {
        try await present.wait()
    }

    func open() {
        present.open()
        present = Latch()
    }
}

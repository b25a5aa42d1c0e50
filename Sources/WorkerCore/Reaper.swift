// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import OCIServices
internal import TaskEngine

/// Deletes instances and objects until the cloud says they are gone, however long that takes.
@LoopActor
final class Reaper {
    /// Deletions under way at once; the rest wait, so that creates find a connection too.
    private static let parallelCountMax = 4
    /// Names that one batch deletion may hold (Object Storage, BatchDeleteObjects).
    private static let batchCountMax = 1000
    /// How long to gather names for a batch.
    private static let batchDelay: Duration = .milliseconds(500)
    /// How long an accepted deletion may take before it is asked for again.
    private static let patience: Duration = .seconds(300)

    private let instances: ContainerInstances
    private let objects: ObjectStorage
    private let log: Logger
    private var waiting: [String] = []
    private var working = 0
    /// Opened when the cloud accepted the deletion.
    private var accepted: [String: Latch] = [:]
    /// Accepted deletions that no listing has confirmed yet, and when they were accepted.
    private var unconfirmed: [String: Deadline] = [:]
    private var objectNames: Set<String> = []
    private let objectsArrived = Wakeup()
    private var isBatchUnderWay = false
    private let becameIdle = Wakeup()

    /// How many instances were deleted, for the status page and the log.
    private(set) var deletedCount = 0

    init(instances: ContainerInstances, objects: ObjectStorage, log: Logger) {
        self.instances = instances
        self.objects = objects
        self.log = log
    }

    /// Whether nothing is left to delete or to confirm.
    var isIdle: Bool {
        accepted.isEmpty && unconfirmed.isEmpty && hasNoWork
    }

    /// Whether every deletion was accepted; some may wait for their confirmation.
    var hasNoWork: Bool {
        accepted.isEmpty && objectNames.isEmpty && !isBatchUnderWay
    }

    /// Whether the deletion of this instance was asked for.
    func isDeleting(_ instanceID: String) -> Bool {
        accepted[instanceID] != nil || unconfirmed[instanceID] != nil
    }

    /// Deletes an instance; the latch opens when the cloud accepted that or the instance is gone.
    @discardableResult
    func delete(instance instanceID: String) -> Latch {
        if let known = accepted[instanceID] { return known }
        let latch = Latch()
        if unconfirmed[instanceID] != nil {
            latch.open()
            return latch
        }
        accepted[instanceID] = latch
        waiting.append(instanceID)
        startWork()
        return latch
    }

    /// Deletes objects, soon, together with others.
    func delete(objects names: [String]) {
        objectNames.formUnion(names)
        if !names.isEmpty { objectsArrived.ring() }
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
                guard (try? await sleep(for: backoff.next { .random(in: 0..<1) })) != nil else { return }
            }
            becameIdle.ring()
        }
    }

    /// Learns from a complete listing, begun at `started`, which of our instances still exist.
    func observe(living: Set<String>, started: Deadline) {
        for (instanceID, acceptedAt) in unconfirmed where acceptedAt < started {
            if !living.contains(instanceID) {
                unconfirmed[instanceID] = nil
                becameIdle.ring()
            } else if (acceptedAt + Self.patience).isPast {
                log.warning("an instance is stuck in deletion", metadata: ["instance": "\(instanceID)"])
                unconfirmed[instanceID] = nil
                delete(instance: instanceID)
            }
        }
    }

    /// Waits until every deletion was accepted; false if `deadline` passes first.
    func drain(until deadline: Deadline) async -> Bool {
        while !hasNoWork {
            guard (try? await becameIdle.wait(until: deadline)) != nil else { return hasNoWork }
        }
        return true
    }

    private func startWork() {
        while working < Self.parallelCountMax, !waiting.isEmpty {
            let instanceID = waiting.removeFirst()
            working += 1
            spawn {
                await self.deleteUntilAccepted(instanceID)
                self.working -= 1
                self.startWork()
            }
        }
    }

    private func deleteUntilAccepted(_ instanceID: String) async {
        var backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
        while true {
            do throws(OCIError) {
                _ = try await instances.delete(instanceID, deadline: .after(.seconds(60)))
                break
            } catch {
                // IncorrectState while CREATING or UPDATING is the usual one; the rest is logged too.
                log.debug(
                    "cannot delete an instance yet",
                    metadata: ["instance": "\(instanceID)", "error": "\(error)"]
                )
            }
            _ = try? await sleep(for: backoff.next { .random(in: 0.5..<1) })
        }
        deletedCount += 1
        unconfirmed[instanceID] = .now
        accepted.removeValue(forKey: instanceID)?.open()
        becameIdle.ring()
    }

    /// One batch; what the cloud refused stays for the next.
    private func deleteBatch() async -> Bool {
        let batch = Array(objectNames.prefix(Self.batchCountMax))
        objectNames.subtract(batch)
        isBatchUnderWay = true
        defer { isBatchUnderWay = false }
        do throws(OCIError) {
            let failures = try await objects.deleteBatch(batch, deadline: .after(.seconds(60)))
            let remaining = failures.filter { $0.status != 404 }
            objectNames.formUnion(remaining.map(\.name))
            return remaining.isEmpty
        } catch {
            objectNames.formUnion(batch)
            log.warning(
                "cannot delete objects yet",
                metadata: ["count": "\(batch.count)", "error": "\(error)"]
            )
            return false
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Logging
package import OCIServices
internal import Reporting

/// Deletes for a person what an owner left in the cloud, as the daemon would: with its reaper, and its patience.
@LoopActor
package final class Sweep {
    /// What was not deleted.
    package struct Outcome: Sendable {
        /// How many instances there still are.
        package let instancesLeft: Int
        /// How many objects there still are.
        package let objectsLeft: Int
        /// Whether the service says of instances that they are not there, and lists them: it does not let us.
        package let isRefuted: Bool

        /// Whether everything is gone.
        package var isComplete: Bool { instancesLeft == 0 && objectsLeft == 0 }
    }

    /// Pause between looks at what is still there.
    private static let beat: Duration = .seconds(1)
    /// After so many looks in a row that show what is said not to be there, it is taken for a refusal.
    private static let refutationCountMax = 4
    /// How long one look may take.
    private static let lookLimit: Duration = .seconds(30)

    private let owner: Owner
    private let belongings: Belongings
    private let instances: ContainerInstances
    private let objects: ObjectStorage
    private let reaper: Reaper
    private let namesByTask: [String: [String]]
    /// Why it is no use to go on.
    private var denial: OCIError?
    private var refutationCount = 0
    private var isOrdered = false

    /// A sweep of `belongings`, all of them `owner`'s; `tell` gets a line when something does not go well.
    package init(
        _ belongings: Belongings,
        of owner: Owner,
        in instances: ContainerInstances,
        _ objects: ObjectStorage,
        tell: @escaping @LoopActor @Sendable (String) -> Void
    ) {
        self.owner = owner
        self.instances = instances
        self.objects = objects
        let isOnlyHis =
            belongings.instances.allSatisfy { $0.ownerID == owner.id }
            && belongings.objects.allSatisfy { $0.ownerID == owner.id }
        precondition(isOnlyHis, "nothing that is another's is ever deleted")
        self.belongings = belongings
        namesByTask = Dictionary(grouping: belongings.objects, by: \.taskID)
            .mapValues { $0.map(\.summary.name) }
        let log = Logger(label: "scaler-oci-hpc") { _ in WarningLogHandler(tell: tell) }
        reaper = Reaper(instances: instances, objects: objects, log: log)
        reaper.onRefusal = { [weak self] error in
            if error.kind?.isPermission == true || error.kind == .notAuthenticated { self?.denial = error }
        }
    }

    /// Deletes everything, and returns when it is gone or `deadline` has passed, with `outcome` to tell which; `progress`
    /// gets how many are gone.
    ///
    /// Throws when the cloud refuses for good, and when cancelled.
    package func run(
        until deadline: Deadline,
        progress: @LoopActor (Int) -> Void
    ) async throws(OCIError) {
        let batches = spawn { await self.reaper.run() }
        defer { batches.cancel() }
        order()
        while !reaper.isIdle, !deadline.isPast, refutationCount < Self.refutationCountMax {
            do throws(WaitError) { try await sleep(for: Self.beat) } catch { throw .cancelled }
            if let denial { throw denial }
            if instancesLeft > 0 { try await look() }
            progress(belongings.instances.count + belongings.objects.count - instancesLeft - objectsLeft)
        }
    }

    /// What of it is still there, as far as is known now; all of it before `run`.
    package var outcome: Outcome {
        guard isOrdered else {
            return Outcome(
                instancesLeft: belongings.instances.count,
                objectsLeft: belongings.objects.count,
                isRefuted: false
            )
        }
        return Outcome(
            instancesLeft: instancesLeft,
            objectsLeft: objectsLeft,
            isRefuted: refutationCount == Self.refutationCountMax
        )
    }

    /// The calls that delete everything at once, if each is accepted.
    package var requests: [ServiceRequest] {
        var requests = belongings.instances.map { instances.deletion(of: $0.summary.id) }
        var names = (freeObjects + belongings.instances.flatMap(objects(after:)))[...]
        while !names.isEmpty {
            requests.append(objects.batchDeletion(of: Array(names.prefix(ObjectStorage.batchCountMax))))
            names = names.dropFirst(ObjectStorage.batchCountMax)
        }
        return requests
    }

    private func order() {
        isOrdered = true
        for instance in belongings.instances {
            reaper.delete(instance: instance.summary.id, thenObjects: objects(after: instance))
        }
        reaper.delete(objects: freeObjects)
    }

    /// A container may store its result while it is being deleted, so a task's objects go after its instances.
    private func objects(after instance: Belongings.Instance) -> [String] {
        guard belongings.isBucketFound else { return [] }
        let result = owner.resultName(ofTask: instance.taskID)
        return (namesByTask[instance.taskID] ?? []).filter { $0 != result } + [result]
    }

    /// Names of the objects of tasks that have no instance.
    private var freeObjects: [String] {
        let busyTasks = Set(belongings.instances.map(\.taskID))
        return belongings.objects.filter { !busyTasks.contains($0.taskID) }.map(\.summary.name)
    }

    private var instancesLeft: Int { belongings.instances.count { reaper.isDeleting($0.summary.id) } }

    private var objectsLeft: Int {
        let busyTasks = Set(
            belongings.instances.filter { reaper.isDeleting($0.summary.id) }.map(\.taskID)
        )
        return belongings.objects.count {
            busyTasks.contains($0.taskID) || reaper.isDeleting(object: $0.summary.name)
        }
    }

    /// Tells the reaper which instances still exist; one look that fails is made up for by the next.
    private func look() async throws(OCIError) {
        let started = Deadline.now
        let (hadDoubt, count) = (reaper.hasDoubt, instancesLeft)
        let ours = Set(belongings.instances.map(\.summary.id))
        let living: [InstanceSummary]
        do throws(OCIError) {
            living = try await instances.all(deadline: .after(Self.lookLimit)) {
                ours.contains($0.id) && $0.lifecycleState != .deleted
            }
        } catch {
            guard error.isRetryable else { throw error }
            return
        }
        reaper.observe(living: Set(living.map(\.id)), started: started)
        // Where one is on its way, "not there" may have been the second answer to a deletion whose first was lost.
        let isStill = count == instancesLeft && !living.contains { $0.lifecycleState == .deleting }
        refutationCount = hadDoubt && isStill ? refutationCount + 1 : 0
    }
}

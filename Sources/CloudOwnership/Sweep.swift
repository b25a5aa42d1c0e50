// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Logging
package import OCIServices
internal import Reporting
internal import TaskEngine

/// Deletes for a person what an owner left in the cloud, as the daemon would: with its ledger and its deleter.
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

    private static let lookPeriod: Duration = .seconds(1)
    /// A look that takes many requests is made the less often.
    private static let lookPeriodPerRequest: Duration = .milliseconds(250)
    /// After so many looks in a row that show what is said not to be there, it is taken for a refusal.
    private static let refutationCountMax = 4
    /// How long a look may take as a whole.
    private static let lookTimeout: Duration = .seconds(120)

    private let resources: OwnedResources
    private let instances: ContainerInstances
    private let objects: ObjectStorage
    private let driver: LedgerDriver
    private var isOrdered = false

    /// A sweep of `resources`, all of them `owner`'s; `tell` gets a line when something does not go well.
    package init(
        _ resources: OwnedResources,
        of owner: Owner,
        in instances: ContainerInstances,
        _ objects: ObjectStorage,
        tell: @escaping @LoopActor @Sendable (String) -> Void
    ) {
        let isOnlyTheirs =
            resources.instances.allSatisfy { $0.ownerID == owner.id }
            && resources.objects.allSatisfy { $0.ownerID == owner.id }
        precondition(isOnlyTheirs, "nothing that is another's is ever deleted")
        self.resources = resources
        self.instances = instances
        self.objects = objects
        driver = LedgerDriver(
            owner: owner.seeing(resources),
            instances: instances,
            objects: objects,
            slotLimit: 1,
            periods: CloudLedger.Periods(grace: .zero),
            clock: LedgerClock { 0 },
            log: Logger(label: "scaler-oci-hpc") { _ in WarningLogHandler(tell: tell) }
        )
        driver.isBucketFound = resources.isBucketFound
    }

    /// Deletes everything, and returns when it is gone or `deadline` has passed, with `outcome` to tell which; `progress`
    /// gets how many are gone.
    ///
    /// Throws when the cloud refuses for good, and when cancelled.
    package func run(until deadline: Deadline, progress: @LoopActor (Int) -> Void) async throws(OCIError) {
        let driver = driver
        let work = spawn { await driver.delete() }
        defer { work.cancel() }
        order()
        var period = Self.lookPeriod
        while !driver.ledger.isEmpty, !deadline.isPast, !isRefuted {
            do throws(WaitError) { try await sleep(for: period) } catch { throw .cancelled }
            if let denial = driver.denial { throw denial }
            if instancesLeft > 0 {
                period = max(Self.lookPeriod, Self.lookPeriodPerRequest * (try await look()))
            }
            progress(resources.instances.count + resources.objects.count - instancesLeft - objectsLeft)
        }
    }

    /// What of it is still there, as far as is known now; all of it before `run`.
    package var outcome: Outcome {
        Outcome(
            instancesLeft: isOrdered ? instancesLeft : resources.instances.count,
            objectsLeft: isOrdered ? objectsLeft : resources.objects.count,
            isRefuted: isRefuted
        )
    }

    /// The calls that delete everything at once, if each is accepted.
    package var requests: [ServiceRequest] {
        var requests = resources.instances.map { instances.deletion(of: $0.summary.id) }
        let stored = resources.objects.map(\.summary.name)
        // A container may store its result while it is being deleted.
        let possible =
            resources.isBucketFound
            ? Set(resources.instances.map { driver.owner.name(of: .result(TaskKey($0.taskID))) }) : []
        var names = (stored + possible.subtracting(stored).sorted())[...]
        while !names.isEmpty {
            requests.append(objects.batchDeletion(of: Array(names.prefix(ObjectStorage.batchCountMax))))
            names = names.dropFirst(ObjectStorage.batchCountMax)
        }
        return requests
    }

    private func order() {
        isOrdered = true
        driver.beginLeaving(isSweeping: true)
        var listed = Lister.Objects(inputs: [:])
        for stored in resources.objects {
            if let object = driver.owner.object(named: stored.summary.name) { listed.add(object) }
        }
        let instances = resources.instances.map { driver.clock.listed($0.summary, of: TaskKey($0.taskID)) }
        driver.note(instances: instances, objects: listed)
    }

    private var isRefuted: Bool { driver.ledger.refutationCount >= Self.refutationCountMax }

    private var instancesLeft: Int {
        let known = driver.ledger.taskOfInstance
        return resources.instances.count { known[$0.summary.id] != nil }
    }

    private var objectsLeft: Int {
        let known = driver.ledger.knownObjects
        return resources.objects.count { object in
            driver.owner.object(named: object.summary.name).map { known.contains($0) } ?? false
        }
    }

    /// Tells the ledger which instances still exist, and returns how many requests that took; one look that fails is made up for
    /// by the next.
    private func look() async throws(OCIError) -> Int {
        do throws(OCIError) {
            return try await driver.look(
                for: Set(resources.instances.map(\.summary.id)),
                until: .after(Self.lookTimeout)
            )
        } catch {
            guard error.isRetryable else { throw error }
            return 1
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// What is ours in the cloud, learned by listing.
//
// Rule: asking each instance how it is costs one request a task and period, and is what gets such systems throttled.
// One listing of the results tells all that finished; one listing of the instances tells all that stopped or vanished.

internal import EventLoop
internal import OCIServices
internal import TaskEngine

/// Makes complete listings of one owner's instances and objects; when, and what follows, the ledger decides.
@LoopActor
struct Lister {
    /// The objects of a listing, by what they are.
    struct Objects {
        /// Tasks whose result is stored, in the order of names.
        var results: [TaskKey] = []
        /// Names of payloads by task; nil where only results were listed.
        var inputs: [TaskKey: [String]]?
        /// Tasks whose result stays for a person to fetch; those that were listed with the payloads.
        var kept: Set<TaskKey> = []
        /// So many strays are remembered: a container may store as many as it likes, and others come up when these are gone.
        static let straysMax = 1000

        /// Names among those of results and payloads that this owner does not give: of another key, or invented by a container;
        /// the first `straysMax` of them.
        private(set) var strays: [String] = []
        /// How many requests the listing took.
        var requestCount = 0

        /// Adds an object of the owner's.
        mutating func add(_ object: TaskObject) {
            switch object {
            case .result(let task): results.append(task)
            case .input(let task, let name): inputs?[task, default: []].append(name)
            case .mark(let task): kept.insert(task)
            }
        }

        /// Notes a stray.
        mutating func add(stray name: String) { if strays.count < Self.straysMax { strays.append(name) } }
    }

    let owner: Owner
    let instances: ContainerInstances
    let objects: ObjectStorage
    let clock: LedgerClock
    /// What is told of each instance that a listing shows; nil where nothing is remembered.
    var usageLog: UsageLog?

    /// Every instance with the owner's tag that is not deleted, or has a `known` id; state by state if there are many records
    /// in the compartment, and with `isInParts` at once.
    func listInstances(
        isInParts: Bool = false,
        known: @escaping (String) -> Bool = { _ in false },
        until deadline: Deadline
    ) async throws(OCIError) -> InstanceListing<ListedInstance> {
        try await instances.living(
            isInParts: isInParts,
            known: known,
            deadline: deadline,
            tagged: { owner.task(ofTags: $0) != nil },
            listed
        )
    }

    private func listed(_ summary: ContainerInstance) -> ListedInstance? {
        let tags = summary.freeformTags
        return owner.task(ofTags: tags).map { task in
            usageLog?.seen(summary)
            return clock.listed(summary, of: task, isAdoptable: owner.isTold(byTags: tags, of: task))
        }
    }

    /// Every result, and with `includingInputs` every payload.
    func listObjects(includingInputs: Bool, until deadline: Deadline) async throws(OCIError) -> Objects {
        let prefix = includingInputs ? "\(owner.objectPrefix)/" : owner.resultsPrefix
        var found = Objects(inputs: includingInputs ? [:] : nil)
        // Page by page: 10,000 names taken apart at once would keep all other work waiting for a tenth of a second.
        try await objects.forEachPage(prefix: prefix, deadline: deadline) { page in
            found.requestCount += 1
            for summary in page {
                if let object = owner.object(named: summary.name) {
                    found.add(object)
                } else {
                    found.add(stray: summary.name)
                }
            }
        }
        return found
    }
}

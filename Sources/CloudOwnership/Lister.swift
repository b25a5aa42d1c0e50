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
        /// Names among those of results and payloads that this owner does not give: of another key, or invented by a container.
        var strays: [String] = []
        /// How many requests the listing took, about.
        var requestCount = 1

        /// Adds an object of the owner's.
        mutating func add(_ object: TaskObject) {
            switch object {
            case .result(let task): results.append(task)
            case .input(let task, let name): inputs?[task, default: []].append(name)
            case .mark(let task): kept.insert(task)
            }
        }
    }

    let owner: Owner
    let instances: ContainerInstances
    let objects: ObjectStorage
    let clock: LedgerClock

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
            clock.listed(summary, of: task, isAdoptable: owner.isTold(byTags: tags, of: task))
        }
    }

    /// Every result, and with `includingInputs` every payload.
    func listObjects(includingInputs: Bool, until deadline: Deadline) async throws(OCIError) -> Objects {
        let prefix = includingInputs ? "\(owner.objectPrefix)/" : owner.resultsPrefix
        var found = Objects(inputs: includingInputs ? [:] : nil)
        let summaries = try await objects.all(prefix: prefix, deadline: deadline)
        found.requestCount += summaries.count / 1000
        for summary in summaries {
            if let object = owner.object(named: summary.name) {
                found.add(object)
            } else {
                found.strays.append(summary.name)
            }
        }
        return found
    }
}

/// What lies among an owner's objects under names that the owner does not give.
///
/// A container may write where it likes, but cannot guess what another task's result is called: what it invents is ignored.
/// So is what another key named, which is deleted, for nobody will ask for it.
struct StrayObjects {
    /// How many were ignored since the process began.
    private(set) var count = 0
    private var seen: Set<String> = []

    /// Takes the names that a listing shows, of all objects or of those below `prefix` alone, and returns the new ones.
    mutating func note(_ names: [String], below prefix: String?) -> [String] {
        let new = names.filter { !seen.contains($0) }
        count += new.count
        let unlisted: Set<String> = prefix.map { prefix in seen.filter { !$0.hasPrefix(prefix) } } ?? []
        seen = unlisted.union(names)
        return new
    }
}

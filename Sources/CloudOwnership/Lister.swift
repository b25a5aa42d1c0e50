// SPDX-License-Identifier: Apache-2.0
//
// What is ours in the cloud, learned by listing.
//
// Rule: asking each instance how it is costs one request a task and period, and is what gets such systems throttled.
// One listing of the results tells all that finished; one listing of the instances tells all that stopped or vanished.

internal import EventLoop
internal import Logging
internal import OCIServices
internal import Reporting
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

/// Tells of stray objects, and has those deleted that another key named; what has no such form may be anybody's.
@LoopActor
final class StrayObjectWatch {
    private let owner: Owner
    private let deleter: ObjectDeleter
    /// A container may store another one for each listing.
    private let warning: ThrottledWarning
    private var strays = StrayObjects()

    init(owner: Owner, deleter: ObjectDeleter, log: Logger) {
        self.owner = owner
        self.deleter = deleter
        warning = ThrottledWarning(
            "objects have names that this manager does not give; they are ignored",
            recovery: "all objects have names that this manager gives",
            log: log
        )
    }

    /// How many were ignored since the process began.
    var count: Int { strays.count }

    /// Takes the names that a listing of all objects shows, or one of results alone.
    func note(_ names: [String], areAll: Bool) {
        let new = strays.note(names, below: areAll ? nil : owner.resultsPrefix)
        if let first = new.first {
            warning.occurred(["objects": "\(new.count)", "first": "\(first)"])
            deleter.delete(new.filter(owner.hasNonce))
        } else if areAll, names.isEmpty {
            warning.ended()
        }
    }
}

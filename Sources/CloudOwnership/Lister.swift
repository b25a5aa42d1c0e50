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

    /// Every instance with the owner's tag, newest first as the service lists them.
    func listInstances(until deadline: Deadline) async throws(OCIError) -> [ListedInstance] {
        try await instances.all(deadline: deadline) { summary in
            owner.task(ofTags: summary.freeformTags).map { clock.listed(summary, of: $0) }
        }
    }

    /// Every result, and with `includingInputs` every payload.
    func listObjects(includingInputs: Bool, until deadline: Deadline) async throws(OCIError) -> Objects {
        let prefix = includingInputs ? "\(owner.objectPrefix)/" : owner.resultsPrefix
        var found = Objects(inputs: includingInputs ? [:] : nil)
        for summary in try await objects.all(prefix: prefix, deadline: deadline) {
            if let object = owner.object(named: summary.name) { found.add(object) }
        }
        return found
    }
}

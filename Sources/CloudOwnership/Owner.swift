// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Encodings
package import TaskEngine
internal import Transport

/// Whose instances and objects these are, and what they are called in the cloud.
///
/// The cloud is the daemon's memory: a new process on the same host, for the same manager and scheduler,
/// computes the same owner and so finds what an earlier one left. Everybody else computes another.
package struct Owner: Sendable, Equatable {
    /// Twelve hexadecimal digits, or what the user chose.
    package let id: String
    /// What every object's name begins with, without a slash at the end.
    package let objectPrefix: String
    private let prefix: String
    private let managerID: String
    private let nonces: Nonces

    /// What the names of objects carry that no container can guess.
    private enum Nonces: Equatable {
        /// What this key makes.
        case made(NameKey)
        /// What instances and objects tell who has no key; none of a task of an earlier release.
        case seen([TaskKey: String])
    }

    static let nonceTag = "scaler-nonce"
    static let ownerTag = "scaler-owner"
    static let managerTag = "scaler-worker-manager"
    static let taskTag = "scaler-task"
    static let generationTag = "scaler-generation"

    /// The owner of a manager; `override` replaces the hash of the other three.
    package init(
        machineID: String,
        managerID: String,
        schedulerAddress: String,
        prefix: String,
        override: String?,
        key: NameKey? = nil
    ) {
        let fingerprint = [machineID, managerID, schedulerAddress].joined(separator: "\n")
        let digits = Hexadecimal.encode(DigestAlgorithm.sha256.digest(Array(fingerprint.utf8)))
        self.init(
            id: override ?? String(digits.prefix(12)),
            prefix: prefix,
            managerID: managerID,
            nonces: key.map { .made($0) } ?? .seen([:])
        )
    }

    /// The owner of what is found under this id and prefix, whatever made it.
    package init(id: String, prefix: String) {
        self.init(id: id, prefix: prefix, managerID: "", nonces: .seen([:]))
    }

    private init(id: String, prefix: String, managerID: String, nonces: Nonces) {
        self.id = id
        self.prefix = prefix
        objectPrefix = prefix.isEmpty ? id : "\(prefix)/\(id)"
        self.managerID = managerID
        self.nonces = nonces
    }

    /// The same owner, who has no key, and takes the names of results from what `resources` tell.
    func seeing(_ resources: OwnedResources) -> Owner {
        var seen: [TaskKey: String] = [:]
        for object in resources.objects {
            if let nonce = object.resultNonce { seen[TaskKey(object.taskID)] = nonce }
        }
        // A container may yet store its result while it is being deleted.
        for instance in resources.instances { seen[TaskKey(instance.taskID)] = instance.nonce }
        return Owner(id: id, prefix: prefix, managerID: managerID, nonces: .seen(seen))
    }

    /// Why no manager may start on a host with this identity and without an owner's id of its own; nil where one may.
    ///
    /// A name is no identity: a container has another at each start, to which what was made before is a stranger's.
    package static func obstacle(
        override: String?,
        machineID: String? = ProcessIdentity.machineID
    ) -> String? {
        guard override == nil, machineID == nil else { return nil }
        return "this host has no machine id (/etc/machine-id), as in most containers, so a manager would not "
            + "know its instances again after a restart: give --owner-id ID, the same at each start and "
            + "another for each manager"
    }

    /// The owner that a manager with these settings is on this host; who only looks at what is there needs no key.
    package init(_ settings: Settings, key: NameKey? = nil) {
        self.init(
            machineID: ProcessIdentity.machineID ?? ProcessIdentity.hostName,
            managerID: settings.workerManagerID,
            schedulerAddress: settings.schedulerAddress.description,
            prefix: settings.objectStoragePrefix,
            override: settings.ownerID,
            key: key
        )
    }

    /// What a process holds for as long as it manages under this owner, so that no other on this host does.
    package var lockName: String { "scaler-oci-hpc \(id)" }

    /// Prefix of the names of all results.
    package var resultsPrefix: String { "\(objectPrefix)/results/" }

    /// What a task's container is told that all its objects are below: it stores its result where nobody else can guess.
    package func containerPrefix(of task: TaskKey) -> String {
        nonce(.task, of: task).map { "\(resultsPrefix)\($0)" } ?? objectPrefix
    }

    /// The object of a task that is stored under this name; nil for a stranger's, for one that another key named, and for one
    /// that a container invented.
    ///
    /// Who has no key takes each object that it cannot place for one that goes by its name alone.
    package func object(named name: String) -> TaskObject? {
        guard let parsed = taskObjectName(of: name) else { return nil }
        let task = TaskKey(parsed.task)
        let isNamedByUs = parsed.nonce == nonce(parsed.kind == .kept ? .mark : .task, of: task)
        switch parsed.kind {
        case .results where isNamedByUs: return .result(task)
        case .inputs where isNamedByUs: return .input(task, name: name)
        case .kept where isNamedByUs: return .mark(task)
        case .results, .inputs, .kept:
            if case .made = nonces { return nil }
            return .input(task, name: name)
        }
    }

    /// Whether this has the form of the names that are given now, whatever key made it: an object that nobody needs if it is
    /// not ours.
    func hasNonce(_ name: String) -> Bool { taskObjectName(of: name)?.nonce != nil }

    private func taskObjectName(of name: String) -> TaskObjectName? {
        let start = "\(objectPrefix)/".utf8
        return name.utf8.starts(with: start) ? TaskObjectName(name.utf8.dropFirst(start.count)) : nil
    }

    /// The name of a task's object.
    package func name(of object: TaskObject) -> String {
        let parsed: TaskObjectName
        switch object {
        // As `RunnerEnvironment.resultObjectName` has it, which a test holds.
        case .result(let task):
            parsed = TaskObjectName(.results, nonce: nonce(.task, of: task), task: task.digits)
        case .input(_, let name): return name
        case .mark(let task): parsed = TaskObjectName(.kept, nonce: nonce(.mark, of: task), task: task.digits)
        }
        return "\(objectPrefix)/\(parsed.text)"
    }

    /// The name of the payload of a task, where it is too large for the environment.
    package func inputName(of task: TaskKey, isCompressed: Bool) -> String {
        let ending = isCompressed ? ".pkl.gz" : ".pkl"
        let parsed = TaskObjectName(
            .inputs,
            nonce: nonce(.task, of: task),
            task: task.digits,
            ending: ending
        )
        return "\(objectPrefix)/\(parsed.text)"
    }

    private func nonce(_ purpose: NameKey.Purpose, of task: TaskKey) -> String? {
        switch nonces {
        case .made(let key): key.nonce(purpose, of: task, owner: id)
        case .seen(let seen): purpose == .task ? seen[task] : nil
        }
    }

    /// What the console shows of a task's instance.
    package func displayName(of task: TaskKey) -> String { "scaler-\(managerID)-\(task.digits.prefix(12))" }

    /// The tags by which a task's instance is found again.
    package func tags(of task: TaskKey, generation: Int) -> [(name: String, value: String)] {
        let tags = [
            (Self.ownerTag, id), (Self.managerTag, managerID), (Self.taskTag, task.digits),
            (Self.generationTag, String(generation)),
        ]
        return tags + (nonce(.task, of: task).map { [(Self.nonceTag, $0)] } ?? [])
    }

    /// Whether the task's container with these tags was told the name under which its result is looked for here.
    func isTold(byTags tags: [String: String], of task: TaskKey) -> Bool {
        if case .seen = nonces { return true }
        return tags[Self.nonceTag] == nonce(.task, of: task)
    }

    /// The task of an instance with these tags; nil if the instance is not ours.
    package func task(ofTags tags: [String: String]) -> TaskKey? {
        guard tags[Self.ownerTag] == id else { return nil }
        return tags[Self.taskTag].map { TaskKey($0) }
    }

    /// No task needs so many instances; a tag that says more was written by somebody else.
    private static let generationMax = 1_000_000

    /// The generation of an instance with these tags, 0 where they tell none that is possible.
    static func generation(ofTags tags: [String: String]) -> Int {
        let generation = tags[generationTag].flatMap { Int($0) } ?? 0
        return (0...generationMax).contains(generation) ? generation : 0
    }
}

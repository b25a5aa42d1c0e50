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
    private let managerID: String

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
        override: String?
    ) {
        let fingerprint = [machineID, managerID, schedulerAddress].joined(separator: "\n")
        let digits = Hexadecimal.encode(DigestAlgorithm.sha256.digest(Array(fingerprint.utf8)))
        self.init(id: override ?? String(digits.prefix(12)), prefix: prefix, managerID: managerID)
    }

    /// The owner of what is found under this id and prefix, whatever made it.
    package init(id: String, prefix: String, managerID: String = "") {
        self.id = id
        objectPrefix = prefix.isEmpty ? id : "\(prefix)/\(id)"
        self.managerID = managerID
    }

    /// The owner that a manager with these settings is on this host.
    package init(_ settings: Settings) {
        self.init(
            machineID: ProcessIdentity.machineID ?? ProcessIdentity.hostName,
            managerID: settings.workerManagerID,
            schedulerAddress: settings.schedulerAddress.description,
            prefix: settings.objectStoragePrefix,
            override: settings.ownerID
        )
    }

    /// What a process holds for as long as it manages under this owner, so that no other on this host does.
    package var lockName: String { "scaler-oci-hpc \(id)" }

    /// Prefix of the names of all results.
    package var resultsPrefix: String { "\(objectPrefix)/results/" }

    /// Prefix of the names of all payloads.
    package var inputsPrefix: String { "\(objectPrefix)/inputs/" }

    /// Prefix of the names of marks: empty objects that say of a task's result that it stays for a person to fetch.
    private var marksPrefix: String { "\(objectPrefix)/kept/" }

    /// What is stored under this name; nil for a stranger's object.
    package func object(named name: String) -> TaskObject? {
        if name.hasPrefix(resultsPrefix), name.hasSuffix(".pkl") {
            return .result(TaskKey(String(name.dropFirst(resultsPrefix.count).dropLast(4))))
        }
        if name.hasPrefix(marksPrefix) { return .mark(TaskKey(String(name.dropFirst(marksPrefix.count)))) }
        guard name.hasPrefix(inputsPrefix) else { return nil }
        let rest = name.dropFirst(inputsPrefix.count)
        for suffix in [".pkl", ".pkl.gz"] where rest.hasSuffix(suffix) {
            return .input(TaskKey(String(rest.dropLast(suffix.count))), name: name)
        }
        return nil
    }

    /// The name of a task's object.
    package func name(of object: TaskObject) -> String {
        switch object {
        // As `RunnerEnvironment.resultObjectName` has it, which a test holds.
        case .result(let task): "\(resultsPrefix)\(task.digits).pkl"
        case .input(_, let name): name
        case .mark(let task): "\(marksPrefix)\(task.digits)"
        }
    }

    /// What the console shows of a task's instance.
    package func displayName(of task: TaskKey) -> String { "scaler-\(managerID)-\(task.digits.prefix(12))" }

    /// The tags by which a task's instance is found again.
    package func tags(of task: TaskKey, generation: Int) -> [(name: String, value: String)] {
        [
            (Self.ownerTag, id), (Self.managerTag, managerID), (Self.taskTag, task.digits),
            (Self.generationTag, String(generation)),
        ]
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

// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Encodings
internal import SchedulerMessages
internal import TaskPayload
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
        id =
            override
            ?? String(Hexadecimal.encode(DigestAlgorithm.sha256.digest(Array(fingerprint.utf8))).prefix(12))
        objectPrefix = Self.objectPrefix(of: id, prefix)
        self.managerID = managerID
    }

    /// The owner of what is found under this id and prefix, whatever made it.
    init(id: String, prefix: String) {
        self.id = id
        objectPrefix = Self.objectPrefix(of: id, prefix)
        managerID = ""
    }

    private static func objectPrefix(of id: String, _ prefix: String) -> String {
        prefix.isEmpty ? id : "\(prefix)/\(id)"
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

    /// The task whose result is stored under `objectName`, as hexadecimal digits; nil for a stranger's object.
    func task(ofResult objectName: String) -> String? {
        guard objectName.hasPrefix(resultsPrefix), objectName.hasSuffix(".pkl") else { return nil }
        return String(objectName.dropFirst(resultsPrefix.count).dropLast(4))
    }

    /// The task whose payload is stored under `objectName`, as hexadecimal digits; nil for a stranger's object.
    func task(ofInput objectName: String) -> String? {
        guard objectName.hasPrefix(inputsPrefix) else { return nil }
        let name = objectName.dropFirst(inputsPrefix.count)
        for suffix in [".pkl", ".pkl.gz"] where name.hasSuffix(suffix) {
            return String(name.dropLast(suffix.count))
        }
        return nil
    }

    func resultName(of task: TaskID) -> String {
        RunnerEnvironment.resultObjectName(prefix: objectPrefix, taskID: task.bytes)
    }

    /// The same for a task that is known by its hexadecimal digits.
    func resultName(ofTask digits: String) -> String {
        "\(resultsPrefix)\(digits).pkl"
    }

    func displayName(of task: TaskID) -> String {
        "scaler-\(managerID)-\(task.hexadecimal.prefix(12))"
    }

    func tags(of task: TaskID, generation: Int) -> [(name: String, value: String)] {
        [
            (Self.ownerTag, id), (Self.managerTag, managerID), (Self.taskTag, task.hexadecimal),
            (Self.generationTag, String(generation)),
        ]
    }

    /// The task of an instance with these tags; nil if the instance is not ours.
    func task(ofTags tags: [String: String]) -> String? {
        guard tags[Self.ownerTag] == id else { return nil }
        return tags[Self.taskTag]
    }

    /// The generation of an instance with these tags, 0 where they tell none.
    func generation(ofTags tags: [String: String]) -> Int {
        tags[Self.generationTag].flatMap { Int($0) } ?? 0
    }

    /// The object that holds a task's result in Scaler's object storage.
    ///
    /// Made of the task's id alone, so that a result delivered twice is one object.
    func scalerResult(of task: TaskMessage) -> ObjectID {
        let digest = DigestAlgorithm.md5.digest(Array("result".utf8) + task.taskID.bytes)
        guard let tag = try? ObjectTag(digest) else { preconditionFailure("MD5 has 16 bytes") }
        return ObjectID(owner: task.source, tag: tag, md5: DigestAlgorithm.md5.digest)
    }
}

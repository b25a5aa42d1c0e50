// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import OCIServices
internal import TaskEngine

/// What bears managers' marks in the cloud: instances by their tags, objects by their names; for a person to see.
package struct OwnedResources: Sendable {
    /// A container instance that a manager made for a task; one that is gone but still shown is none.
    package struct Instance: Sendable {
        /// What the listing says of it.
        package let summary: ContainerInstance
        /// The owner that its tags name.
        package let ownerID: String
        /// The name of the manager that made it, empty if the tags do not say.
        package let managerID: String
        /// The task, as hexadecimal digits.
        package let taskID: String
        /// What the names of its task's objects carry; nil where its tags tell none that is possible.
        let nonce: String?

        /// The marked instance, nil for a stranger's.
        init?(_ summary: ContainerInstance) {
            let tags = summary.freeformTags
            guard let ownerID = tags[Owner.ownerTag], let taskID = tags[Owner.taskTag] else { return nil }
            (self.summary, self.ownerID, self.taskID) = (summary, ownerID, taskID)
            managerID = tags[Owner.managerTag] ?? ""
            nonce = tags[Owner.nonceTag].flatMap { TaskObjectName.isNonce($0) ? $0 : nil }
        }
    }

    /// A task's payload or result in the bucket, or the mark that its result stays.
    package struct StoredObject: Sendable {
        /// What the listing says of it.
        package let summary: ObjectSummary
        /// The owner that its name names.
        package let ownerID: String
        /// The task, as hexadecimal digits.
        package let taskID: String
        /// What the name of a result carries that nobody can guess; nil for other objects and in names of earlier releases.
        let resultNonce: String?

        /// The task's object, nil for a stranger's; `prefix` is that of the settings, without a slash at its end.
        init?(_ summary: ObjectSummary, prefix: String) {
            let start = (prefix.isEmpty ? "" : "\(prefix)/").utf8
            guard summary.name.utf8.starts(with: start) else { return nil }
            let rest = summary.name.utf8.dropFirst(start.count)
            guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), slash > rest.startIndex,
                let name = TaskObjectName(rest[slash...].dropFirst())
            else { return nil }
            self.summary = summary
            ownerID = String(Substring(rest[..<slash]))
            taskID = name.task
            resultNonce = name.kind == .results ? name.nonce : nil
        }
    }

    /// The instances, newest first as the service lists them.
    package let instances: [Instance]
    /// The objects, in the order of their names.
    package let objects: [StoredObject]
    /// Whether there is a bucket that could have objects; an administrator may have deleted it before its instances.
    package var isBucketFound = true

    /// Whether there is nothing.
    package var isEmpty: Bool { instances.isEmpty && objects.isEmpty }

    /// Without what is on its way out already.
    package var deletable: OwnedResources {
        OwnedResources(
            instances: instances.filter { !$0.summary.lifecycleState.phase.isLeaving },
            objects: objects,
            isBucketFound: isBucketFound
        )
    }

    /// Whether tags are some owner's, of a task or not: enough to keep away from the instance, not to delete it.
    package static func isMarked(_ tags: [String: String]) -> Bool { tags[Owner.ownerTag] != nil }

    /// Lists what is `owner`'s, or with nil what is any owner's of that prefix, in a compartment and a bucket.
    @LoopActor
    package static func find(
        of owner: Owner?,
        prefix: String,
        in instances: ContainerInstances,
        _ objects: ObjectStorage,
        deadline: Deadline
    ) async throws(OCIError) -> OwnedResources {
        let living = try await instances.all(deadline: deadline, tagged: isMarked) {
            $0.lifecycleState != .deleted ? $0 : nil
        }
        let start = owner.map { "\($0.objectPrefix)/" } ?? (prefix.isEmpty ? "" : "\(prefix)/")
        var stored: [ObjectSummary] = []
        var isBucketFound = true
        do throws(OCIError) {
            stored = try await objects.all(prefix: start, fields: [.size, .timeCreated], deadline: deadline)
        } catch .service(let failure) where failure.code == "BucketNotFound" {
            isBucketFound = false
        }
        return OwnedResources(
            instances: living.compactMap(Instance.init).filter { owner == nil || $0.ownerID == owner?.id },
            objects: stored.compactMap { StoredObject($0, prefix: prefix) }
                .filter { owner == nil || $0.ownerID == owner?.id },
            isBucketFound: isBucketFound
        )
    }
}

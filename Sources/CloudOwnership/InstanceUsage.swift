// SPDX-License-Identifier: Apache-2.0

internal import JSON
package import OCIServices
internal import TaskEngine

/// What one container instance was and for how long: all that a bill follows from.
package struct InstanceUsage: Sendable, Equatable {
    /// Its OCID.
    package let id: String
    /// The manager that its tags name.
    package let managerID: String
    /// The owner that its tags name.
    package let ownerID: String
    /// Its shape, empty where the service did not say.
    package let shape: String
    /// Its OCPUs; nil where the service did not say.
    package let ocpus: Double?
    /// Its memory in GB; nil where the service did not say.
    package let memoryGB: Double?
    /// When it was made, in seconds since 1970.
    package let createdAt: Int
    /// When it ended, in seconds since 1970; nil while it lives.
    package var endedAt: Int?
    /// Its free-form tags but for those of this program.
    package let tags: [String: String]

    private static let ownTagPrefix = "scaler-"

    /// A record from its parts.
    package init(
        id: String,
        managerID: String,
        ownerID: String,
        shape: String,
        ocpus: Double?,
        memoryGB: Double?,
        createdAt: Int,
        endedAt: Int?,
        tags: [String: String]
    ) {
        (self.id, self.managerID, self.ownerID) = (id, managerID, ownerID)
        (self.shape, self.ocpus, self.memoryGB) = (shape, ocpus, memoryGB)
        (self.createdAt, self.endedAt, self.tags) = (createdAt, endedAt, tags)
    }

    /// What the service says of an instance; nil without the time when it was made.
    package init?(_ summary: ContainerInstance) {
        guard let created = summary.timeCreated else { return nil }
        let isOver = summary.lifecycleState.phase.isOver
        self.init(
            id: summary.id,
            managerID: summary.freeformTags[Owner.managerTag] ?? "",
            ownerID: summary.freeformTags[Owner.ownerTag] ?? "",
            shape: summary.shape,
            ocpus: summary.ocpus,
            memoryGB: summary.memoryGB,
            createdAt: created.millisecondsSinceEpoch / 1000,
            endedAt: isOver ? summary.timeUpdated.map { $0.millisecondsSinceEpoch / 1000 } : nil,
            tags: summary.freeformTags.filter { !$0.key.hasPrefix(Self.ownTagPrefix) }
        )
    }

    /// The record as a line of the file, its end included.
    package var line: [UInt8] {
        let json = JSON.object(present: [
            ("id", .string(id)),
            ("manager", .string(managerID)),
            ("owner", .string(ownerID)),
            ("shape", .string(shape)),
            ("ocpus", ocpus.map { .real($0) }),
            ("memory_gb", memoryGB.map { .real($0) }),
            ("created", .integer(Int64(createdAt))),
            ("ended", endedAt.map { .integer(Int64($0)) }),
            (
                "tags",
                tags.isEmpty ? nil : .strings(tags.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
            ),
        ])
        return json.encoded() + [UInt8(ascii: "\n")]
    }

    /// Reads a line; nil for one that is none, such as the half of one.
    package init?(line: [UInt8]) {
        do throws(JSONError) {
            let object = try JSONObject(reading: line)
            guard let created = try object.integerIfPresent("created"),
                let ended = try object.integerIfPresent("ended"), created >= 0, ended >= created,
                ended < Self.timeMax
            else { return nil }
            self.init(
                id: try object.string("id"),
                managerID: try object.stringIfPresent("manager") ?? "",
                ownerID: try object.stringIfPresent("owner") ?? "",
                shape: try object.stringIfPresent("shape") ?? "",
                ocpus: try object.numberIfPresent("ocpus"),
                memoryGB: try object.numberIfPresent("memory_gb"),
                createdAt: created,
                endedAt: ended,
                tags: try object.stringMap("tags")
            )
        } catch {
            return nil
        }
    }

    /// In the year 9999.
    private static let timeMax = 253_402_300_800
}

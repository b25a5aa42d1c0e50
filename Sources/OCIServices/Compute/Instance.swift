// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// Where an instance or a container is in its life; the service adds states without notice.
package enum LifecycleState: Sendable, Equatable {
    /// Being made. To active, or to failed.
    case creating
    /// Runs. To updating or inactive when its process ends, to deleting when asked.
    case active
    /// In transition, mostly from active to inactive.
    case updating
    /// Stopped: the process has ended. To deleting when asked.
    case inactive
    /// Being removed. To deleted.
    case deleting
    /// Gone; shown for a while.
    case deleted
    /// Could not be made or kept. To deleting when asked.
    case failed
    /// A state this code does not know, in its own word.
    case other(String)

    private static let known = [
        Self.creating, .active, .updating, .inactive, .deleting, .deleted, .failed,
    ].map { (name: "\($0)".uppercased(), state: $0) }

    /// The state under its name on the wire.
    package init(_ name: String) {
        // Listings hold a thousand of them, as a rule in capitals.
        self = Self.known(named: name) ?? Self.known(named: name.uppercased()) ?? .other(name)
    }

    private static func known(named name: String) -> Self? { known.first { $0.name == name }?.state }

    /// The name on the wire: that of the case, in capitals.
    package var name: String {
        if case .other(let name) = self { name } else { Self.known.first { $0.state == self }?.name ?? "" }
    }

    /// Whether nothing runs any more, nor will again.
    package var isStopped: Bool { [.inactive, .deleted, .failed].contains(self) }
}

/// A container instance; lists leave out its containers.
package struct ContainerInstance: Sendable, Equatable {
    /// The OCID.
    package let id: String
    /// The display name, empty if the service sends none.
    package let displayName: String
    /// The state.
    package let lifecycleState: LifecycleState
    /// The service's words on the state, for example why it failed.
    package let lifecycleDetails: String?
    /// When it was asked for.
    package let timeCreated: Timestamp?
    /// When it last changed, its state included.
    package let timeUpdated: Timestamp?
    /// Its free-form tags.
    package let freeformTags: [String: String]
    /// The full name of its availability domain.
    package let availabilityDomain: String
    /// The name of its shape, empty if the service sends none.
    package let shape: String
    /// Its OCPUs; nil if the service does not say.
    package let ocpus: Double?
    /// Its memory in GB; nil if the service does not say.
    package let memoryGB: Double?
    /// OCIDs of its containers; empty in lists, and while the service has not named them yet.
    package let containerIDs: [String]
    /// The OCID of the work request that makes it, on the answer to a create.
    package internal(set) var workRequestID: String?
    /// How old it was when a create was answered with it, by the service's clock alone; nil elsewhere, or where it cannot be
    /// told.
    package internal(set) var age: Duration?

    init(_ object: JSONObject) throws(JSONError) {
        id = try object.identifier("id")
        displayName = try object.stringIfPresent("displayName") ?? ""
        lifecycleState = LifecycleState(try object.string("lifecycleState"))
        lifecycleDetails = try object.stringIfPresent("lifecycleDetails")
        timeCreated = try object.stringIfPresent("timeCreated").flatMap(Timestamp.init)
        timeUpdated = try object.stringIfPresent("timeUpdated").flatMap(Timestamp.init)
        freeformTags = try object.stringMap("freeformTags")
        availabilityDomain = try object.stringIfPresent("availabilityDomain") ?? ""
        shape = try object.stringIfPresent("shape") ?? ""
        // For statistics alone: an odd size must not hide the instance.
        let size = try? object.objectIfPresent("shapeConfig")
        ocpus = try? size?.numberIfPresent("ocpus")
        memoryGB = try? size?.numberIfPresent("memoryInGBs")
        containerIDs = try (object.objectsIfPresent("containers") ?? []).map { container throws(JSONError) in
            try container.identifier("containerId")
        }
    }
}

/// One container of an instance.
package struct Container: Sendable, Equatable {
    /// The OCID.
    package let id: String
    /// The state.
    package let lifecycleState: LifecycleState
    /// The service's words on the state.
    package let lifecycleDetails: String?
    /// The exit code of the process; a placeholder 0 while the container is active.
    package let exitCode: Int?

    init(_ object: JSONObject) throws(JSONError) {
        id = try object.identifier("id")
        lifecycleState = LifecycleState(try object.string("lifecycleState"))
        lifecycleDetails = try object.stringIfPresent("lifecycleDetails")
        exitCode = try object.integerIfPresent("exitCode")
    }
}

/// An entry of a work request's list of errors.
package struct WorkRequestError: Sendable, Equatable {
    /// The code, in the service's word.
    package let code: String
    /// What happened.
    package let message: String

    init(_ object: JSONObject) throws(JSONError) {
        code = try object.stringIfPresent("code") ?? ""
        message = try object.stringIfPresent("message") ?? ""
    }
}

/// A shape that a container instance may have.
package struct InstanceShape: Sendable, Equatable {
    /// The name, for example `CI.Standard.E4.Flex`.
    package let name: String
    /// The range of OCPUs, if the shape is flexible.
    package let ocpus: ClosedRange<Double>?
    /// The range of memory in GB, if the shape is flexible.
    package let memoryGB: ClosedRange<Double>?
    /// The range of memory in GB for each OCPU, if the shape has one.
    package let memoryGBPerOCPU: ClosedRange<Double>?

    init(_ object: JSONObject) throws(JSONError) {
        name = try object.string("name")
        let memory = try object.objectIfPresent("memoryOptions")
        ocpus = try Self.range(try object.objectIfPresent("ocpuOptions"), "min", "max")
        memoryGB = try Self.range(memory, "minInGBs", "maxInGBs")
        memoryGBPerOCPU = try Self.range(memory, "minPerOcpuInGBs", "maxPerOcpuInGBs")
    }

    /// Why the shape cannot have this size, in words; nil if it can, as far as is known.
    package func misfit(ocpus count: Double, memoryGB size: Double) -> String? {
        if let ocpus, !ocpus.contains(count) {
            return "\(name) has \(Self.words(ocpus)) OCPUs, not \(Self.words(count))"
        }
        if let memoryGB, !memoryGB.contains(size) {
            return "\(name) has \(Self.words(memoryGB)) GB of memory, not \(Self.words(size))"
        }
        if let memoryGBPerOCPU, !memoryGBPerOCPU.contains(size / count) {
            return "\(name) has \(Self.words(memoryGBPerOCPU)) GB of memory for each OCPU, not "
                + "\(Self.words(size)) for \(Self.words(count))"
        }
        return nil
    }

    private static func words(_ range: ClosedRange<Double>) -> String {
        "\(words(range.lowerBound)) to \(words(range.upperBound))"
    }

    private static func words(_ number: Double) -> String {
        Int(exactly: number).map { "\($0)" } ?? "\(number)"
    }

    private static func range(
        _ options: JSONObject?,
        _ minimumName: String,
        _ maximumName: String
    ) throws(JSONError) -> ClosedRange<Double>? {
        guard let minimum = try options?.numberIfPresent(minimumName),
            let maximum = try options?.numberIfPresent(maximumName), minimum <= maximum
        else { return nil }
        return minimum...maximum
    }
}

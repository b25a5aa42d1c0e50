// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import JSON

/// CreateContainerInstanceDetails (API 20210415), as far as one task's instance needs them; everything else is a violation.
package struct InstanceLaunchDetails: Sendable {
    /// The task's id, as the container names its result.
    package let taskID: String
    /// What its container is to do.
    package let job: SimulatedJob

    let availabilityDomain: String
    let shape: String
    let displayName: String
    let imageURL: String
    let tags: [(String, String)]
    let isOutputWanted: Bool
    /// What the container is told that its result is below.
    let prefix: String
    /// The object that holds the payload; nil where the environment does.
    let inputName: String?

    private static let names: Set<String> = [
        "compartmentId", "availabilityDomain", "displayName", "shape", "shapeConfig", "containers", "vnics",
        "imagePullSecrets", "containerRestartPolicy", "gracefulShutdownTimeoutInSeconds", "freeformTags",
        "definedTags",
    ]
    private static let containerNames: Set<String> = [
        "displayName", "imageUrl", "environmentVariables", "isResourcePrincipalDisabled",
    ]

    /// Reads and judges the body of a create, and the payload that it leads to.
    @LoopActor
    static func read(
        _ body: [UInt8],
        _ simulation: Simulation,
        _ settings: CloudSettings,
        _ bucket: SimulatedBucket
    ) -> InstanceLaunchDetails? {
        do throws(JSONError) {
            let value = try JSON.read(body)
            let top = try JSONObject(value)
            judgeNames(of: value, names, simulation)
            if let container = first(of: "containers", in: value) {
                judgeNames(of: container, containerNames, simulation)
            }
            try judgeTop(top, simulation, settings)
            guard let container = try top.objects("containers").first else { return nil }
            let tags = try top.stringMap("freeformTags")
            let environment = try container.stringMap("environmentVariables")
            judge(environment, simulation, settings)
            let taskID = environment["TASK_ID"] ?? ""
            bucket.tell(environment["OCI_PREFIX"] ?? "", to: taskID)
            let isOwners = tags["scaler-owner"] == settings.ownerID && tags["scaler-task"] == taskID
            simulation.judge("api", isOwners, "an instance of task \(taskID) with the tags of another")
            guard let payload = JobPayload(environment, simulation, bucket) else { return nil }
            simulation.judge(
                "payload",
                payload.taskID == taskID,
                "the payload of \(taskID) is another task's"
            )
            return InstanceLaunchDetails(
                taskID: taskID,
                job: payload.job,
                availabilityDomain: try top.string("availabilityDomain"),
                shape: try top.string("shape"),
                displayName: try top.string("displayName"),
                imageURL: try container.string("imageUrl"),
                tags: tags.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
                isOutputWanted: payload.isOutputWanted,
                prefix: environment["OCI_PREFIX"] ?? "",
                inputName: payload.objectName
            )
        } catch {
            simulation.judge("api", false, "a create whose body cannot be read: \(error)")
            return nil
        }
    }

    @LoopActor
    private static func judgeTop(
        _ top: JSONObject,
        _ simulation: Simulation,
        _ settings: CloudSettings
    ) throws(JSONError) {
        let judge = { @LoopActor (condition: Bool, text: String) in simulation.judge("api", condition, text) }
        judge(try top.string("compartmentId") == settings.compartmentID, "an instance in another compartment")
        judge(
            settings.availabilityDomains.contains(try top.string("availabilityDomain")),
            "an unknown domain"
        )
        judge(settings.shapes.contains(try top.string("shape")), "an unknown shape")
        judge(
            try top.string("containerRestartPolicy") == "NEVER",
            "a container that would run again and again"
        )
        judge(
            try top.objectIfPresent("shapeConfig")?.numberIfPresent("ocpus") != nil,
            "a shape without OCPUs"
        )
        judge(try top.objects("containers").count == 1, "an instance that has not one container")
        let subnets = try top.objects("vnics").map { vnic throws(JSONError) in try vnic.string("subnetId") }
        judge(
            subnets.count == 1 && settings.subnetIDs.contains(subnets[0]),
            "an instance in an unknown subnet"
        )
    }

    @LoopActor
    private static func judge(
        _ environment: [String: String],
        _ simulation: Simulation,
        _ settings: CloudSettings
    ) {
        let size = environment.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        simulation.judge("api", size <= 64 * 1024, "an environment of \(size) bytes")
        let expected = [("OCI_NAMESPACE", settings.namespace), ("OCI_BUCKET", settings.bucket)]
        for (name, value) in expected {
            simulation.judge(
                "api",
                environment[name] == value,
                "a container with \(name)=\(environment[name] ?? "")"
            )
        }
        let isInline = environment["PAYLOAD_B64"]?.isEmpty == false
        let isOwn = environment["OCI_OBJECT_KEY"]?.hasPrefix("\(settings.objectPrefix)/inputs/") ?? false
        simulation.judge(
            "api",
            isInline || isOwn,
            "a container that would read \(environment["OCI_OBJECT_KEY"] ?? "")"
        )
        simulation.judge("api", environment["TASK_ID"]?.isEmpty == false, "a container without a task")
    }

    @LoopActor
    private static func judgeNames(of value: JSON, _ known: Set<String>, _ simulation: Simulation) {
        guard case .object(let members) = value else { return }
        for member in members {
            simulation.judge("api", known.contains(member.name), "a create with the member \(member.name)")
        }
    }

    /// The first element of the array of this name.
    private static func first(of name: String, in value: JSON) -> JSON? {
        guard case .object(let members) = value,
            case .array(let elements)? = members.first(where: { $0.name == name })?.value
        else { return nil }
        return elements.first
    }
}

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
    init?(_ body: [UInt8], _ simulation: Simulation, _ settings: CloudSettings, _ bucket: SimulatedBucket) {
        do throws(JSONError) {
            let top = try JSONObject(reading: body)
            Self.judgeNames(of: try JSON.read(body), Self.names, simulation)
            availabilityDomain = try top.string("availabilityDomain")
            shape = try top.string("shape")
            displayName = try top.string("displayName")
            let containers = try top.objects("containers")
            let vnics = try top.objects("vnics")
            guard containers.count == 1, vnics.count == 1 else {
                simulation.judge(
                    "api",
                    false,
                    "an instance of \(containers.count) containers and \(vnics.count) VNICs"
                )
                return nil
            }
            if let container = Self.member(of: try JSON.read(body), "containers") {
                Self.judgeNames(of: container, Self.containerNames, simulation)
            }
            let tagMap = try top.stringMap("freeformTags")
            let environment = try containers[0].stringMap("environmentVariables")
            imageURL = try containers[0].string("imageUrl")
            tags = tagMap.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            let judge = { @LoopActor (condition: Bool, text: String) in
                simulation.judge("api", condition, text)
            }
            judge(
                try top.string("compartmentId") == settings.compartmentID,
                "an instance in another compartment"
            )
            judge(
                settings.availabilityDomains.contains(availabilityDomain),
                "no domain \(availabilityDomain)"
            )
            judge(settings.shapes.contains(shape), "no shape \(shape)")
            judge(
                settings.subnetIDs.contains(try vnics[0].string("subnetId")),
                "an instance in an unknown subnet"
            )
            judge(
                try top.string("containerRestartPolicy") == "NEVER",
                "a container that would run again and again"
            )
            judge(
                try top.objectIfPresent("shapeConfig")?.numberIfPresent("ocpus") != nil,
                "a shape without OCPUs"
            )
            judge(tagMap["scaler-owner"] == settings.ownerID, "an instance without its owner's tag")
            let size = environment.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
            judge(size <= 64 * 1024, "an environment of \(size) bytes")
            judge(environment["OCI_NAMESPACE"] == settings.namespace, "a container for another namespace")
            judge(environment["OCI_BUCKET"] == settings.bucket, "a container for another bucket")
            judge(
                environment["OCI_PREFIX"] == settings.objectPrefix,
                "a container that writes under another prefix"
            )
            taskID = environment["TASK_ID"] ?? ""
            judge(!taskID.isEmpty, "a container without a task")
            judge(
                tagMap["scaler-task"] == taskID,
                "an instance of task \(taskID) with the tag of another task"
            )
            guard let payload = JobPayload(environment, simulation, bucket) else { return nil }
            simulation.judge(
                "payload",
                payload.taskID == taskID,
                "the payload of task \(taskID) is another task's"
            )
            (job, isOutputWanted, inputName) = (payload.job, payload.isOutputWanted, payload.objectName)
        } catch {
            simulation.judge("api", false, "a create whose body cannot be read: \(error)")
            return nil
        }
    }

    @LoopActor
    private static func judgeNames(of value: JSON, _ known: Set<String>, _ simulation: Simulation) {
        guard case .object(let members) = value else { return }
        for member in members {
            simulation.judge("api", known.contains(member.name), "a create with the member \(member.name)")
        }
    }

    /// The first element of the array of this name.
    private static func member(of value: JSON, _ name: String) -> JSON? {
        guard case .object(let members) = value,
            case .array(let elements)? = members.first(where: { $0.name == name })?.value
        else { return nil }
        return elements.first
    }
}

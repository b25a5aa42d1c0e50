// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import JSON
internal import Transport

/// What is asked of CreateContainerInstance: one container, run once, never restarted; the API caps the sum of the
/// names and values of all environment variables at 64 KiB.
package struct InstanceLaunch: Sendable, Equatable {
    /// The compartment's OCID.
    package var compartmentID: String
    /// The full name, for example `Uocm:US-ASHBURN-AD-1`.
    package var availabilityDomain: String
    /// What people see in the console; need not be unique.
    package var displayName: String
    /// For example `CI.Standard.E4.Flex`.
    package var shape: String
    /// OCPUs, of which one is two hardware threads on x86.
    package var ocpus: Double
    /// Memory in GB.
    package var memoryGB: Double
    /// The subnet's OCID.
    package var subnetID: String
    /// Registry, repository and tag or digest.
    package var imageURL: String
    /// Environment of the container, in order.
    package var environment: [(name: String, value: String)] = []
    /// Tags of the instance, in order.
    package var freeformTags: [(name: String, value: String)] = []
    /// Tags of the instance under a namespace of the tenancy, in order.
    package var definedTags: [(namespace: String, key: String, value: String)] = []
    /// How the image is fetched from a private registry; empty for a public one or a policy that allows it.
    package var imagePullSecrets: [ImagePullSecret] = []
    /// Whether the container gets no identity of its own; it then cannot reach Object Storage without other means.
    package var isResourcePrincipalDisabled = false
    /// Seconds that the container may take to end when its instance is deleted; the service's default if nil.
    package var gracefulShutdownTimeoutSeconds: Int?

    /// A launch from the parts that have no default.
    package init(
        compartmentID: String,
        availabilityDomain: String,
        displayName: String,
        shape: String,
        ocpus: Double,
        memoryGB: Double,
        subnetID: String,
        imageURL: String
    ) {
        self.compartmentID = compartmentID
        self.availabilityDomain = availabilityDomain
        self.displayName = displayName
        self.shape = shape
        self.ocpus = ocpus
        self.memoryGB = memoryGB
        self.subnetID = subnetID
        self.imageURL = imageURL
    }

    /// Whether two launches ask for the same.
    package static func == (left: InstanceLaunch, right: InstanceLaunch) -> Bool { left.body == right.body }
}

/// How a private image is fetched.
package enum ImagePullSecret: Sendable, Equatable {
    /// A user name and an auth token, in plain text here and in base64 on the wire.
    case basic(registry: String, username: String, password: String)
    /// The OCID of a vault secret whose content is `{"username": ..., "password": ...}`.
    case vault(registry: String, secretID: String)
}

extension InstanceLaunch {
    /// CreateContainerInstanceDetails (Container Instances API 20210415); the restart policy is always sent, for
    /// its default would run every task again and again.
    package var body: JSON {
        .object(present: [
            ("compartmentId", .string(compartmentID)),
            ("availabilityDomain", .string(availabilityDomain)),
            ("displayName", .string(displayName)),
            ("shape", .string(shape)),
            ("shapeConfig", .object(present: [("ocpus", .real(ocpus)), ("memoryInGBs", .real(memoryGB))])),
            ("containers", .array([container])),
            ("vnics", .array([.strings([("subnetId", subnetID)])])),
            ("imagePullSecrets", imagePullSecrets.isEmpty ? nil : .array(imagePullSecrets.map(\.body))),
            ("containerRestartPolicy", .string("NEVER")),
            ("gracefulShutdownTimeoutInSeconds", gracefulShutdownTimeoutSeconds.map { .integer(Int64($0)) }),
            ("freeformTags", .strings(freeformTags.map { ($0.name, $0.value) })),
            ("definedTags", definedTags.isEmpty ? nil : definedTagsBody),
        ])
    }

    private var container: JSON {
        .object(present: [
            ("displayName", .string(displayName)),
            ("imageUrl", .string(imageURL)),
            ("environmentVariables", .strings(environment.map { ($0.name, $0.value) })),
            ("isResourcePrincipalDisabled", .bool(isResourcePrincipalDisabled)),
        ])
    }

    private var definedTagsBody: JSON {
        var namespaces: [String] = []
        for tag in definedTags where !namespaces.contains(tag.namespace) { namespaces.append(tag.namespace) }
        return .object(
            namespaces.map { namespace in
                let tags = definedTags.filter { $0.namespace == namespace }
                return JSON.Member(namespace, .strings(tags.map { ($0.key, $0.value) }))
            }
        )
    }
}

extension ImagePullSecret {
    fileprivate var body: JSON {
        switch self {
        case .basic(let registry, let username, let password):
            .strings([
                ("secretType", "BASIC"),
                ("registryEndpoint", registry),
                ("username", Base64.encode(Array(username.utf8))),
                ("password", Base64.encode(Array(password.utf8))),
            ])
        case .vault(let registry, let secretID):
            .strings([("secretType", "VAULT"), ("registryEndpoint", registry), ("secretId", secretID)])
        }
    }
}

/// The `opc-retry-token` of a launch (Container Instances API: at most 64 characters, remembered for 24 hours).
package enum RetryToken {
    /// The token of one launch: the same for the same arguments, in this process or the next, so that a launch
    /// whose answer was lost is answered with the instance it made.
    ///
    /// `generation` is raised when the instance of a token is known to be gone; `placement` is the place tried, for
    /// a token that comes with another body is refused.
    package static func make(owner: String, task: String, generation: Int, placement: String) -> String {
        let parts = [owner, task, String(generation), placement]
        // Lengths go first, or ("a", "bc") and ("ab", "c") would be one launch.
        let text = parts.map { "\($0.utf8.count):\($0)" }.joined()
        return Hexadecimal.encode(DigestAlgorithm.sha256.digest(Array(text.utf8)))
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Why `provision` and `cleanup` stop.
extension Diagnostic {
    static func taken(_ resource: String, by compartmentID: String) -> Diagnostic {
        Diagnostic(
            "\(resource) is taken",
            why: "provision made it for compartment \(compartmentID)",
            remedy: "give another --prefix"
        )
    }

    static func foreign(_ resource: String) -> Diagnostic {
        Diagnostic(
            "\(resource) is not as it should be",
            why: "it exists and was not made by provision, which does not change what it did not make",
            remedy: "give another --prefix"
        )
    }

    static func unclearLaunchers(_ groups: [String]) -> Diagnostic {
        Diagnostic(
            "it is not clear who will launch tasks",
            why: groups.isEmpty
                ? "you are in no group" : "you are in the groups \(groups.joined(separator: ", "))",
            remedy: "say --group NAME, --group 'dynamic-group NAME', or --group none"
        )
    }

    static func resourcesInUse(instanceCount: Int) -> Diagnostic {
        Diagnostic(
            "the resources are in use",
            why: "\(instanceCount) container instances of managers run in the compartment",
            remedy: "stop the managers, or delete what they left with scaler-oci-hpc reap"
        )
    }

    static func undeletableObjects(in bucket: String, why: String?) -> Diagnostic {
        Diagnostic(
            "objects of bucket \(bucket) cannot be deleted",
            why: why ?? "the service does not say why",
            remedy: "check the bucket's retention rules and your right to 'manage objects'"
        )
    }
}

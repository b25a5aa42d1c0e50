// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import OCIServices

/// What to say of a container that ended without a result.
enum LifecycleComplaint {
    /// The job runner's exit code when it could not store anything.
    private static let nothingStored = 74

    static func stopped(
        image: String,
        state: LifecycleState?,
        exitCode: Int?,
        details: String,
        settings: Settings
    ) -> Complaint {
        let told = details.isEmpty ? "" : ": \(details)"
        let words = details.lowercased()
        let isImage = ["pull", "image", "manifest"].contains { words.contains($0) }
        if FailureKind.saysOutOfHostCapacity(details) {
            return Complaint(
                "there is no room for a container instance",
                why: "the service says\(told)",
                remedy: "name more availability domains or shapes, or try again later"
            )
        }
        if isImage || state == .failed {
            return Complaint(
                "the container did not start",
                why: "its instance is \(state?.name ?? "gone")\(told)",
                remedy:
                    "check that image \(image) exists in this region and that the subnet reaches the registry "
                    + "(service gateway, NAT or public address); for a private repository give --image-pull-secret-id, or "
                    + "allow the dynamic group to 'read repos'"
            )
        }
        if let exitCode, exitCode == nothingStored || exitCode == 0 {
            return Complaint(
                "the container could not store its result",
                why: "it ended with exit code \(exitCode)\(told)",
                remedy:
                    "check the dynamic group of the container instances and its policy 'Allow dynamic-group <group> "
                    + "to manage objects in compartment id \(settings.compartmentID)', which scaler-oci-hpc provision "
                    + "makes, and that the subnet reaches Object Storage"
            )
        }
        if exitCode == 137 {
            return Complaint(
                "the container was killed",
                why: "exit code 137\(told), as a rule for want of memory",
                remedy: "raise --instance-memory-gb"
            )
        }
        return Complaint(
            "the container ended without a result",
            why:
                "its instance is \(state?.name ?? "gone"), exit code \(exitCode.map(String.init) ?? "unknown")\(told)",
            remedy: "check that image \(image) holds the job runner: build it with scaler-oci-hpc build-image"
        )
    }
}

extension String {
    /// Whether `part` occurs; the library's own `contains` links a whole regular expression engine.
    fileprivate func contains(_ part: String) -> Bool {
        let (bytes, wanted) = (Array(utf8), Array(part.utf8))
        return bytes.indices.contains { bytes[$0...].starts(with: wanted) }
    }
}

// SPDX-License-Identifier: Apache-2.0

package import Configuration
package import OCIServices
package import TaskEngine
package import TaskPayload

extension InstanceLaunch {
    /// The instance that the settings ask for, for the daemon's tasks and for that of `check`.
    ///
    /// `tags` come after the settings' own free-form tags.
    package init(
        _ settings: Settings,
        in placement: Placement,
        ocpus: Double,
        memoryGB: Double,
        displayName: String,
        environment: RunnerEnvironment,
        tags: [(name: String, value: String)]
    ) {
        self.init(
            compartmentID: settings.compartmentID,
            availabilityDomain: placement.availabilityDomain,
            displayName: displayName,
            shape: placement.shape,
            ocpus: ocpus,
            memoryGB: memoryGB,
            subnetID: placement.subnetID,
            imageURL: settings.containerImage
        )
        self.environment = environment.variables
        freeformTags = settings.freeformTags.map { ($0.key, $0.value) } + tags
        definedTags = settings.definedTags.map { ($0.namespace, $0.key, $0.value) }
        imagePullSecrets = ImagePullSecret.all(for: settings)
    }
}

extension ImagePullSecret {
    /// How the settings want their image fetched; empty for a public one, or one that a policy lets instances read.
    static func all(for settings: Settings) -> [ImagePullSecret] {
        let registry = String(settings.containerImage.prefix { $0 != "/" })
        if let secretID = settings.imagePullSecretID {
            return [.vault(registry: registry, secretID: secretID)]
        }
        guard let username = settings.imagePullUsername, let password = settings.imagePullPassword else {
            return []
        }
        return [.basic(registry: registry, username: username, password: password)]
    }
}

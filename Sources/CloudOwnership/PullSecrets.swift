// SPDX-License-Identifier: Apache-2.0

package import Configuration
package import OCIServices

extension ImagePullSecret {
    /// How the settings want their image fetched; empty for a public one, or one that a policy lets instances read.
    package static func all(for settings: Settings) -> [ImagePullSecret] {
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

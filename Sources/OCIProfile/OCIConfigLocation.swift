// SPDX-License-Identifier: Apache-2.0

/// Which file and which profile of it are meant.
package enum OCIConfigLocation {
    /// Returns the paths to try, in order; the first that exists is the one.
    ///
    /// A path that was asked for, by flag or by the CLI's `OCI_CLI_CONFIG_FILE`, is the only one. Else the SDKs take
    /// `~/.oci/config` and look at `OCI_CONFIG_FILE` only where that does not exist.
    package static func candidates(
        explicit: String?,
        environment: [String: String],
        home: String
    ) -> [String] {
        let asked = explicit ?? environment.nonEmpty("OCI_CLI_CONFIG_FILE")
        let paths =
            asked.map { [$0] }
            ?? ["~/.oci/config", environment.nonEmpty("OCI_CONFIG_FILE")].compactMap(\.self)
        return paths.map { expandingTilde($0, home: home) }
    }

    /// Returns the profile's name: the one asked for, or the CLI's `OCI_CLI_PROFILE`, or `DEFAULT`.
    package static func profileName(explicit: String?, environment: [String: String]) -> String {
        explicit ?? environment.nonEmpty("OCI_CLI_PROFILE") ?? OCIConfigFile.defaultSection
    }

    /// Replaces a `~` that is the whole path or its first component; variables and other users' homes stay as written.
    package static func expandingTilde(_ path: String, home: String) -> String {
        path == "~" || path.hasPrefix("~/") ? home + path.dropFirst() : path
    }
}

extension [String: String] {
    func nonEmpty(_ name: String) -> String? {
        self[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

// SPDX-License-Identifier: Apache-2.0

extension ManagerEntry {
    /// Settings that an earlier command wrote down, such as those of provisioned resources.
    ///
    /// `values` are texts by key of the configuration file (`compartment_id`); keys that no setting has are left alone.
    /// `path` is the file they came from, for messages.
    package init(saved values: [String: String], path: String) {
        self.init(path: path, line: 1)
        for (key, text) in values {
            let name = withDashes(key)
            guard let option = Option.table.first(where: { $0.name == name && $0.isFileKey }) else {
                continue
            }
            given[option.name] = Given(texts: [text], origin: .file(path: path, line: 1))
        }
    }
}

extension ArgumentScan {
    /// The same scan with some flags under the names that `Option.table` has for them.
    ///
    /// `names` has a subcommand's own flag, such as `region`, and the option it means, such as `oci-region`. Throws a
    /// contradiction when both were given.
    package func renaming(_ names: [String: String]) throws(ConfigurationError) -> ArgumentScan {
        var scan = self
        for (own, meant) in names.sorted(by: { $0.key < $1.key }) {
            guard let given = scan.flags.removeValue(forKey: own) else { continue }
            guard scan.flags[meant] == nil else {
                throw .contradiction("--\(own) and --\(meant) are the same setting; give one of them")
            }
            scan.flags[meant] = given
        }
        return scan
    }

    /// The same scan with one flag's text under another name, for flags that give a setting in another unit.
    package func replacing(
        _ own: String,
        by meant: String,
        text: String
    ) throws(ConfigurationError) -> ArgumentScan {
        var scan = try renaming([own: meant])
        scan.flags[meant]?.texts = [text]
        return scan
    }
}

extension Invocation {
    /// Reads the settings of a subcommand that has no configuration file, but may have saved settings.
    ///
    /// `scan` has the names of `Option.table`; `saved` yields to the environment. `required` names the options without
    /// which the subcommand cannot work, e.g. `compartment-id`. Throws the first fault found, as one line.
    package static func settings(
        scan: ArgumentScan,
        environment: [String: String],
        saved: ManagerEntry?,
        required: [String]
    ) throws(ConfigurationError) -> Settings {
        try Settings(
            scan: scan,
            address: nil,
            environment: environment,
            entry: saved,
            required: Option.table.filter { required.contains($0.name) }
        )
    }
}

extension Option {
    /// The row of the table with this name; a name that is not there is a mistake of this program.
    package static func named(_ name: String) -> Option {
        guard let option = table.first(where: { $0.name == name }) else {
            preconditionFailure("there is no option \(name)")
        }
        return option
    }
}

// SPDX-License-Identifier: Apache-2.0

extension Settings {
    /// Settings from all sources: flag over environment over file over default.
    ///
    /// - Parameters:
    ///   - scan: The scanned command line.
    ///   - address: The bare word that is the scheduler's address, if there was one.
    ///   - environment: Environment variables; one that is empty counts as given.
    ///   - entry: The entry of the configuration file, if there is one.
    ///   - required: Options that must be given.
    /// - Throws: The first fault found, or all that is missing.
    init(
        scan: ArgumentScan,
        address: String?,
        environment: [String: String],
        entry: ManagerEntry?,
        required: [Option]
    ) throws(ConfigurationError) {
        // Overwritten below, or the missing address is reported.
        self.init(schedulerAddress: .tcp(host: "127.0.0.1", port: 8516))
        for option in Option.table {
            let strongest = option.given(scan: scan, address: address, environment: environment, entry: entry)
            guard let given = strongest else { continue }
            do {
                try option.store(&self, given.texts)
            } catch {
                let fault = option.isSecret ? error.withoutValue : error
                throw .badValue(setting: option.name, origin: given.origin, fault: fault)
            }
            origins[option.name] = given.origin
            if case .ignored(let reason) = option.role {
                ignored.append(IgnoredSetting(name: option.name, origin: given.origin, reason: reason))
            }
        }
        let missing = required.filter { origins[$0.name] == nil }
        guard missing.isEmpty else {
            throw .missingSettings(missing.map(\.ways), path: entry?.path, line: entry?.line)
        }
        if let contradiction { throw .contradiction(contradiction) }
    }
}

extension Option {
    /// What the strongest source that names this option gave.
    fileprivate func given(
        scan: ArgumentScan,
        address: String?,
        environment variables: [String: String],
        entry: ManagerEntry?
    ) -> Given? {
        if case .invocation = role { return nil }
        if case .positional = role, let address { return Given(texts: [address], origin: .argument) }
        if let given = scan.flags[name] { return given }
        if let environment, let text = variables[environment] {
            return Given(texts: [text], origin: .environment(environment))
        }
        return entry?.given[name]
    }

    /// How a missing setting can be given: `--subnet-id (OCI_SUBNET_ID)`.
    fileprivate var ways: String { spelling + (environment.map { " (\($0))" } ?? "") }
}

extension ValueFault {
    /// The same fault, without a word of the secret.
    fileprivate var withoutValue: ValueFault {
        ValueFault(isOutOfRange: isOutOfRange, problem: "the value cannot be used", remedy: remedy)
    }
}

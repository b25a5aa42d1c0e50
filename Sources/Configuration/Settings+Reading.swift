// SPDX-License-Identifier: Apache-2.0

extension Settings {
    /// Settings from all sources: flag over environment over file over default.
    ///
    /// `address` is the bare word that is the scheduler's, if there was one; an environment variable that is empty
    /// counts as unset, as a wrapper's `export OCI_SUBNET_ID="$SUBNET"` means it. Throws the first fault found, or all of
    /// `required` that is missing.
    init(
        scan: ArgumentScan,
        address: String?,
        environment: [String: String],
        entry: ManagerEntry?,
        required: [Option]
    ) throws(ConfigurationError) {
        // Overwritten below, or the missing address is reported.
        self.init(schedulerAddress: .unset)
        for option in Option.table {
            let strongest = option.given(scan: scan, address: address, environment: environment, entry: entry)
            guard let given = strongest else { continue }
            do {
                try option.store(&self, given.texts)
            } catch {
                // A secret's fault goes without a word of its value.
                let problem = option.isSecret ? "the value cannot be used" : error.problem
                let fault = ValueFault(
                    isOutOfRange: error.isOutOfRange,
                    problem: problem,
                    remedy: error.remedy
                )
                throw .badValue(setting: option.name, origin: given.origin, fault: fault)
            }
            origins[option.name] = given.origin
            if case .ignored(let reason) = option.role {
                ignored.append(IgnoredSetting(name: option.name, origin: given.origin, reason: reason))
            }
            if !given.droppedItems.isEmpty {
                let items = given.droppedItems.map(quoted).joined(separator: ", ")
                let reason =
                    "the last flag counts, without \(items) of an earlier one; give all items to one flag, with "
                    + "commas between"
                ignored.append(IgnoredSetting(name: option.name, origin: given.origin, reason: reason))
            }
        }
        unknownKeys = entry?.unknownKeys ?? []
        let missing = required.filter { origins[$0.name] == nil }
        if let misspelt = unknownKeys.first(where: { key in missing.contains { $0.key == key.nearest } }) {
            throw .unknownKey(misspelt)
        }
        guard missing.isEmpty else {
            throw .missingSettings(missing.map(\.ways), path: entry?.path, line: entry?.line)
        }
        if let contradiction { throw .contradiction(contradiction) }
        takeSizesFromCapabilities()
    }
}

extension Settings {
    /// Capabilities that say how large an instance is, and the settings that they stand for.
    private static let sizes:
        [(capability: String, option: String, value: any WritableKeyPath<Settings, Double> & Sendable)] = [
            ("ocpus", "instance-ocpus", \.instanceOCPUs),
            ("memory_gb", "instance-memory-gb", \.instanceMemoryGB),
        ]

    /// `ocpus=4` among the capabilities promises instances of 4 OCPUs, so it sets their size, unless that is said too.
    private mutating func takeSizesFromCapabilities() {
        for size in Self.sizes where origins[size.option] == nil {
            guard let offered = capabilities.first(where: { $0.name == size.capability }), offered.value >= 1
            else { continue }
            self[keyPath: size.value] = Double(offered.value)
            guard let origin = origins["per-worker-capabilities"] else { continue }
            origins[size.option] = origin
            offeredSizes.append(
                OfferedSize(
                    capability: "\(offered.name)=\(offered.value)",
                    setting: size.option,
                    origin: origin
                )
            )
        }
    }

    private func place(_ origin: SettingOrigin?) -> String {
        printable((origin ?? .defaultValue).description)
    }

    /// The line about an offer and a size that differ, if there are such.
    var sizeContradiction: String? {
        for size in Self.sizes where origins[size.option] != nil {
            guard let offered = capabilities.first(where: { $0.name == size.capability }), offered.value >= 1,
                Double(offered.value) != self[keyPath: size.value]
            else { continue }
            let (offer, own) = (origins["per-worker-capabilities"], origins[size.option])
            return
                "--per-worker-capabilities (\(place(offer))) offers \(size.capability)=\(offered.value), which sizes "
                + "every instance, and --\(size.option) (\(place(own))) is \(self[keyPath: size.value]); give one of "
                + "them, or both alike"
        }
        return nil
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
        for name in self.variables {
            guard let text = variables[name], !text.isEmpty else { continue }
            return Given(texts: [text], origin: .environment(name))
        }
        return entry?.given[name]
    }

    /// How a missing setting can be given: `--subnet-id (OCI_SUBNET_ID)`.
    fileprivate var ways: String { spelling + (environment.map { " (\($0))" } ?? "") }
}

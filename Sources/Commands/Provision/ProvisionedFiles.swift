// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import JSON

enum ProvisionedFiles {
    /// What the other subcommands read.
    static func saved(
        _ settings: Settings,
        _ names: ProvisionedNames,
        tenancyID: String
    ) -> SavedConfiguration {
        var entries: [(String, JSON)] = [
            ("oci_region", .string(settings.region)),
            ("tenancy_id", .string(tenancyID)),
            ("compartment_id", .string(settings.compartmentID)),
            ("prefix", .string(names.prefix)),
            ("object_storage_namespace", .string(settings.objectStorageNamespace)),
            ("object_storage_bucket", .string(names.bucket)),
            ("object_storage_prefix", .string(settings.objectStoragePrefix)),
            ("container_image", .string(settings.containerImage)),
            ("availability_domain", list(settings.availabilityDomains)),
            ("subnet_id", list(settings.subnetIDs)),
            ("instance_shape", list(settings.instanceShapes)),
            ("instance_ocpus", .real(settings.instanceOCPUs)),
            ("instance_memory_gb", .real(settings.instanceMemoryGB)),
            ("base_concurrency", .integer(Int64(settings.baseConcurrency))),
            ("job_timeout_seconds", seconds(settings.jobTimeout)),
            ("dynamic_group_name", .string(names.dynamicGroup)),
            ("iam_policy_name", .string(names.policy)),
            ("repository_name", .string(names.repository)),
        ]
        entries += access(settings).map { ($0.key, .string($0.value)) }
        return SavedConfiguration(entries)
    }

    /// Lines that a shell reads: the variables that the daemon obeys, by both names where Scaler's provisioner has its own.
    static func environment(_ settings: Settings) -> String {
        let values = [
            ("oci-region", settings.region),
            ("compartment-id", settings.compartmentID),
            ("availability-domain", settings.availabilityDomains.joined(separator: ",")),
            ("subnet-id", settings.subnetIDs.joined(separator: ",")),
            ("container-image", settings.containerImage),
            ("object-storage-namespace", settings.objectStorageNamespace),
            ("object-storage-bucket", settings.objectStorageBucket),
            ("object-storage-prefix", settings.objectStoragePrefix),
        ]
        return values.flatMap { name, value in
            Option.named(name).variables.map { "export \($0)=\(shellQuoted(value))\n" }
        }.joined()
    }

    /// A configuration file with which everything can be started.
    static func configuration(_ settings: Settings) -> String {
        let scheduler = tomlString(settings.schedulerAddress.description)
        let storage = tomlString(
            (settings.objectStorageAddress ?? .tcp(host: "127.0.0.1", port: 8517)).description
        )
        var lines = [
            "# Written by scaler-oci-hpc provision. Run it: scaler-oci-hpc up config.toml", "",
            "[object_storage_server]", "bind_address = \(storage)", "",
            "[scheduler]", "bind_address = \(scheduler)", "object_storage_address = \(storage)", "",
            "[[worker_manager]]", "type = \"oci_hpc\"",
            "scheduler_address = \(scheduler)",
            "object_storage_address = \(storage)",
            "worker_manager_id = \(tomlString(settings.workerManagerID))",
            "object_storage_namespace = \(tomlString(settings.objectStorageNamespace))",
            "object_storage_bucket = \(tomlString(settings.objectStorageBucket))",
            "object_storage_prefix = \(tomlString(settings.objectStoragePrefix))",
            "oci_region = \(tomlString(settings.region))",
            "compartment_id = \(tomlString(settings.compartmentID))",
            "availability_domain = \(texts(settings.availabilityDomains))",
            "subnet_id = \(texts(settings.subnetIDs))",
            "container_image = \(tomlString(settings.containerImage))",
            "instance_shape = \(texts(settings.instanceShapes))",
            "instance_ocpus = \(settings.instanceOCPUs)",
            "instance_memory_gb = \(settings.instanceMemoryGB)",
            "base_concurrency = \(settings.baseConcurrency)",
            "job_timeout_seconds = \(seconds(settings.jobTimeout).compact)",
        ]
        lines += access(settings).map { "\($0.key) = \(tomlString($0.value))" }
        if let secretID = settings.imagePullSecretID {
            lines.append("image_pull_secret_id = \(tomlString(secretID))")
        }
        if !settings.freeformTags.isEmpty {
            lines.append("freeform_tag = \(array(settings.freeformTags.map { "\($0.key)=\($0.value)" }))")
        }
        if !settings.definedTags.isEmpty {
            let tags = settings.definedTags.map { "\($0.namespace).\($0.key)=\($0.value)" }
            lines.append("defined_tag = \(array(tags))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// How OCI is reached, where that was said and is not the default.
    private static func access(_ settings: Settings) -> [(key: String, value: String)] {
        var access: [(String, String)] = []
        if settings.authType != .configFile { access.append(("auth_type", settings.authType.rawValue)) }
        if settings.profile != "DEFAULT" { access.append(("oci_profile", settings.profile)) }
        // Only flags are written: a variable of the environment will be set at the next run, too.
        for (name, value) in [("oci-endpoint", settings.ociEndpoint), ("ca-bundle", settings.caBundle)] {
            guard let value, case .flag = settings.origins[name] else { continue }
            access.append((String(name.map { $0 == "-" ? "_" : $0 }), value))
        }
        return access
    }

    private static func list(_ texts: [String]) -> JSON {
        texts.count == 1 ? .string(texts[0]) : .array(texts.map { .string($0) })
    }

    private static func texts(_ texts: [String]) -> String {
        texts.count == 1 ? tomlString(texts[0]) : array(texts)
    }

    private static func array(_ texts: [String]) -> String {
        "[\(texts.map(tomlString).joined(separator: ", "))]"
    }

    private static func seconds(_ duration: Duration) -> JSON {
        let (seconds, attoseconds) = duration.components
        return attoseconds == 0 ? .integer(seconds) : .real(Double(seconds) + Double(attoseconds) / 1e18)
    }

    /// In double quotes, as in the documentation; what a shell would read between them is escaped.
    private static func shellQuoted(_ text: String) -> String {
        "\"" + text.map { "\"\\$`".contains($0) ? "\\\($0)" : String($0) }.joined() + "\""
    }
}

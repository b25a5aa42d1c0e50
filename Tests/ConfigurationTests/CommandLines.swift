// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// The Quick Start's configuration file, byte for byte.
let quickStartFile = """
    [object_storage_server]
    bind_address = "tcp://127.0.0.1:8517"
    [scheduler]
    bind_address = "tcp://127.0.0.1:8516"
    object_storage_address = "tcp://127.0.0.1:8517"
    [[worker_manager]]
    type = "oci_hpc"
    scheduler_address = "tcp://127.0.0.1:8516"
    object_storage_address = "tcp://127.0.0.1:8517"
    worker_manager_id = "wm-oci-hpc"
    object_storage_namespace = "<tenancy-namespace>"
    object_storage_bucket = "scaler-tasks"
    oci_region = "us-ashburn-1"
    compartment_id = "ocid1.compartment.oc1..example"
    availability_domain = "AD-1"
    subnet_id = "ocid1.subnet.oc1..example"
    container_image = "us-ashburn-1.ocir.io/<namespace>/<repo>:latest"
    base_concurrency = 100
    job_timeout_seconds = 3600

    """

/// The least that a command line must say, as flag and value.
let requiredFlags = [
    "-wmi", "wm", "--compartment-id", "ocid1.compartment.oc1..c", "--availability-domain", "AD-1",
    "--subnet-id", "ocid1.subnet.oc1..s", "--container-image", "image", "--object-storage-namespace", "ns",
    "--object-storage-bucket", "bucket",
]

/// A complete command line with the given words added at its end, so that they win.
func complete(_ words: [String]) -> [String] {
    ["scaler-oci-hpc", "tcp://127.0.0.1:8516"] + requiredFlags + words
}

/// An entry of a file that holds the least, with the given lines added.
func completeFile(_ lines: String) -> String {
    """
    [[worker_manager]]
    type = "oci_hpc"
    scheduler_address = "tcp://127.0.0.1:8516"
    worker_manager_id = "wm"
    object_storage_namespace = "ns"
    object_storage_bucket = "bucket"
    compartment_id = "ocid1.compartment.oc1..c"
    availability_domain = "AD-1"
    subnet_id = "ocid1.subnet.oc1..s"
    container_image = "image"
    \(lines)
    """
}

let someSubcommands: [Subcommand] = [
    Subcommand(
        "list",
        "List what belongs to this manager.",
        options: [.invocation("all-owners"), .invocation("older-than", placeholder: "SECONDS")]
    ),
    Subcommand("provision", "Create what the manager needs.", options: []),
]

/// Parses a whole command line; `file` is what `config.toml` holds, every other path is absent.
func invocation(
    _ arguments: [String],
    environment: [String: String] = [:],
    file: String? = nil
) throws(ConfigurationError) -> Invocation {
    try Invocation.parse(arguments: arguments, environment: environment, subcommands: someSubcommands) {
        path throws(ConfigurationError) in
        guard path == "config.toml", let file else {
            throw .unreadableFile(path: path, reason: "No such file or directory")
        }
        return Array(file.utf8)
    }
}

/// All settings that a command line gives.
func allSettings(
    _ arguments: [String],
    environment: [String: String] = [:],
    file: String? = nil
) throws -> [Settings] {
    let result = try invocation(arguments, environment: environment, file: file)
    guard case .run(let settings) = result else {
        Issue.record("not a run: \(result)")
        return []
    }
    return settings
}

/// The only settings that a command line gives.
func onlySettings(
    _ arguments: [String],
    environment: [String: String] = [:],
    file: String? = nil
) throws -> Settings {
    let all = try allSettings(arguments, environment: environment, file: file)
    #expect(all.count == 1)
    return try #require(all.first)
}

/// `exit code: line` of the error, or nil when there is none.
func complaint(
    _ arguments: [String],
    environment: [String: String] = [:],
    file: String? = nil
) -> String? {
    do throws(ConfigurationError) {
        _ = try invocation(arguments, environment: environment, file: file)
        return nil
    } catch {
        return "\(error.isUsage ? 2 : 78): \(error.description)"
    }
}

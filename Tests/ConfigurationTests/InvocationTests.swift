// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

struct InvocationTests {
    @Test
    func `the Quick Start's file runs its one manager, unchanged`() throws {
        let settings = try onlySettings(["/usr/bin/scaler-oci-hpc", "config.toml"], file: quickStartFile)
        #expect(settings.schedulerAddress == .tcp(host: "127.0.0.1", port: 8516))
        #expect(settings.objectStorageAddress == .tcp(host: "127.0.0.1", port: 8517))
        #expect(settings.workerManagerID == "wm-oci-hpc")
        #expect(settings.objectStorageNamespace == "<tenancy-namespace>")
        #expect(settings.objectStorageBucket == "scaler-tasks")
        #expect(settings.objectStoragePrefix == "scaler-tasks")
        #expect(settings.region == "us-ashburn-1")
        #expect(settings.compartmentID == "ocid1.compartment.oc1..example")
        #expect(settings.availabilityDomains == ["AD-1"])
        #expect(settings.subnetIDs == ["ocid1.subnet.oc1..example"])
        #expect(settings.containerImage == "us-ashburn-1.ocir.io/<namespace>/<repo>:latest")
        #expect(settings.baseConcurrency == 100)
        #expect(settings.jobTimeout == .seconds(3600))
        #expect(settings.origins["base-concurrency"] == .file(path: "config.toml", line: 18))
        #expect(settings.origins["instance-shape"] == nil)
    }

    @Test
    func `the Quick Start's command line gives what its file gives`() throws {
        let line = """
            scaler_worker_manager oci_hpc tcp://127.0.0.1:8516 --worker-manager-id wm-oci-hpc \
            --object-storage-address tcp://127.0.0.1:8517 --object-storage-namespace <tenancy-namespace> \
            --object-storage-bucket scaler-tasks --oci-region us-ashburn-1 \
            --compartment-id ocid1.compartment.oc1..example --availability-domain AD-1 \
            --subnet-id ocid1.subnet.oc1..example \
            --container-image us-ashburn-1.ocir.io/<namespace>/<repo>:latest --base-concurrency 100 \
            --job-timeout-seconds 3600
            """
        var fromLine = try onlySettings(line.split(separator: " ").map(String.init))
        var fromFile = try onlySettings(["scaler-oci-hpc", "config.toml"], file: quickStartFile)
        fromLine.origins = [:]
        fromFile.origins = [:]
        #expect(fromLine == fromFile)
    }

    @Test
    func `existing infrastructure comes from the environment`() throws {
        let environment = [
            "OCI_REGION": "us-ashburn-1", "OCI_COMPARTMENT_ID": "c", "OCI_AVAILABILITY_DOMAIN": "AD-1",
            "OCI_SUBNET_ID": "s", "OCI_CONTAINER_IMAGE": "i", "OCI_OBJECT_STORAGE_NAMESPACE": "n",
            "OCI_OBJECT_STORAGE_BUCKET": "b",
        ]
        let words = ["scaler-oci-hpc", "tcp://127.0.0.1:8516", "-wmi", "wm"]
        #expect(try onlySettings(words, environment: environment).compartmentID == "c")
    }

    @Test(arguments: [
        ["scaler_worker_manager", "-c", "config.toml", "oci_hpc"],
        ["scaler_worker_manager", "oci_hpc", "-c", "config.toml"],
        ["scaler_worker_manager", "--config=config.toml", "oci_hpc"],
        ["/opt/bin/scaler_worker_manager", "oci_hpc", "config.toml"],
        ["scaler-oci-hpc", "config.toml"],
        ["scaler-oci-hpc", "-c", "config.toml"],
        ["scaler-oci-hpc", "--conf", "config.toml"],
        ["scaler-oci-hpc", "--config", "config.toml", "tcp://127.0.0.1:8516"],
    ])
    func `a file can be named in every form`(_ words: [String]) throws {
        #expect(try onlySettings(words, file: quickStartFile).workerManagerID == "wm-oci-hpc")
    }

    @Test
    func `a file with several entries of our type gives one manager for each`() throws {
        let file =
            completeFile("base_concurrency = 1") + "\n[[worker_manager]]\ntype = \"symphony\"\nx = 1\n"
            + completeFile("base_concurrency = 2").replacing("\"wm\"", with: "\"wm2\"")
        let all = try allSettings(["scaler-oci-hpc", "config.toml", "-ll", "debug"], file: file)
        #expect(all.map(\.workerManagerID) == ["wm", "wm2"])
        #expect(all.map(\.baseConcurrency) == [1, 2])
        #expect(all.map(\.loggingLevel) == [.debug, .debug])
    }

    @Test
    func `a flag wins over the environment, the environment over the file, the file over the default`() throws
    {
        let words = ["scaler-oci-hpc", "config.toml"]
        let file = completeFile("oci_region = \"from-file\"")
        let variable = ["OCI_REGION": "from-environment"]
        #expect(try onlySettings(complete([])).region == "us-ashburn-1")
        #expect(try onlySettings(words, file: file).region == "from-file")
        #expect(try onlySettings(words, environment: variable, file: file).region == "from-environment")
        let all = try onlySettings(words + ["--oci-region", "from-flag"], environment: variable, file: file)
        #expect(all.region == "from-flag")
        #expect(all.origins["oci-region"] == .flag("--oci-region"))
        #expect(all.origins["compartment-id"] == .file(path: "config.toml", line: 7))
    }

    @Test
    func `the bare address wins over the file's`() throws {
        let words = ["scaler-oci-hpc", "config.toml", "tcp://10.0.0.9:1"]
        let settings = try onlySettings(words, file: quickStartFile)
        #expect(settings.schedulerAddress == .tcp(host: "10.0.0.9", port: 1))
        #expect(settings.origins["scheduler-address"] == .argument)
    }

    @Test
    func `an empty variable counts as given: it clears what may be absent and fails what may not`() {
        let file = completeFile("ca_bundle = \"/ca\"\n")
        let words = ["scaler-oci-hpc", "config.toml"]
        #expect(throws: Never.self) {
            let settings = try onlySettings(words, environment: ["OCI_CA_BUNDLE": ""], file: file)
            #expect(settings.caBundle == nil)
            #expect(settings.origins["ca-bundle"] == .environment("OCI_CA_BUNDLE"))
        }
        #expect(
            complaint(words, environment: ["OCI_COMPARTMENT_ID": ""], file: file)
                == "78: environment variable OCI_COMPARTMENT_ID: the value is empty; give a value"
        )
    }

    @Test
    func `abbreviations that were unique in the replaced command stay unique beside new options`() throws {
        let settings = try onlySettings(
            complete(["--base", "5", "--pre", "x", "--max", "3", "--log", "x"].dropLast(2))
        )
        #expect(settings.baseConcurrency == 5)
        #expect(settings.ignored.map(\.name) == ["max-task-concurrency", "preload"])
        #expect(settings.origins["base-concurrency"] == .flag("--base-concurrency"))
        #expect(try onlySettings(complete(["--on", "leave"])).onExit == .leave)
    }

    @Test
    func `the last of several flags wins, lists collect`() throws {
        let settings = try onlySettings(
            complete(["-bc", "1", "-bc", "2", "--instance-shape", "A,B", "--instance-shape", "C"])
        )
        #expect(settings.baseConcurrency == 2)
        #expect(settings.instanceShapes == ["A", "B", "C"])
        #expect(settings.availabilityDomains == ["AD-1"])
    }

    @Test
    func `logging paths take all words that follow, but not the address`() throws {
        let words = ["scaler-oci-hpc", "-lp", "/a", "/b", "tcp://127.0.0.1:8516"] + requiredFlags
        #expect(try onlySettings(words).loggingPaths == ["/a", "/b"])
    }

    @Test
    func `two dashes end the flags`() throws {
        let words = ["scaler-oci-hpc"] + requiredFlags + ["--", "tcp://127.0.0.1:8516"]
        #expect(try onlySettings(words).schedulerAddress == .tcp(host: "127.0.0.1", port: 8516))
    }

    @Test
    func `help, version, reference and report are asked for by flags`() throws {
        guard case .help = try invocation(["scaler-oci-hpc", "--bogus", "-h"]),
            case .help = try invocation(["scaler_worker_manager", "--help"]),
            case .help = try invocation(["scaler-oci-hpc", "--hel"]),
            case .help(let reference) = try invocation(["scaler-oci-hpc", "--print-reference"]),
            case .printConfig = try invocation(
                ["scaler-oci-hpc", "--print-config", "config.toml"],
                file: quickStartFile
            )
        else {
            Issue.record("not what was asked for")
            return
        }
        #expect(reference.hasPrefix("###"))
        #expect(try invocation(["scaler-oci-hpc", "--version"]) == .version)
    }

    @Test
    func `a subcommand gets its arguments untouched`() throws {
        let words = ["scaler-oci-hpc", "list", "--help", "--what=ever", "-x"]
        #expect(
            try invocation(words) == .subcommand(name: "list", arguments: ["--help", "--what=ever", "-x"])
        )
    }

    @Test
    func `a subcommand reads settings and flags of its own from the same table`() throws {
        let own = Option.invocation("older-than", placeholder: "SECONDS").help("Only those.")
        let dry = Option.invocation("dry-run").help("Only say it.")
        let scan = try ArgumentScan(
            ["--dry", "--older-than", "5", "-c", "config.toml", "word"],
            options: Option.table + [own, dry]
        )
        let all = try Invocation.settings(
            scan: scan,
            environment: ["OCI_COMPARTMENT_ID": "c"],
            required: ["compartment-id"]
        ) { _ throws(ConfigurationError) in Array("[worker_manager]\ntype = 'oci_hpc'\n".utf8) }
        #expect(all.map(\.compartmentID) == ["c"])
        #expect(scan.has("dry-run"))
        #expect(scan.texts("older-than") == ["5"])
        #expect(scan.words == ["word"])
    }
}

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
    func `an empty variable counts as unset`() throws {
        let file = completeFile("ca_bundle = \"/ca\"\n")
        let empty = ["OCI_CA_BUNDLE": "", "OCI_COMPARTMENT_ID": "", "OCI_REGION": ""]
        let settings = try onlySettings(["scaler-oci-hpc", "config.toml"], environment: empty, file: file)
        #expect(settings.caBundle == "/ca")
        #expect(settings.origins["ca-bundle"] == .file(path: "config.toml", line: 11))
        #expect(settings.compartmentID == "ocid1.compartment.oc1..c")
        #expect(settings.region == "us-ashburn-1")
        #expect(settings.origins["oci-region"] == nil)
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
    func `the last of several flags wins, of a list, too`() throws {
        let settings = try onlySettings(
            complete([
                "-bc", "1", "-bc", "2", "--instance-shape", "A", "--instance-shape", "B,C", "--subnet-id",
                "s2",
                "-lp", "/a", "/b", "-lp", "/c",
            ])
        )
        #expect(settings.baseConcurrency == 2)
        #expect(settings.instanceShapes == ["B", "C"])
        #expect(settings.subnetIDs == ["s2"])
        #expect(settings.loggingPaths == ["/c"])
        #expect(settings.availabilityDomains == ["AD-1"])
        let told = Dictionary(uniqueKeysWithValues: settings.ignored.map { ($0.name, $0.reason) })
        #expect(Set(told.keys) == ["instance-shape", "subnet-id", "logging-paths"])
        #expect(
            told["logging-paths"]
                == "the last flag counts, without '/a', '/b' of an earlier one; give all items to one flag, with "
                + "commas between"
        )
    }

    @Test func `a list that is given again with all its items and more tells nothing`() throws {
        let settings = try onlySettings(
            complete(["--instance-shape", "A", "--instance-shape", "B, A", "--instance-shape", "A,B,C"])
        )
        #expect(settings.instanceShapes == ["A", "B", "C"])
        #expect(settings.ignored.isEmpty)
    }

    @Test(arguments: [["-w", "9"], ["-wt", "9"], ["-wtqs", "9"]])
    func `a short flag may be cut short where what is left means one flag only`(_ words: [String]) throws {
        guard words[0] != "-w" else {
            #expect(
                complaint(complete(words))
                    == "2: '-w' is short for several flags; write out one of --worker-manager-id, "
                    + "--worker-scheduler-address, --per-worker-task-queue-size"
            )
            return
        }
        #expect(try onlySettings(complete(words)).taskQueueSize == 9)
    }

    @Test func `a short flag of one letter may have its value in the same word`() throws {
        #expect(
            try onlySettings(["scaler-oci-hpc", "-cconfig.toml"], file: quickStartFile).workerManagerID
                == "wm-oci-hpc"
        )
    }

    @Test func `a flag that may mean the file or the image is refused`() {
        #expect(
            complaint(complete(["--con", "config.toml"]))
                == "2: '--con' is short for several flags; write out one of --container-image, --config"
        )
    }

    @Test func `digits may be grouped, and what has no effect may be as large as it likes`() throws {
        let settings = try onlySettings(
            complete([
                "-bc", "1_000", "--instance-memory-gb", "1_0.5", "-dts", " 60 ", "-pwc", "cpu=1_0", "-mtc",
                "4294967295", "-tts", "99999999999999999999", "-tm", "9_223_372_036_854_775_808", "--preload",
                "",
                "-lcf", "",
            ])
        )
        #expect(settings.baseConcurrency == 1000)
        #expect(settings.instanceMemoryGB == 10.5)
        #expect(settings.deathTimeout == .seconds(60))
        #expect(settings.capabilities == [CapabilitySetting(name: "cpu", value: 10)])
        #expect(settings.ignored.count == 5)
        #expect(complaint(complete(["-bc", "1__0"]))?.hasPrefix("2: -bc: '1__0' is not a whole") == true)
        #expect(complaint(complete(["-bc", "_1"]))?.hasPrefix("2: -bc: '_1' is not a whole") == true)
    }

    @Test func `a slash at the end of the prefix goes`() throws {
        let settings = try onlySettings(complete(["--object-storage-prefix", "a/b//"]))
        #expect(settings.objectStoragePrefix == "a/b")
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

    @Test(arguments: [
        (["--compartment-id", "c", "provision"], ["--compartment-id", "c"]),
        (["--compartment-id", "c", "provision", "--x"], ["--compartment-id", "c", "--x"]),
        (["--compartment-id=c", "provision"], ["--compartment-id=c"]),
        (["--unknown", "provision"], ["--unknown"]),
    ])
    func `the subcommand may come last`(_ words: [String], _ rest: [String]) throws {
        #expect(try invocation(["scaler-oci-hpc"] + words) == .subcommand(name: "provision", arguments: rest))
    }

    @Test func `a switch before a subcommand takes no value`() throws {
        let listed = try invocation(["scaler-oci-hpc", "--all", "list"])
        #expect(listed == .subcommand(name: "list", arguments: ["--all"]))
    }

    @Test func `a flag's value is no subcommand`() throws {
        let words = complete(["--oci-region", "list", "--ca-bundle", "provision", "-lp", "/a", "list"])
        let settings = try onlySettings(words)
        #expect(settings.region == "list")
        #expect(settings.caBundle == "provision")
        #expect(settings.loggingPaths == ["/a", "list"])
    }

    @Test(
        arguments: [
            (["scaler_worker_manager", "symphony", "tcp://h:1"], "symphony"),
            (
                ["/opt/bin/scaler_worker_manager", "--config", "c.toml", "baremetal_native"],
                "baremetal_native"
            ),
            (["scaler_worker_manager", "--config=c.toml", "aws_hpc", "-wmi", "x"], "aws_hpc"),
            (["scaler_worker_manager", "oci_hpc", "tcp://h:1"], nil), (["scaler_worker_manager"], nil),
            (["scaler_worker_manager", "--help"], nil), (["scaler_worker_manager", "tcp://h:1"], nil),
            (["scaler_worker_manager", "--worker-manager-id=x", "tcp://h:1", "oci_hpc"], nil),
            (["scaler-oci-hpc", "symphony"], nil),
        ] as [([String], String?)]
    )
    func `another kind of manager is told from ours`(_ words: [String], _ type: String?) {
        #expect(Invocation.foreignManagerType(words) == type)
    }

    @Test func `help speaks under the name that the program was called by`() throws {
        guard case .help(let own) = try invocation(["scaler-oci-hpc", "--help"]),
            case .help(let replacement) = try invocation(["scaler_worker_manager", "oci_hpc", "--help"])
        else {
            Issue.record("no help")
            return
        }
        #expect(own.contains("  scaler-oci-hpc [flags] SCHEDULER_ADDRESS\n") && own.contains("Subcommands"))
        #expect(replacement.contains("  scaler_worker_manager oci_hpc [flags] SCHEDULER_ADDRESS\n"))
        #expect(!replacement.contains("  scaler-oci-hpc [flags]") && !replacement.contains("Subcommands"))
    }

    @Test func `the kind of manager may come last`() throws {
        let words = ["scaler_worker_manager"] + complete([]).dropFirst() + ["oci_hpc"]
        #expect(try onlySettings(words).workerManagerID == "wm")
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

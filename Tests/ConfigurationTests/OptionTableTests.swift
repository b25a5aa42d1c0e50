// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// One way to write each setting, and what must come of it, as the report shows it.
private struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let short: String?
    let environment: String?
    let initial: [String]
    let text: String
    let shown: [String]

    init(
        _ name: String,
        _ short: String?,
        _ environment: String?,
        _ initial: [String],
        _ text: String,
        _ shown: [String]? = nil
    ) {
        self.name = name
        self.short = short
        self.environment = environment
        self.initial = initial
        self.text = text
        self.shown = shown ?? [text]
    }

    var testDescription: String { name }

    /// Required settings have a value in every complete command line.
    static let required: [String: String] = [
        "worker-manager-id": "wm", "object-storage-namespace": "ns", "object-storage-bucket": "bucket",
        "compartment-id": "ocid1.compartment.oc1..c", "availability-domain": "AD-1",
        "subnet-id": "ocid1.subnet.oc1..s", "container-image": "image",
    ]
}

/// The table of `scaler_worker_manager oci_hpc` 2.9.0, written out a second time: names, short forms,
/// environment variables and defaults must not drift.
private let replaced: [Row] = [
    Row("worker-manager-id", "wmi", nil, ["wm"], "other"),
    Row("worker-scheduler-address", "wsa", nil, [], "tcp://10.0.0.1:8516"),
    Row("object-storage-address", "osa", nil, [], "tcp://10.0.0.1:8517"),
    Row("scale-down-cooldown-seconds", "sdc", nil, ["30"], "0"),
    Row("per-worker-capabilities", "pwc", nil, [], "gpu,cpu=4"),
    Row("per-worker-task-queue-size", "wtqs", nil, ["1000"], "7"),
    Row("heartbeat-interval-seconds", "his", nil, ["2"], "1"),
    Row("death-timeout-seconds", "dts", nil, ["300"], "60"),
    Row("logging-paths", "lp", nil, ["/dev/stdout"], "/tmp/a,/tmp/b", ["/tmp/a", "/tmp/b"]),
    Row("logging-level", "ll", nil, ["INFO"], "DEBUG"),
    Row("auth-type", nil, "OCI_AUTH_TYPE", ["config_file"], "instance_principal"),
    Row("oci-profile", nil, "OCI_CONFIG_PROFILE", ["DEFAULT"], "ADMIN"),
    Row("oci-region", nil, "OCI_REGION", ["us-ashburn-1"], "eu-frankfurt-1"),
    Row(
        "compartment-id",
        nil,
        "OCI_COMPARTMENT_ID",
        ["ocid1.compartment.oc1..c"],
        "ocid1.compartment.oc1..d"
    ),
    Row("availability-domain", nil, "OCI_AVAILABILITY_DOMAIN", ["AD-1"], "AD-2, AD-3", ["AD-2", "AD-3"]),
    Row("subnet-id", nil, "OCI_SUBNET_ID", ["ocid1.subnet.oc1..s"], "s1,s2", ["s1", "s2"]),
    Row("container-image", nil, "OCI_CONTAINER_IMAGE", ["image"], "iad.ocir.io/ns/repo:1"),
    Row("instance-shape", nil, nil, ["CI.Standard.E4.Flex"], "CI.A,CI.B", ["CI.A", "CI.B"]),
    Row("image-pull-username", nil, "OCI_IMAGE_PULL_USERNAME", [], "ns/user"),
    Row("image-pull-password", nil, "OCI_IMAGE_PULL_PASSWORD", [], "hush"),
    Row("object-storage-namespace", nil, "OCI_OBJECT_STORAGE_NAMESPACE", ["ns"], "other"),
    Row("object-storage-bucket", nil, "OCI_OBJECT_STORAGE_BUCKET", ["bucket"], "other"),
    Row("object-storage-prefix", nil, "OCI_OBJECT_STORAGE_PREFIX", ["scaler-tasks"], "a/b"),
    Row("instance-ocpus", nil, nil, ["1.0"], "0.5"),
    Row("instance-memory-gb", nil, nil, ["6.0"], "32", ["32.0"]),
    Row("base-concurrency", "bc", nil, ["100"], "5"),
    Row("job-timeout-seconds", nil, nil, ["3600"], "0.25"),
]

private let added: [Row] = [
    Row("network-backend", nil, "SCALER_NETWORK_BACKEND", ["auto"], "ymq"),
    Row("scheduler-release", nil, nil, ["auto"], "2.5"),
    Row("oci-endpoint", nil, "OCI_ENDPOINT", [], "https://127.0.0.1:8443/", ["https://127.0.0.1:8443"]),
    Row("ca-bundle", nil, "OCI_CA_BUNDLE", [], "/etc/ca.pem"),
    Row("scheduler-ca", nil, "SCALER_SCHEDULER_CA", [], "/etc/scaler-ca.pem"),
    Row("owner-id", nil, nil, [], "team-1"),
    Row("name-secret-file", nil, "SCALER_NAME_SECRET_FILE", [], "/run/names"),
    Row("freeform-tag", nil, nil, [], "team=a=b"),
    Row("defined-tag", nil, nil, [], "Ops.Cost.Center=42"),
    Row("image-pull-secret-id", nil, nil, [], "ocid1.vaultsecret.oc1..v"),
    Row("on-exit", nil, nil, ["delete"], "leave"),
    Row("stop-timeout-seconds", nil, "SCALER_STOP_TIMEOUT_SECONDS", ["30"], "75.5"),
    Row("exit-with-scheduler", nil, nil, ["false"], "true"),
    Row("create-timeout-seconds", nil, nil, ["900"], "60"),
    Row("status-address", nil, nil, [], "127.0.0.1:0"),
    Row("status-allow-remote", nil, nil, ["false"], "true"),
    Row("state-directory", nil, "STATE_DIRECTORY", [], "/var/lib/scaler"),
    Row("log-format", nil, nil, ["text"], "json"),
    Row("max-requests-per-second", nil, nil, ["200.0"], "2.5"),
    Row("memory-limit-mb", nil, "SCALER_MEMORY_LIMIT_MB", ["64"], "128"),
    Row("spool-limit-mb", nil, "SCALER_SPOOL_LIMIT_MB", ["16384"], "500"),
]

/// What must come along for a value not to contradict the rest.
private let companions = [
    "image-pull-username": ["--image-pull-password", "p"],
    "image-pull-password": ["--image-pull-username", "u"],
]

private func option(_ name: String) throws -> Option {
    try #require(Option.table.first { $0.name == name })
}

struct OptionTableTests {
    @Test func `every option says what it is for`() {
        #expect(Option.table.filter(\.help.isEmpty).map(\.name) == [])
    }

    @Test(arguments: replaced + added)
    private func `every setting has the name, short form, variable and default that were promised`(
        _ row: Row
    ) throws {
        let option = try option(row.name)
        #expect(option.short == row.short)
        #expect(option.environment == row.environment)
        #expect(try option.show(onlySettings(complete([]))) == row.initial)
        #expect(option.isRequired == (Row.required[row.name] != nil))
        #expect(option.isNew == added.contains { $0.name == row.name })
    }

    @Test
    func `the promised settings are all there are`() {
        let settings = Option.table.filter { option in
            if case .setting = option.role { true } else { false }
        }
        #expect(Set(settings.map(\.name)) == Set((replaced + added).map(\.name)))
    }

    @Test func `a switch is given by its name alone`() throws {
        let settings = try onlySettings(complete(["--exit-with-scheduler"]))
        #expect(settings.exitsWithScheduler)
        #expect(complaint(complete(["--exit-with-scheduler=true"]))?.contains("is a switch") == true)
    }

    @Test(arguments: [
        "0.0.0.0:1", "10.0.0.1:1", "[::]:1", "host.example:1", "127.0.0.1.example:1", "127.1:1",
    ])
    func `an address that others can reach shows the state only where that is wanted`(
        _ address: String
    ) throws {
        #expect(
            complaint(complete(["--status-address", address]))?.contains("--status-allow-remote") == true
        )
        let settings = try onlySettings(complete(["--status-address", address, "--status-allow-remote"]))
        #expect(settings.statusAddress?.isLocal == false)
    }

    @Test(arguments: ["127.0.0.1:1", "127.8.0.1:0", "[::1]:1", "localhost:1", "LocalHost:1", "unix:/run/s"])
    func `an address of this host alone needs no more`(_ address: String) throws {
        #expect(try onlySettings(complete(["--status-address", address])).statusAddress?.isLocal == true)
    }

    @Test(
        arguments: (replaced + added).filter {
            !["exit-with-scheduler", "status-allow-remote"].contains($0.name)
        }
    )
    private func `every setting can be given as a flag, with a blank or an equals sign`(_ row: Row) throws {
        for words in [["--\(row.name)", row.text], ["--\(row.name)=\(row.text)"]] {
            let settings = try onlySettings(
                complete(words + companions[row.name, default: []]).dropped(row.name)
            )
            #expect(try option(row.name).show(settings) == row.shown)
            #expect(settings.origins[row.name] == .flag("--\(row.name)"))
        }
    }

    @Test(arguments: (replaced + added).filter { $0.short != nil })
    private func `every short form works, with a blank or an equals sign`(_ row: Row) throws {
        let short = "-\(try #require(row.short))"
        for words in [[short, row.text], ["\(short)=\(row.text)"]] {
            let settings = try onlySettings(complete(words).dropped(row.name))
            #expect(try option(row.name).show(settings) == row.shown)
            #expect(settings.origins[row.name] == .flag(short))
        }
    }

    @Test(arguments: (replaced + added).filter { $0.environment != nil })
    private func `every variable works`(_ row: Row) throws {
        let variable = try #require(row.environment)
        let words = complete(companions[row.name, default: []]).dropped(row.name)
        let settings = try onlySettings(words, environment: [variable: row.text])
        #expect(try option(row.name).show(settings) == row.shown)
        #expect(settings.origins[row.name] == .environment(variable))
    }

    @Test(arguments: [
        ("oci-region", "SCALER_OCI_REGION"), ("compartment-id", "SCALER_OCI_COMPARTMENT_ID"),
        ("object-storage-namespace", "SCALER_OCI_NAMESPACE"), ("object-storage-bucket", "SCALER_OCI_BUCKET"),
        ("container-image", "SCALER_OCI_CONTAINER_IMAGE"), ("subnet-id", "SCALER_OCI_SUBNET_ID"),
        ("availability-domain", "SCALER_OCI_AVAILABILITY_DOMAIN"),
    ])
    func `the variables that Scaler's provisioner writes work, behind the others`(
        _ name: String,
        _ variable: String
    ) throws {
        let option = try option(name)
        let words = complete([]).dropped(name)
        let settings = try onlySettings(words, environment: [variable: "weak"])
        #expect(option.show(settings) == ["weak"])
        #expect(settings.origins[name] == .environment(variable))
        let both = [variable: "weak", try #require(option.environment): "strong"]
        #expect(option.show(try onlySettings(words, environment: both)) == ["strong"])
    }

    @Test(arguments: replaced + added)
    private func `every setting can be a key of the file, with underscores or dashes`(_ row: Row) throws {
        for key in [row.name, row.name.replacing("-", with: "_")] {
            let words = ["scaler-oci-hpc", "config.toml"] + companions[row.name, default: []]
            let file =
                completeFile("").split(separator: "\n")
                .filter { !$0.hasPrefix(row.name.replacing("-", with: "_") + " ") }
                .joined(separator: "\n") + "\n\(key) = \(tomlString(row.text))\n"
            let settings = try onlySettings(words, file: file)
            #expect(try option(row.name).show(settings) == row.shown)
            guard case .file("config.toml", _) = settings.origins[row.name] else {
                Issue.record("origin is \(String(describing: settings.origins[row.name]))")
                continue
            }
        }
    }

    @Test(arguments: [
        ("max-task-concurrency", "mtc", "-1"), ("max-task-concurrency", "mtc", "4294967295"),
        ("task-timeout-seconds", "tts", "0"),
        ("garbage-collect-interval-seconds", "gc", "30"), ("trim-memory-threshold-bytes", "tm", "1073741824"),
        ("io-threads", "it", "4096"), ("event-loop", "el", "uvloop"),
        ("logging-config-file", "lcf", "logging.conf"),
    ])
    func `what means nothing here is accepted and remembered`(
        _ name: String,
        _ short: String,
        _ text: String
    )
        throws
    {
        for flag in ["--\(name)", "-\(short)"] {
            let settings = try onlySettings(complete([flag, text]))
            #expect(settings.ignored.map(\.name) == [name])
            #expect(settings.ignored.map(\.origin) == [.flag(flag)])
            #expect(settings.ignored.allSatisfy { !$0.reason.isEmpty })
        }
        let fromFile = try onlySettings(
            ["scaler-oci-hpc", "config.toml"],
            file: completeFile("\(name) = \"\(text)\"")
        )
        #expect(fromFile.ignored.map(\.name) == [name])
    }

    @Test
    func `ignored switches and options without a short form work, too`() throws {
        let settings = try onlySettings(complete(["-hps", "--preload", "pkg.mod:func(1)"]))
        #expect(settings.ignored.map(\.name) == ["hard-processor-suspend", "preload"])
        #expect(try onlySettings(complete([])).ignored.isEmpty)
    }

    @Test
    func `no two options share a name, a short form or a variable`() {
        #expect(Set(Option.table.map(\.name)).count == Option.table.count)
        let shorts = Option.table.compactMap(\.short)
        #expect(Set(shorts).count == shorts.count)
        let variables = Option.table.flatMap(\.variables)
        #expect(Set(variables).count == variables.count)
    }

    @Test
    func `values arrive typed`() throws {
        let settings = try onlySettings(
            complete([
                "-pwc", "gpu, cpu = 4,gpu=2", "--freeform-tag", "a=1", "--freeform-tag", "b=",
                "--freeform-tag",
                "a=2", "--defined-tag", "N.K=v", "--job-timeout-seconds", "1.5", "--status-address",
                "unix:/run/s",
            ])
        )
        #expect(
            settings.capabilities == [
                CapabilitySetting(name: "cpu", value: 4), CapabilitySetting(name: "gpu", value: 2),
            ]
        )
        #expect(
            settings.freeformTags == [
                FreeformTagSetting(key: "b", value: ""), FreeformTagSetting(key: "a", value: "2"),
            ]
        )
        #expect(settings.definedTags == [DefinedTagSetting(namespace: "N", key: "K", value: "v")])
        #expect(settings.jobTimeout == .milliseconds(1500))
        #expect(settings.statusAddress == .unix(path: "/run/s"))
        #expect(settings.addressForWorkers == settings.schedulerAddress)
    }
}

extension [String] {
    /// The command line without the required flag of this name, so that another source can be seen to give
    /// it.
    fileprivate func dropped(_ name: String) -> [String] {
        let flag = name == "worker-manager-id" ? "-wmi" : "--\(name)"
        guard let index = firstIndex(of: flag), index < 2 + requiredFlags.count else { return self }
        var words = self
        words.removeSubrange(index...(index + 1))
        return words
    }
}

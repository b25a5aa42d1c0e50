// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Commands
@testable import Configuration

/// One case of `Tests/Vectors/scaler-command-lines.json`: what Scaler's own program made of it.
private struct RecordedCase: Sendable {
    let name: String
    let program: String
    let words: [String]
    let environment: [String: String]
    let file: String?
    /// Values that are not the default, by flag; nil when it was refused.
    let values: [String: String]?

    init(_ json: JSONValue) {
        name = json["name"].text ?? ""
        program = json["program"].text ?? ""
        words = json["words"].elements.compactMap(\.text)
        environment = Self.texts(json["environment"])
        file = json["file"].text
        values = json["refused"].text == nil ? Self.texts(json["values"]) : nil
    }

    static let all = Vector.json("scaler-command-lines.json")["cases"].elements.map(Self.init)

    private static func texts(_ json: JSONValue) -> [String: String] {
        guard case .object(let members) = json else { return [:] }
        return members.compactMapValues(\.text)
    }

    /// What ours makes of it: all values by flag, or nil with the line that refuses it.
    func read() -> (values: [String: String]?, refusal: String) {
        do {
            return (try program == "provisioner" ? action() : managers(), "")
        } catch {
            return (nil, "\((error as? ConfigurationError)?.description ?? "\(error)")")
        }
    }

    private func managers() throws -> [String: String] {
        let invocation = try Invocation.parse(
            arguments: [program == "scaler" ? "scaler-oci-hpc" : program] + words,
            environment: environment,
            subcommands: CommandRunner.subcommands
        ) { path throws(ConfigurationError) in
            guard path == "config.toml", let file else {
                throw .unreadableFile(path: path, reason: "not there")
            }
            return Array(file.utf8)
        }
        guard case .run(let all) = invocation else { throw CommandError.declined }
        return all.count == 1 ? shown(all[0]) : ["managers": "\(all.count)"]
    }

    private func action() throws -> [String: String] {
        let subcommands = CommandRunner.subcommands
        let invocation = try Invocation.parse(
            arguments: ["scaler-oci-hpc"] + words,
            environment: [:],
            subcommands: subcommands,
            readFile: { _ in [] }
        )
        guard case .subcommand(let name, let arguments) = invocation,
            let form = CommandForm.all.first(where: { $0.name == name })
        else { throw CommandError.declined }
        let input = try CommandInput(form, arguments, environment: [:])
        var values = shown(try name == "provision" ? Provisioner.settings(input) : input.settings())
        values["action"] = name
        values["prefix"] = input.prefix
        values["config"] = input.savedPath
        if name != "provision" { return values.filter { Self.everyAction.contains($0.key) } }
        values["env-file"] = input.text("env-file") ?? CommandForm.savedEnvironment
        return values.filter { Self.everyAction.contains($0.key) || Self.provision.contains($0.key) }
    }

    /// Flags of the provisioner that mean something with each action, and with `provision`; the rest is only accepted.
    private static let everyAction = [
        "action", "compartment-id", "oci-region", "prefix", "oci-profile", "config",
    ]
    private static let provision = [
        "availability-domain", "subnet-id", "container-image", "instance-shape", "instance-ocpus",
        "instance-memory-gb", "job-timeout-seconds", "env-file",
    ]

    private func shown(_ settings: Settings) -> [String: String] {
        var values: [String: String] = [:]
        for option in Option.table {
            switch option.role {
            case .setting, .positional:
                let texts = option.show(settings)
                values[option.name] = texts.isEmpty ? nil : texts.joined(separator: ",")
            case .ignored, .invocation: break
            }
        }
        return values
    }

    /// What ours would make of it if both were the same; nil when it was refused.
    private var expected: [String: String]? {
        guard var values else { return nil }
        if values["managers"] != nil { return values }
        guard program == "provisioner" else {
            let settings = Option.table.filter { if case .ignored = $0.role { false } else { true } }
            return shown(Settings(schedulerAddress: .unset)).merging(values) { $1 }
                .filter { pair in settings.contains { $0.name == pair.key } }
        }
        for (own, meant) in ["region": "oci-region", "profile": "oci-profile", "image": "container-image"] {
            values[meant] = values.removeValue(forKey: own)
        }
        values["job-timeout-seconds"] = values["job-timeout"].flatMap(Int.init).map { "\($0 * 60)" }
        let names = Self.everyAction + (values["action"] == "provision" ? Self.provision : [])
        return values.filter { names.contains($0.key) }
    }

    /// What is not the same in both; nil when nothing differs.
    var difference: String? {
        let (ours, refusal) = read()
        guard let ours else {
            return values == nil ? nil : "refused here: \(refusal)"
        }
        guard let expected else { return "accepted here" }
        let differing = Set(ours.keys).union(expected.keys).filter { name in
            let (one, other) = (ours[name] ?? "", expected[name] ?? "")
            return one != other && (Double(one) == nil || Double(one) != Double(other))
        }
        if differing.isEmpty { return nil }
        return differing.sorted().map {
            "\($0) is \(ours[$0] ?? "unset") here, \(expected[$0] ?? "unset") there"
        }
        .joined(separator: "; ")
    }
}

@Suite struct CommandLineReplayTests {
    @Test func `the recorded cases are as many as were promised`() {
        #expect(RecordedCase.all.count >= 150)
        #expect(Set(RecordedCase.all.map(\.name)).count == RecordedCase.all.count)
        #expect(RecordedCase.all.count { $0.values == nil } >= 50)
        #expect(RecordedCase.all.count { $0.values != nil } >= 100)
    }

    @Test func `every command line means here what it means to Scaler's own programs, or has its reason`() {
        let reasons = CommandLineDifference.all.flatMap(\.cases)
        #expect(Set(reasons).count == reasons.count)
        for one in RecordedCase.all {
            let difference = one.difference
            if reasons.contains(one.name) {
                #expect(difference != nil, "\(one.name): no longer differs")
            } else {
                #expect(difference == nil, "\(one.name)")
            }
        }
        #expect(Set(reasons).subtracting(RecordedCase.all.map(\.name)) == [])
    }

    @Test func `the documented differences are current`() throws {
        let rows = CommandLineDifference.all.map { difference in
            let cases = difference.cases.map { "`\($0)`" }.joined(separator: ", ")
            return "| \(difference.scaler) | \(difference.here) | \(difference.reason) | \(cases) |\n"
        }
        let head = "| Scaler 2.9.0 | here | why | cases |\n| --- | --- | --- | --- |\n"
        try PrintedPart(of: "Compatibility.md", between: "command-lines").check(head + rows.joined())
    }
}

/// A documented difference in what command lines, environments and files mean.
struct CommandLineDifference {
    let scaler: String
    let here: String
    let reason: String
    let cases: [String]

    init(_ scaler: String, _ here: String, _ reason: String, _ cases: String...) {
        self.scaler = scaler
        self.here = here
        self.reason = reason
        self.cases = cases
    }

    static let all = [
        CommandLineDifference(
            "takes `inproc://`",
            "refused by name",
            "it leads nowhere outside of the process that binds it",
            "... --object-storage-address inproc://name"
        ),
        CommandLineDifference(
            "takes an address that no connection can be made to",
            "refused",
            "it can only be a mistake",
            "... --object-storage-address tcp://host:99999",
            "... --object-storage-address tcp://:8517"
        ),
        CommandLineDifference(
            "keeps the brackets of an IPv6 address, and cannot connect to it then",
            "dropped",
            "the address is meant",
            "... --object-storage-address tcp://[::1]:8517"
        ),
        CommandLineDifference(
            "seconds are whole on the command line, not in the file",
            "decimals everywhere",
            "one rule for all sources",
            "... -his 1.5",
            "... --job-timeout-seconds 1.5",
            "... -mtc 1.5"
        ),
        CommandLineDifference(
            "`-lp` alone logs nowhere",
            "refused",
            "a value was forgotten",
            "... -lp"
        ),
        CommandLineDifference(
            "upper case only",
            "any case",
            "what is meant is plain",
            "... -ll debug"
        ),
        CommandLineDifference(
            "two kinds of credentials",
            "also `resource_principal` and `security_token`",
            "more than Scaler has",
            "... --auth-type resource_principal"
        ),
        CommandLineDifference(
            "an empty value is taken where nothing checks it",
            "refused",
            "the first request to OCI would fail",
            "... --oci-profile ''",
            "... --object-storage-prefix ''"
        ),
        CommandLineDifference(
            "an empty variable is a value",
            "unset",
            "a wrapper exports what it may not have",
            "OCI_REGION="
        ),
        CommandLineDifference(
            "user name or password alone",
            "refused",
            "OCI takes both or none",
            "... --image-pull-username ns/user",
            "... --image-pull-password hush"
        ),
        CommandLineDifference(
            "keeps the slash at the prefix's end, and makes names with two",
            "dropped",
            "the same place, without an empty component",
            "... --object-storage-prefix a/",
            "config.toml: object_storage_prefix = \"a/\"",
            "OCI_OBJECT_STORAGE_PREFIX=a/",
            "scaler config.toml: object_storage_prefix = \"a/\""
        ),
        CommandLineDifference(
            "a prefix that begins with a slash",
            "refused",
            "names would begin with an empty component",
            "... --object-storage-prefix /a"
        ),
        CommandLineDifference(
            "sizes that are no finite number",
            "refused",
            "OCI would refuse every create",
            "... --instance-ocpus inf",
            "... --instance-ocpus nan"
        ),
        CommandLineDifference(
            "any number",
            "2147483647 at most",
            "the protocol's fields have 32 bits",
            "... --base-concurrency 2147483648"
        ),
        CommandLineDifference(
            "`--` needs something behind it",
            "ends the flags",
            "nothing follows",
            "... --"
        ),
        CommandLineDifference(
            "a list of paths takes the address for a path",
            "stops at an address",
            "the address is meant",
            "scaler_worker_manager oci_hpc ... -lp /a tcp://127.0.0.1:8516"
        ),
        CommandLineDifference(
            "`--con` is the file",
            "refused",
            "`--container-image` begins so, too; a file in its place would be found out late",
            "scaler_worker_manager oci_hpc --con config.toml"
        ),
        CommandLineDifference(
            "the kind of manager is the first bare word",
            "any bare word",
            "nothing else can be meant",
            "scaler_worker_manager tcp://127.0.0.1:8516 ... oci_hpc",
            "scaler_worker_manager --base-concurrency=5 tcp://127.0.0.1:8516 oci_hpc ..."
        ),
        CommandLineDifference(
            "types of the file's values are not looked at",
            "refused",
            "it would fail where the value is used",
            "config.toml: base_concurrency = 5.5",
            "scaler config.toml: base_concurrency = 5.5",
            "config.toml: oci_profile = 5",
            "scaler config.toml: oci_profile = 5"
        ),
        CommandLineDifference(
            "one entry of the type",
            "as many as there are",
            "one process runs them all, as `scaler FILE` does",
            "config.toml: a second manager"
        ),
        CommandLineDifference(
            "`scaler FILE` ends at a fault in another section",
            "not looked at",
            "those sections belong to other programs, and `up` tells what they say",
            "scaler config.toml: [scheduler] / nonsense = 5",
            "scaler config.toml: [[worker_manager]] / type = \"symphony\" / bogus = true"
        ),
        CommandLineDifference(
            "every action needs `--compartment-id`",
            "what `provision` saved has it",
            "fewer words; `list-ads` needs none",
            "provisioner cleanup",
            "provisioner show",
            "provisioner build-image",
            "provisioner list-ads"
        ),
    ]
}

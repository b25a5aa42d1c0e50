// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import OCIServices
import TestSupport
import Testing

@testable import Commands

@Suite struct CommandFormTests {
    @Test func `every form has a help that names each of its flags`() {
        for form in CommandForm.all {
            for option in form.options { #expect(form.help.contains("--\(option.name)"), "\(form.name)") }
            #expect(form.help.hasPrefix(form.subcommand.summary))
        }
        #expect(CommandForm.all.map(\.name) == CommandRunner.subcommands.map(\.name))
        #expect(CommandRunner.run("sweep", []) == nil)
    }

    @Test func `only what a form cannot do without is said to be required`() throws {
        for form in CommandForm.all {
            let said = form.options.filter(\.isRequired).map(\.name)
            #expect(Set(said) == Set(form.required), "\(form.name)")
            guard !form.required.isEmpty, let bare = try? CommandInput(form, [], environment: [:]) else {
                continue
            }
            #expect(throws: CommandError.self) { try bare.settings(required: form.required) }
        }
        #expect(CommandForm.check.required.isEmpty && !CommandForm.check.help.contains("required"))
        #expect(CommandForm.provision.help.contains("(required;"))
    }

    @Test func `no flag of a form has two rows`() {
        for form in CommandForm.all {
            let names = form.options.map(\.name)
            #expect(Set(names).count == names.count, "\(form.name)")
            let shorts = form.options.compactMap(\.short)
            #expect(Set(shorts).count == shorts.count, "\(form.name)")
            for (own, meant) in form.synonyms {
                #expect(names.contains(own) && names.contains(meant), "\(form.name): \(own)")
            }
        }
    }

    @Test func `a synonym is the setting itself, and not both at once`() throws {
        let scan = try CommandForm.provision.scan(["--region", "phx", "--image=x"])
        #expect(scan.texts("oci-region") == ["phx"])
        #expect(scan.texts("container-image") == ["x"])
        #expect(scan.texts("region") == nil)
        #expect(throws: CommandError.self) {
            try CommandForm.provision.scan(["--region", "phx", "--oci-region", "iad"])
        }
        #expect(CommandForm.asksForHelp(["--nonsense", "--help"]))
    }

    @Test(arguments: ["provision", "cleanup", "show", "build-image", "list-ads"])
    func `every action takes all flags of the provisioner that it replaces`(_ name: String) throws {
        let form = try #require(CommandForm.all.first { $0.name == name })
        let arguments = [
            "--compartment-id", "c", "--region", "eu-paris-1", "--prefix", "p", "--profile", "ADMIN",
            "--image", "i",
            "--availability-domain", "AD-1", "--subnet-id", "s", "--instance-shape", "CI.A",
            "--instance-ocpus", "2", "--instance-memory-gb", "8", "--job-timeout", "5", "--config",
            "saved.json", "--env-file", "e",
        ]
        let input = try CommandInput(form, arguments, environment: [:])
        let settings = try input.settings()
        #expect(settings.compartmentID == "c")
        #expect(settings.region == "eu-paris-1")
        #expect(settings.profile == "ADMIN")
        #expect(input.prefix == "p")
        #expect(input.savedPath == "saved.json")
    }

    @Test func `what was unique in the provisioner is unique in its replacement`() throws {
        let arguments = ["--comp", "c", "--con", "saved.json", "--pre", "p", "--im", "i", "--job", "5"]
        let input = try CommandInput(.provision, arguments, environment: [:])
        #expect(input.savedPath == "saved.json")
        #expect(input.prefix == "p")
        #expect(input.scan.texts("container-image") == ["i"])
        #expect(input.scan.texts("job-timeout") == ["5"])
    }

    @Test func `an image is named by flags alone, by the prefix, or by a compartment`() throws {
        let image = { (arguments: [String]) in
            let input = try CommandInput(.buildImage, arguments, environment: [:])
            return try BuildImageCommand.settings(input).containerImage
        }
        #expect(try image(["--image", "a/b/c"]) == "a/b/c")
        #expect(try image(["--image", "a/b/c", "--prefix", "p"]) == "a/b/c")
        #expect(try image(["--prefix", "p", "--compartment-id", "c"]) == "")
        #expect(throws: CommandError.self) { try image(["--prefix", "p"]) }
    }

    @Test func `a check needs no setting to begin with`() throws {
        let order = try CheckOrder(
            CommandInput(.check, ["--phase", "connectivity", "--compartment-id", "c"], environment: [:])
        )
        #expect(order.phases == [.connectivity])
        let settings = try #require(order.managers.first)
        let check = Check("x") { .passed("seen") }
        #expect(check.given("compartment-id", in: settings).name == "x")
    }

    @Test func `minutes of a job become seconds`() throws {
        let arguments = [
            "--compartment-id", "c", "--availability-domain", "AD-1,AD-2", "--subnet-id", "s",
            "--job-timeout",
            "90", "--scheduler", "tcp://10.0.0.1:1",
        ]
        let input = try CommandInput(.provision, arguments, environment: [:])
        let settings = try Provisioner.settings(input)
        #expect(settings.jobTimeout == .seconds(5400))
        #expect(settings.availabilityDomains == ["AD-1", "AD-2"])
        #expect(settings.schedulerAddress == .tcp(host: "10.0.0.1", port: 1))
        #expect(settings.workerManagerID == "wm-oci-hpc")
        #expect(input.prefix == "scaler-oci")
    }

    @Test func `exit codes tell mistakes from refusals`() {
        #expect(CommandError.declined.exitCode == 1)
        #expect(CommandError.cancelled.exitCode == 130)
        #expect(CommandError.cloud(.unknownAvailabilityDomain("x", known: [])).exitCode == 78)
        #expect(CommandError.cloud(.authentication(.refused("x"))).exitCode == 77)
        #expect(CommandError.configuration(.strayWord("x", command: "up")).exitCode == 2)
    }

    @Test func `Scaler's programs get their addresses and the file`() throws {
        let text = """
            [object-storage-server]
            bind_address = "tcp://127.0.0.1:1"
            [scheduler]
            bind_address = "tcp://0.0.0.0:2"
            object_storage_address = "tcp://127.0.0.1:1"
            [[worker_manager]]
            type = "baremetal_native"
            scheduler_address = "tcp://127.0.0.1:2"
            [[worker_manager]]
            type = "oci_hpc"
            [gui]
            monitor_address = "tcp://127.0.0.1:4"
            """
        let sections = try ScalerSections(Array(text.utf8), path: "c.toml")
        let programs = CompanionProgram.all(sections, path: "c.toml")
        #expect(
            programs.map(\.name) == [
                "scaler_object_storage_server", "scaler_scheduler", "scaler_worker_manager", "scaler_gui",
            ]
        )
        #expect(programs[2].arguments == ["baremetal_native", "tcp://127.0.0.1:2", "--config", "c.toml"])
        #expect(programs[3].arguments == ["tcp://127.0.0.1:4", "--config", "c.toml"])
        let twice = "[[worker_manager]]\ntype = 'x'\n[[worker_manager]]\ntype = 'x'\n"
        #expect(throws: ConfigurationError.self) { _ = try ScalerSections(Array(twice.utf8), path: "c") }
        #expect(programs[0].arguments == ["tcp://127.0.0.1:1", "--config", "c.toml"])
        #expect(
            programs[1].arguments == [
                "tcp://0.0.0.0:2", "--object-storage-address", "tcp://127.0.0.1:1", "--config", "c.toml",
            ]
        )
        #expect(throws: ConfigurationError.missingSettings(["bind_address"], path: "c", line: 1)) {
            _ = try ScalerSections(Array("[scheduler]".utf8), path: "c")
        }
        #expect(throws: ConfigurationError.self) {
            _ = try ScalerSections(Array("[scheduler]\nbind_address = 5".utf8), path: "c")
        }
    }

    @Test func `the client's own lines are told from what else it prints`() {
        let output = """
            WARNING: something
            {"check": "client", "ok": true, "detail": "connected"}
            {"check": "map", "ok": false, "detail": "no"}
            {"nothing": 1}
            """
        let lines = ClientLine.all(in: output)
        #expect(
            lines == [
                "client": ClientLine(isRight: true, detail: "connected"),
                "map": ClientLine(isRight: false, detail: "no"),
            ]
        )
        #expect(ClientLine.tail(of: Array("a\nb\n".utf8)) == "b")
        #expect(ClientLine.tail(of: []) == "nothing")
    }
}

extension String {
    /// How often a text stands in this one.
    fileprivate func components(ofText text: String) -> Int { utf8.count(of: text.utf8) }
}

extension String.UTF8View {
    fileprivate func count(of text: String.UTF8View) -> Int {
        let (whole, part) = (Array(self), Array(text))
        return whole.indices.count { whole[$0...].starts(with: part) }
    }
}

@Suite struct ConsoleTests {
    @Test func `on a terminal a step shows while it is under way, elsewhere once it is done`() async throws {
        try await onLoop {
            for isTerminal in [true, false] {
                var talk = ""
                var data = ""
                let console = Console(
                    isTerminal: isTerminal,
                    write: { text, stream in if stream == .messages { talk += text } else { data += text } },
                    readAnswer: { "YES" }
                )
                let steps = Steps(console, count: 10)
                try await steps.perform(Step("bucket", done: { "created" })) { _, _ in "" }
                let policy = Step("policy") { () async throws(CommandError) in
                    console.showProgress("deleting", done: 5, total: 10)
                    return .refuse("it is taken", why: "so it is", remedy: "take another")
                }
                await #expect(throws: CommandError.self) { try await steps.perform(policy) { _, _ in "" } }
                console.put("result")
                #expect(data == "result\n")
                #expect(talk.contains("[ 1/10] bucket: created\n"))
                #expect(talk.contains("[ 2/10] policy: failed\n"))
                #expect(talk.contains("[###############...............] 5/10") == isTerminal)
                #expect(talk.contains("\u{1B}") == isTerminal)
                let isTaken = try await console.confirms("Really?")
                #expect(isTaken)
            }
        }
    }

    @Test func `what a stranger named drives no terminal, whichever way it is said`() async throws {
        try await onLoop {
            var written = ""
            let console = Console(
                isTerminal: true,
                write: { text, _ in written += text },
                readAnswer: { "y" }
            )
            let name = "a\u{1B}]0;b\u{7}\u{9B}c\u{202E}d\u{2028}e\u{7F}\rf\u{E0041}"
            console.put(name)
            console.say(name)
            console.begin(name)
            console.finish(name)
            console.showProgress(name, done: 1, total: 2)
            _ = try await console.confirms(name)
            // What the console itself writes to replace a line.
            let ours = Set("\r\u{1B}\n".unicodeScalars)
            #expect(!written.contains(name))
            #expect(
                written.components(
                    ofText: #"a\u001b]0;b\u0007\u009bc\u202ed\u2028e\u007f\u000df\udb40\udc41"#
                ) == 6
            )
            #expect(
                written.unicodeScalars.allSatisfy {
                    ours.contains($0)
                        || ![.control, .format, .lineSeparator].contains($0.properties.generalCategory)
                }
            )
        }
    }

    @Test(arguments: [("y", true), ("yes", true), ("", false), ("no", false), ("yep", false)])
    func `only yes is yes`(_ answer: String, _ isYes: Bool) async throws {
        try await onLoop {
            let console = Console(isTerminal: false, write: { _, _ in }, readAnswer: { answer })
            let isTaken = try await console.confirms("Really?")
            #expect(isTaken == isYes)
            let silent = Console(isTerminal: false, write: { _, _ in }, readAnswer: { nil })
            let isAssumed = try await silent.confirms("Really?")
            #expect(!isAssumed)
        }
    }
}

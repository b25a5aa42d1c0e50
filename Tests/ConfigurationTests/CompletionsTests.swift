// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// What the scripts hold; that the shells themselves complete by them is tested end to end.
@Suite struct CompletionsTests {
    @Test(arguments: ["bash", "zsh", "fish"])
    func `each script knows every flag and subcommand`(_ shell: String) throws {
        guard case .help(let text) = try invocation(["scaler-oci-hpc", "--print-completions", shell]) else {
            Issue.record("no script")
            return
        }
        for option in Option.flags + someSubcommands.flatMap(\.options) {
            #expect(
                text.contains(shell == "fish" ? "-l \(option.name) " : "--\(option.name)"),
                "\(option.name)"
            )
        }
        for subcommand in someSubcommands { #expect(text.contains(subcommand.name)) }
        #expect(text.contains("delete leave"))
    }

    @Test func `a shell without a script is refused with those that have one`() {
        #expect(
            complaint(["scaler-oci-hpc", "--print-completions", "tcsh"])
                == "2: --print-completions: 'tcsh' is no choice; give one of bash, zsh, fish"
        )
    }

    @Test func `a placeholder says what a shell can offer`() {
        let hint = { ValueHint(placeholder: $0, subcommands: someSubcommands) }
        #expect(hint("delete|leave").words == ["delete", "leave"])
        #expect(hint("SECONDS") == hint("OCID,..."))
        #expect(hint("FILE").path == .file && hint("PATH ...").path == .file)
        #expect(hint("DIRECTORY").path == .directory)
        #expect(hint("docker|PATH").words == ["docker"] && hint("docker|PATH").path == .file)
        #expect(hint("program|SUBCOMMAND").words == ["program", "list", "provision"])
    }

    @Test func `flags whose values are alike share a row, for each command line in which they are`() {
        let options: [Option] = [.invocation("a", short: "x", placeholder: "FILE"), .invocation("switch")]
        let rows = Completions.values([("", options), ("list", options)], [])
        #expect(rows.count == 1)
        #expect(rows[0].patterns == ["' --a'", "' -x'", "'list --a'", "'list -x'"])
        #expect(rows[0].hint.path == .file)
    }

    @Test func `a subcommand that takes the program's flags completes them, but its own of that name first`()
        throws
    {
        let own = Option.invocation("config", short: "c", placeholder: "FILE").help("The file.")
        let up = Subcommand("up", "Start it.", options: [own], takesProgramFlags: true)
        #expect(up.allFlags.count == Option.flags.count)
        #expect(try #require(up.allFlags.first { $0.name == "config" }).help == "The file.")
    }

    @Test func `only the first clause of a flag's help stands beside it`() {
        let option = Option.invocation("x").help("One address, e.g. a:1, or two; without it, none. More.")
        #expect(Completions.summary(option) == "One address, e.g. a:1, or two")
    }
}

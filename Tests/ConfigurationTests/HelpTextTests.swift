// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

struct HelpTextTests {
    private let text = HelpText.text(subcommands: someSubcommands)

    @Test(arguments: [
        "  scaler-oci-hpc [flags] SCHEDULER_ADDRESS",
        "  scaler_worker_manager oci_hpc [flags] SCHEDULER_ADDRESS",
        "  list       List what belongs to this manager.",
        "  --worker-manager-id, -wmi ID\n      Unique identifier of this worker manager. (required)",
        "  --base-concurrency, -bc N\n      Container instances that run at once, at most. (default: 100)",
        "  --oci-region REGION\n      OCI region identifier. (default: us-ashburn-1; env: OCI_REGION or",
        "  --on-exit delete|leave\n", "  --print-config\n", "  --config, -c FILE\n", "OCI HPC parameters:\n",
        "  --event-loop, -el builtin|uvloop\n      No effect: the event loop is always libev.",
        "Exit codes:\n  0      done",
    ])
    func `the help reads like the reference`(_ lines: String) {
        #expect(text.contains(lines))
    }

    @Test
    func `every option is there, in plain ASCII, within the width of a terminal`() {
        for option in Option.table { #expect(text.contains("\n  \(option.spelling)")) }
        #expect(text.utf8.allSatisfy { $0 < 0x80 })
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(!HelpText.text(subcommands: []).contains("Subcommands"))
    }

    @Test
    func `a subcommand describes its own options in the same manner`() {
        let own = Option.invocation("older-than", short: "o", placeholder: "SECONDS")
            .help("Only what is older.")
        #expect(HelpText.describe([own]) == "  --older-than, -o SECONDS\n      Only what is older.\n")
    }

    @Test func `three examples show how to begin, under the program's own name alone`() throws {
        #expect(HelpText.examples.count == 3)
        let shown = text.split(separator: "Examples:\n").last.map(String.init) ?? ""
        for (purpose, command) in HelpText.examples {
            #expect(shown.contains(purpose.prefix(40)))
            #expect(HelpText.broken(command).allSatisfy { shown.contains($0) })
        }
        #expect(!HelpText.text(subcommands: [], isReplacement: true).contains("Examples"))
        let words = HelpText.examples[2].command.split(separator: " ").map(String.init)
        #expect(try onlySettings(words, file: completeFile("")).baseConcurrency == 20)
    }

    @Test func `a setting is required in those commands only that say so`() {
        let row = Option.named("compartment-id")
        #expect(HelpText.describe([row]).contains("(required; env:"))
        #expect(HelpText.describe([row.isRequired(false)]).contains("(env:"))
    }

    @Test
    func `the Markdown reference has one row for each option`() {
        let rows = MarkdownReference.text.split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.count == Option.table.count)
        #expect(
            rows.contains(
                "| `--oci-region REGION` |  | `OCI_REGION`, `SCALER_OCI_REGION` | `oci_region` | `us-ashburn-1` "
                    + "| OCI region identifier. |"
            )
        )
        #expect(
            rows.contains { $0.hasPrefix("| `SCHEDULER_ADDRESS` |  |  | `scheduler_address` | required |") }
        )
        #expect(rows.contains { $0.contains("`--on-exit delete\\|leave`") })
        // Six cells: seven bars that no backslash hides.
        #expect(rows.allSatisfy { $0.replacing("\\|", with: "").count { $0 == "|" } == 7 })
    }
}

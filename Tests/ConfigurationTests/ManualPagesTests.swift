// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

@Suite struct ManualPagesTests {
    private func page(_ name: String) throws -> String {
        guard case .help(let text) = try invocation(["scaler-oci-hpc", "--print-man", name]) else {
            throw ConfigurationError.contradiction("no page")
        }
        return text
    }

    @Test func `the program's page tells each flag, variable and exit code`() throws {
        let text = try page("program")
        for option in Option.flags {
            #expect(
                text.contains("\\fB\\-\\-\(option.name.replacing("-", with: "\\-"))\\fR"),
                "\(option.name)"
            )
        }
        for (code, _) in HelpText.exitCodes { #expect(text.contains("\n\\fB\(code)\\fR\n")) }
        #expect(text.contains("\\fBlist\\fR\nList what belongs to this manager.\n"))
        #expect(text.contains("\\fBscaler\\-oci\\-hpc\\-provision\\fR(1)"))
    }

    @Test func `a subcommand's page tells its own flags, and nothing of the program's`() throws {
        let text = try page("list")
        #expect(text.contains("scaler\\-oci\\-hpc\\-list \\- list what belongs to this manager\n"))
        #expect(text.contains(".TP\n\\fB\\-\\-older\\-than\\fR \\fISECONDS\\fR\n"))
        #expect(!text.contains("logging"))
    }

    @Test func `the page of the file tells each key with its type, and no flag of one invocation`() throws {
        let text = try page("file")
        for option in Option.table where option.isFileKey {
            #expect(text.contains("\n\\fB\(option.key)\\fR = \\fI"), "\(option.key)")
        }
        #expect(text.contains("\\fBon_exit\\fR = \\fIstring: delete|\\:leave\\fR\n"))
        #expect(text.contains("\\fBinstance_ocpus\\fR = \\fInumber\\fR\n"))
        #expect(!text.contains("print_config"))
    }

    @Test func `the file that the page shows is one that the program takes`() throws {
        let file = ManualPages.exampleFile.joined(separator: "\n")
        let settings = try onlySettings(["scaler-oci-hpc", "config.toml"], file: file)
        #expect(settings.baseConcurrency == 20)
        for line in ManualPages.exampleFile {
            #expect(try page("file").contains("\n\(Roff.escaped(line))\n"))
        }
    }

    @Test func `a page that does not exist is refused with those that do`() {
        #expect(
            complaint(["scaler-oci-hpc", "--print-man", "lst"])
                == "2: --print-man: 'lst' is no choice; give one of program, file, list, provision"
        )
    }

    @Test(arguments: [
        ("a-b", "a\\-b"), (".so", "\\&.so"), ("it's", "it\\(aqs"), ("a\\b", "a\\eb"), ("x|y", "x|\\:y"),
        ("`~^", "\\(ga\\(ti\\(ha"),
    ])
    func `what means something to roff is escaped`(_ text: String, _ escaped: String) {
        #expect(Roff.escaped(text) == escaped)
    }

    @Test func `no line of filled text begins like a request, or is too wide for mandoc`() {
        var page = Roff(name: "x", section: 1, manual: "m")
        page.paragraph(String(repeating: "five .so ", count: 40))
        #expect(page.lines.dropFirst(2).allSatisfy { !$0.hasPrefix(".so") && $0.count <= 80 })
    }
}

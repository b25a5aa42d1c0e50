// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The house rules that neither the compiler nor the formatter holds, over the whole tree.
///
/// `RuleTests` shows that each rule can fail.
@Suite struct TidyTests {
    @Test func `there are sources to look at`() {
        #expect(SourceTree.swiftFiles.count > 100)
        #expect(House.pureModules.isSubset(of: SourceTree.swiftFiles.compactMap(\.module)))
    }

    @Test(arguments: Rule.all)
    func `the tree keeps the rule`(_ rule: Rule) {
        let breaches = rule.breaches(in: SourceTree.allFiles)
        #expect(breaches.isEmpty, "\(rule.name):\n\(breaches.joined(separator: "\n"))")
    }

    @Test(.enabled(if: ReleaseBinary.exists, "there is no release binary; Tools/build-release makes it"))
    func `the release binary holds neither Foundation nor a regular expression engine`() throws {
        let binary = try Data(contentsOf: ReleaseBinary.url)
        for foreign in ["libFoundation", "FoundationEssentials", "_RegexParser", "libicu", "_FoundationICU"] {
            #expect(binary.range(of: Data(foreign.utf8)) == nil, "\(foreign)")
        }
    }

    @Test func `the first statement of main keeps keys out of core files, whatever the subcommand`() throws {
        let main = try #require(SourceTree.swiftFiles.first { $0.path == "Sources/ScalerOCIHPC/main.swift" })
        let statements = main.code.filter { line in
            line.contains { $0 != " " } && !line.hasPrefix("internal import ")
        }
        #expect(statements.first == "let isUndumpable = ProcessIdentity.forbidDumps()")
    }

    @Test func `the formatter's configuration names only rules that exist`() throws {
        let configured = try rules(in: Data(contentsOf: SourceTree.root.appending(path: ".swift-format")))
        let known = try rules(in: output(of: ["swift", "format", "dump-configuration"]))
        #expect(configured.subtracting(known) == [])
        #expect(known.subtracting(configured) == [])
    }

    private func rules(in json: Data) throws -> Set<String> {
        let object = try #require(JSONSerialization.jsonObject(with: json) as? [String: Any])
        return Set(try #require(object["rules"] as? [String: Any]).keys)
    }

    private func output(of command: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return data
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The house rules that neither the compiler nor the formatter holds.
@Suite struct TidyTests {
    private static let pureModules: Set = [
        "CapnProto", "Encodings", "HTTPWire", "JSON", "OCIProfile", "OCISigning", "SchedulerMessages",
        "TaskEngine", "TaskPayload",
    ]
    private static let cellar: Set = ["Compression", "EventLoop", "Messaging", "Transport"]

    @Test func `there are sources to look at`() {
        #expect(SourceTree.swiftFiles.count > 100)
        #expect(Self.pureModules.isSubset(of: SourceTree.swiftFiles.compactMap(\.module)))
    }

    @Test func `every file says its licence in its first lines`() {
        let silent = SourceTree.allFiles.filter { file in
            !file.lines.prefix(3).contains { $0.contains("SPDX-License-Identifier: Apache-2.0") }
        }
        #expect(silent.map(\.path) == [])
    }

    @Test func `no file is longer than 500 lines, tests 600`() {
        let long = SourceTree.allFiles.filter { file in
            file.lines.count > (file.path.contains("est") ? 601 : 501)
        }
        #expect(long.map(\.path) == [])
    }

    @Test func `no function is longer than 70 lines`() {
        let long = SourceTree.swiftFiles.flatMap { file in
            functions(in: file).filter { $0.length > 70 }.map { "\(file.path):\($0.line)" }
        }
        #expect(long == [])
    }

    @Test func `every package declaration has a doc comment`() {
        let silent = SourceTree.swiftFiles.filter { $0.module != nil }.flatMap { file in
            undocumented(in: file)
        }
        #expect(silent == [])
    }

    @Test func `pure modules neither import nor act`() {
        let banned = ["unsafe ", "import Foundation", "import Glibc", "async ", "await ", "@_"]
        let offences = SourceTree.swiftFiles.filter { Self.pureModules.contains($0.module ?? "") }
        #expect(lines(of: offences, holding: banned) == [])
    }

    @Test func `only the event loop touches executors and continuations`() {
        let banned = [
            "Continuation", "UnownedJob", " Task(", " Task {", "Task.detached", "DispatchQueue", "Thread(",
        ]
        let others = SourceTree.swiftFiles.filter { $0.module != nil && $0.module != "EventLoop" }
        #expect(lines(of: others, holding: banned) == [])
    }

    @Test func `C libraries stay in the cellar`() {
        let banned = ["import CLibev", "import CZeroMQ", "import COpenSSL", "import CZlib", "import CCares"]
        let upstairs = SourceTree.swiftFiles.filter { file in
            guard let module = file.module else { return false }
            return !Self.cellar.contains(module)
        }
        #expect(lines(of: upstairs, holding: banned) == [])
    }

    @Test func `nothing is public, nothing is left for later, and the daemon does without Foundation`() {
        let banned = [
            "public func", "public var", "public let", "public struct", "FIX" + "ME", "TO" + "DO",
            "import Foundation\n", "XX" + "X ",
        ]
        let sources = SourceTree.swiftFiles.filter { $0.module != nil }
        #expect(lines(of: sources, holding: banned) == [])
    }

    @Test(.enabled(if: ReleaseBinary.exists, "there is no release binary; Tools/build-release makes it"))
    func `the release binary holds neither Foundation nor a regular expression engine`() throws {
        let binary = try Data(contentsOf: ReleaseBinary.url)
        for foreign in ["libFoundation", "FoundationEssentials", "_RegexParser", "libicu", "_FoundationICU"] {
            #expect(binary.range(of: Data(foreign.utf8)) == nil, "\(foreign)")
        }
    }

    @Test func `no module is a dumping ground`() {
        let banned = ["Util", "Helper", "Manager.swift", "Base.swift", "Common.swift", "Misc"]
        let found = SourceTree.swiftFiles.filter { file in banned.contains { file.path.contains($0) } }
        #expect(found.map(\.path) == [])
    }

    @Test func `the formatter's configuration names only rules that exist`() throws {
        let configured = try rules(in: Data(contentsOf: SourceTree.root.appending(path: ".swift-format")))
        let known = try rules(in: output(of: ["swift", "format", "dump-configuration"]))
        #expect(configured.subtracting(known) == [])
        #expect(known.subtracting(configured) == [])
    }

    // MARK: - Reading

    /// What protocols demand is documented there: those of the libraries, and our own.
    private static let requirements: [String] = {
        let foreign = [
            "var description", "func == (", "func hash(", "func < (", "func enqueue(", "func checkIsolated(",
            "func isIsolatingCurrentContext(", "var unownedExecutor", "static let shared", "func log(event",
            "subscript(metadataKey", "var metadata:", "var logLevel:",
        ]
        let ours = SourceTree.swiftFiles.filter { $0.module != nil }.flatMap { file -> [String] in
            guard let start = file.lines.firstIndex(where: { $0.contains("package protocol ") }) else {
                return []
            }
            let body = file.lines[(start + 1)...].prefix { $0 != "}" }
            return body.compactMap { line in
                let code = line.trimmingCharacters(in: .whitespaces)
                return ["func ", "var ", "init("].contains { code.hasPrefix($0) }
                    ? String(code.prefix { $0 != "(" && $0 != ":" }) : nil
            }
        }
        return foreign + ours
    }()

    private func lines(of files: [SourceTree.File], holding words: [String]) -> [String] {
        files.flatMap { file in
            file.lines.enumerated().compactMap { index, line -> String? in
                let code = line.prefix { $0 != "/" || !line.contains("//") }
                return words.contains { code.contains($0) } ? "\(file.path):\(index + 1): \(line)" : nil
            }
        }
    }

    private func undocumented(in file: SourceTree.File) -> [String] {
        file.lines.enumerated().compactMap { index, line in
            let code = line.trimmingCharacters(in: .whitespaces)
            guard code.hasPrefix("package "), !code.hasPrefix("package import") else { return nil }
            var above = index - 1
            while above >= 0, file.lines[above].trimmingCharacters(in: .whitespaces).hasPrefix("@") {
                above -= 1
            }
            let comment = above >= 0 ? file.lines[above].trimmingCharacters(in: .whitespaces) : ""
            let isDocumented = comment.hasPrefix("///") || Self.requirements.contains { code.contains($0) }
            return isDocumented ? nil : "\(file.path):\(index + 1): \(code)"
        }
    }

    /// Functions by the indentation of their first and last lines, which the formatter guarantees.
    private func functions(in file: SourceTree.File) -> [(line: Int, length: Int)] {
        file.lines.enumerated().compactMap { index, line in
            let code = line.trimmingCharacters(in: .whitespaces)
            guard code.contains("func ") || code.hasPrefix("init("), !code.hasPrefix("//"),
                !code.hasSuffix("}")
            else { return nil }
            let indent = String(line.prefix { $0 == " " })
            guard let end = file.lines[(index + 1)...].firstIndex(of: indent + "}") else { return nil }
            return (index + 1, end - index + 1)
        }
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

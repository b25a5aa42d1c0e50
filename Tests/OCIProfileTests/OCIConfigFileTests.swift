// SPDX-License-Identifier: Apache-2.0
import Foundation
import OCIProfile
import TestSupport
import Testing

/// A file and what Python 3.11's `ConfigParser(interpolation=None)` makes of it.
struct ParsedFile: Decodable, CustomTestStringConvertible {
    let text: String
    let sections: [String: [String: String]]?
    let error: String?
    let line: Int?

    var testDescription: String { text.debugDescription }

    static let all: [ParsedFile] = {
        guard let url = Bundle.module.url(forResource: "Vectors/configparser", withExtension: "json"),
            let files = try? JSONDecoder().decode([ParsedFile].self, from: Data(contentsOf: url))
        else { preconditionFailure("the vectors are missing or damaged") }
        return files
    }()
}

extension OCIProfileError {
    /// The name and the line of an error of the file's form.
    fileprivate var form: (name: String, line: Int)? {
        switch self {
        case .missingSectionHeader(let line): ("missingSectionHeader", line)
        case .unreadableLine(let line): ("unreadableLine", line)
        case .duplicateSection(_, let line): ("duplicateSection", line)
        case .duplicateKey(_, _, let line): ("duplicateKey", line)
        default: nil
        }
    }
}

@Suite struct OCIConfigFileTests {
    @Test(arguments: ParsedFile.all)
    func `a file reads as Python reads it`(expected: ParsedFile) throws {
        do throws(OCIProfileError) {
            let file = try OCIConfigFile(expected.text)
            let sections = expected.sections ?? [:]
            #expect(expected.error == nil)
            #expect(Set(file.sectionNames).union(["DEFAULT"]) == Set(sections.keys))
            for (name, entries) in sections {
                #expect(try file.profile(name).mapValues(\.value) == entries, "[\(name)]")
            }
        } catch {
            #expect(error.form?.name == expected.error)
            #expect(error.form?.line == expected.line)
        }
    }

    @Test func `a byte order mark does not hide the first section`() throws {
        #expect(try OCIConfigFile("\u{FEFF}[A]\nk=v").profile("A")["k"]?.value == "v")
    }

    @Test func `an entry knows its line`() throws {
        let profile = try OCIConfigFile("[DEFAULT]\n\nregion=r\n[A]\n# c\nuser=u\n  v\n").profile("A")
        #expect(profile["region"]?.line == 3)
        #expect(profile["user"]?.line == 6)
    }

    @Test func `an unknown profile is answered with those there are`() throws {
        let file = try OCIConfigFile("[B]\n[DEFAULT]\n[A]\n")
        #expect(throws: OCIProfileError.profileNotFound("C", available: ["B", "DEFAULT", "A"])) {
            try file.profile("C")
        }
        #expect(try file.profile("DEFAULT").isEmpty)
        #expect(throws: OCIProfileError.profileNotFound("x", available: ["DEFAULT"])) {
            try OCIConfigFile("").profile("x")
        }
    }

    @Test func `random text never does more than throw`() {
        let seed = UInt64.random(in: .min ... .max)
        print("OCIConfigFileTests: seed \(seed)")
        var random = SeededRandom(seed: seed)
        let pieces = [
            "[", "]", "=", ":", "#", ";", " ", "\t", "\n", "\r\n", "a", "DEFAULT", "é", "\u{301}", "\u{0}",
        ]
        var readable = 0
        for _ in 0..<5000 {
            let count = Int.random(in: 0...40, using: &random)
            let text = (0..<count).map { _ in pieces[Int.random(in: pieces.indices, using: &random)] }
                .joined()
            if (try? OCIConfigFile(Bool.random(using: &random) ? "[A]\n\(text)" : text)) != nil {
                readable += 1
            }
        }
        #expect(readable > 0)
    }
}

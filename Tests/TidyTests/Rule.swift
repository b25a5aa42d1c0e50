// SPDX-License-Identifier: Apache-2.0

import Testing

/// One rule of the house: which files it looks at, and what it finds in them.
struct Rule: Sendable, CustomTestStringConvertible {
    let name: String
    let looksAt: Scope
    /// One line for each breach, which begins with the file's path.
    let finds: @Sendable ([SourceTree.File]) -> [String]

    var testDescription: String { name }

    func breaches(in tree: [SourceTree.File]) -> [String] {
        finds(tree.filter(looksAt.holds))
    }
}

/// Which files a rule looks at.
struct Scope: Sendable {
    let holds: @Sendable (SourceTree.File) -> Bool

    static let everyFile = Self { _ in true }
    static let swiftFiles = Self { $0.path.hasSuffix(".swift") && $0.path != "Package.swift" }
    static let sources = Self(holds: \.isSwiftSource)
    static let pureSources = Self { $0.isSwiftSource && House.pureModules.contains($0.module ?? "") }
    static let sourcesOutsideEventLoop = Self { $0.isSwiftSource && $0.module != "EventLoop" }
    static let sourcesTestsAndTools = Self { file in
        file.module != nil || file.path.hasPrefix("Tests/") || file.path.hasPrefix("Tools/")
    }
    static let manifestAndSources = Self { $0.path == "Package.swift" || $0.isSwiftSource }
    /// All but these tests, which name what they ban, and modules that are being taken apart.
    static let swiftFilesThatStay = Self { file in
        file.path.hasSuffix(".swift") && !file.path.hasPrefix("Tests/TidyTests/") && !isGoing(file)
    }
    static let sourcesThatStay = Self { $0.isSwiftSource && !isGoing($0) }
    static let decidingModulesAndUnitTests = Self { file in
        file.isSwiftSource && House.modulesWithTwins.contains(file.module ?? "") || file.isUnitTest
    }

    private static func isGoing(_ file: SourceTree.File) -> Bool {
        House.goingModules.contains { module in
            file.path.hasPrefix("Sources/\(module)/") || file.path.contains("/\(module)Tests/")
        }
    }
}

extension Rule {
    /// Every rule, as it holds for the tree.
    static let all: [Self] = [
        .licence, .fileLength, .bodyLength, .documentation,
        .pureModules, .noClockNoChance(known: House.impureFiles), .executors, .cellar, .nothingPublic,
        .nothingLeftForLater, .noFoundation,
        .noDumpingGround, .shortFiles(known: House.shortFiles),
        .twins(known: House.filesWithoutTwin, through: House.testedThrough),
        .privateWords(known: House.filesWithPrivateWords), .arrows(House.modules), .manifest(House.modules),
        .oneTypeOneName(known: House.sharedTypeNames),
    ]

    /// A rule about single lines of code.
    static func lines(
        _ name: String,
        in scope: Scope,
        with isBreach: @escaping @Sendable (Substring) -> Bool
    ) -> Self {
        Self(name: name, looksAt: scope) { files in
            files.flatMap { file in
                file.code.indices.filter { isBreach(file.code[$0][...]) }.map { file.breach(at: $0) }
            }
        }
    }

    /// Breaches of all but the known files, and the known files that have none: a list only shrinks.
    ///
    /// Files are known by their names alone: a file that moves to another folder stays what it was.
    static func ratchet(_ found: [(file: SourceTree.File, breach: String)], known: Set<String>) -> [String] {
        let stale = known.subtracting(found.map(\.file.name)).sorted()
        return found.filter { !known.contains($0.file.name) }.map(\.breach)
            + stale.map { "\($0): is on the list of known breaches and is none; take it off" }
    }
}

extension SourceTree.File {
    /// A line, where it is, and what it says; `index` counts from 0.
    func breach(at index: Int) -> String {
        "\(path):\(index + 1): \(lines[index].drop { $0 == " " })"
    }

    /// The names of the modules that the file imports, with the lines' indices.
    var imports: [(index: Int, module: String)] {
        code.indices.compactMap { index in
            let words = code[index].split(separator: " ")
            guard let at = words.firstIndex(of: "import"), code[index].first != " ",
                words[..<at].allSatisfy({ $0.hasPrefix("@") || Self.accessLevels.contains(String($0)) }),
                let name = words[(at + 1)...].last
            else { return nil }
            return (index, String(name.prefix { $0 != "." }))
        }
    }

    private static let accessLevels: Set = ["package", "internal", "private", "fileprivate", "public"]
}

extension StringProtocol {
    /// Its words: runs of letters, digits and underscores.
    var identifiers: [SubSequence] {
        split { !$0.isLetter && !$0.isNumber && $0 != "_" }
    }
}

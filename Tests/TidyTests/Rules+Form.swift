// SPDX-License-Identifier: Apache-2.0

/// Licence, lengths, documentation, names of files.
extension Rule {
    static let licence = Self(name: "every file says its licence in its first lines", looksAt: .everyFile) {
        files in
        files.filter { file in
            !file.lines.prefix(3).contains { $0.contains("SPDX-License-Identifier: Apache-2.0") }
        }.map(\.path)
    }

    static let fileLength = Self(
        name: "no file is longer than \(House.sourceLinesMax) lines, tests \(House.testLinesMax)",
        looksAt: .everyFile
    ) { files in
        files.filter { file in
            let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
            return count > (file.isTest ? House.testLinesMax : House.sourceLinesMax)
        }.map(\.path)
    }

    static let bodyLength = Self(
        name:
            "no function, initialiser, accessor or stored closure is longer than \(House.bodyLinesMax) lines",
        looksAt: .swiftFiles
    ) { files in
        files.flatMap { file in
            file.declarations.filter { ($0.length ?? 0) > House.bodyLinesMax }.map {
                file.breach(at: $0.line - 1)
            }
        }
    }

    static let noDumpingGround = Self(
        name: "no file and no folder is a dumping ground",
        looksAt: .swiftFiles
    ) { files in
        files.filter { file in
            let anywhere = ["Util", "Helper", "Misc"].contains { file.path.contains($0) }
            let names = file.path.split(separator: "/").dropLast() + [file.stem[...]]
            return anywhere
                || names.contains { name in
                    ["Manager", "Base", "Common", "Shared", "Extensions"].contains { name.hasSuffix($0) }
                }
        }.map(\.path)
    }

    static func shortFiles(known: Set<String>) -> Self {
        Self(
            name:
                "no source file is under \(House.sourceLinesMin) lines: it is folded into the file of its noun",
            looksAt: .sourcesThatStay
        ) { files in
            let short = files.filter { $0.lines.count - 1 < House.sourceLinesMin }
            return ratchet(short.map { ($0, $0.path) }, known: known)
        }
    }

    /// What a protocol demands is documented there: those of the libraries here, ours in their own files.
    private static let foreignRequirements: Set = [
        "var description", "func ==", "func hash", "func <", "func enqueue", "func checkIsolated",
        "func isIsolatingCurrentContext", "var unownedExecutor", "let shared", "func log", "subscript ",
        "var metadata", "var logLevel", "var metadataProvider",
    ]

    static let documentation = Self(
        name: "every package declaration and every requirement of a package protocol has a doc comment",
        looksAt: .sources
    ) { files in
        let protocols = files.map { file in (file, protocolRequirements(in: file)) }
        let ours = Set(protocols.flatMap { $0.1.map { "\($0.keyword) \($0.name)" } })
        let requirements = foreignRequirements.union(ours)
        return protocols.flatMap { file, demanded in
            let declared = file.declarations.filter { declaration in
                declaration.isPackage && declaration.keyword != "extension"
                    && !requirements.contains("\(declaration.keyword) \(declaration.name)")
            }
            return (declared + demanded).filter { !isDocumented(line: $0.line, of: file) }.map {
                file.breach(at: $0.line - 1)
            }
        }
    }

    private static func protocolRequirements(in file: SourceTree.File) -> [Declaration] {
        let declarations = file.declarations
        return declarations.filter { $0.keyword == "protocol" && $0.isPackage }.flatMap { parent in
            declarations.filter { $0.line > parent.line }.prefix { $0.indentation > parent.indentation }
                .filter { $0.indentation == parent.indentation + 4 && $0.runs && $0.keyword != "get" }
        }
    }

    private static func isDocumented(line: Int, of file: SourceTree.File) -> Bool {
        let above = file.lines[..<(line - 1)].reversed().map { $0.drop { $0 == " " } }
        return above.first { !$0.hasPrefix("@") && !$0.hasPrefix("// swift-format-ignore") }?.hasPrefix("///")
            ?? false
    }
}

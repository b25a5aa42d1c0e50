// SPDX-License-Identifier: Apache-2.0

/// How modules, files, types and tests stand to each other.
extension Rule {
    // MARK: - Arrows

    static func arrows(_ map: [Module]) -> Self {
        Self(name: "modules import only what the map allows", looksAt: .sources) { files in
            let rows = Dictionary(uniqueKeysWithValues: map.map { ($0.name, $0) })
            return files.flatMap { file -> [String] in
                guard let row = rows[file.module ?? ""] else {
                    return ["\(file.path): its module is not on the map"]
                }
                let allowed = row.mayImport.union(House.standardLibrary).union(row.isPure ? [] : House.system)
                return file.imports.filter { !allowed.contains($0.module) }.map { file.breach(at: $0.index) }
            }
        }
    }

    /// The map against the manifest, which the compiler holds the imports to.
    static func manifest(_ map: [Module]) -> Self {
        Self(
            name: "the manifest grants what the map allows and what is imported, and all arrows point down",
            looksAt: .manifestAndSources
        ) { files in
            guard let manifest = files.first(where: { $0.path == "Package.swift" }) else { return [] }
            let granted = Manifest(manifest.lines).dependencies
            let sources = Dictionary(grouping: files.filter(\.isSwiftSource)) { $0.module ?? "" }
            let rows = Dictionary(uniqueKeysWithValues: map.map { ($0.name, $0) })
            var found: [String] = upwardArrows(map)
            for (module, dependencies) in granted.sorted(by: { $0.key < $1.key }) {
                guard let row = rows[module] else {
                    found.append("Package.swift: \(module) is not on the map")
                    continue
                }
                found += dependencies.subtracting(row.mayImport).sorted().map {
                    "Package.swift: \(module) may not depend on \($0)"
                }
                let used = Set((sources[module] ?? []).flatMap { $0.imports.map(\.module) })
                found +=
                    House.goingModules.contains(module)
                    ? []
                    : dependencies.subtracting(used).sorted().map {
                        "Package.swift: \(module) depends on \($0), which no file of it imports"
                    }
            }
            let absent = Set(sources.keys).union(rows.keys).subtracting(granted.keys)
            return found
                + absent.subtracting(House.modulesInChange).sorted().map {
                    "Package.swift: there is no module \($0)"
                }
        }
    }

    private static func upwardArrows(_ map: [Module]) -> [String] {
        map.indices.flatMap { index in
            map[index].mayImport.intersection(map[...index].map(\.name)).sorted().map {
                "\(map[index].name): the row of \($0) stands above its own"
            }
        }
    }

    // MARK: - Types

    /// `known` are names that still have two types.
    static func oneTypeOneName(known: Set<String>) -> Self {
        Self(name: "no two modules have a type of one name", looksAt: .sources) { files in
            let named = files.flatMap { file in types(in: file).map { (name: $0, file: file) } }
            let shared = Dictionary(grouping: named, by: \.name).filter { _, places in
                Set(places.compactMap(\.file.module)).count > 1
            }
            let stale = known.subtracting(shared.keys).sorted()
            return shared.filter { !known.contains($0.key) }.sorted { $0.key < $1.key }.map { name, places in
                "\(name): \(places.map(\.file.path).sorted().joined(separator: ", "))"
            } + stale.map { "\($0): is on the list of shared names and is none; take it off" }
        }
    }

    /// Names of types as another file sees them, with those they lie in; without private and local ones.
    static func types(in file: SourceTree.File) -> [String] {
        var parents: [Declaration] = []
        var names: [String] = []
        for declaration in file.declarations {
            while let last = parents.last, last.indentation >= declaration.indentation {
                parents.removeLast()
            }
            if declaration.isType, !(parents + [declaration]).contains(where: { $0.isPrivate || $0.runs }) {
                names.append((parents.map(\.name) + [declaration.name]).joined(separator: "."))
            }
            parents.append(declaration)
        }
        return names
    }

    // MARK: - Tests

    /// `through` names, for parts that only one other type uses, that type: its test is theirs.
    static func twins(known: Set<String>, through: [String: String]) -> Self {
        Self(
            name: "every source file that decides something has a unit test that names its main type",
            looksAt: .decidingModulesAndUnitTests
        ) { files in
            let tested = Set(
                files.filter(\.isUnitTest).flatMap { $0.code.flatMap { $0.identifiers.map(String.init) } }
            )
            let untested = files.filter { file in
                file.isSwiftSource && decides(file) && mainNames(of: file).isDisjoint(with: tested)
                    && !tested.contains("\(file.stem.prefix { $0 != "+" })Tests")
            }
            let found = untested.filter { !tested.contains(through[$0.name] ?? "") }.map { file in
                (file, "\(file.path): no unit test names \(mainNames(of: file).sorted())")
            }
            let stale = Set(through.keys).subtracting(untested.map(\.name)).sorted()
            return ratchet(found, known: known)
                + stale.map { "\($0): is gone, decides nothing or is named by a test; take it off the list" }
        }
    }

    /// Whether code of the file takes one way or another.
    private static func decides(_ file: SourceTree.File) -> Bool {
        file.code.contains { code in
            let words = code.split(separator: " ")
            let branches: Set<Substring> = ["if", "guard", "switch", "while", "for", "?", "??", "catch"]
            return words.contains { branches.contains($0) }
        }
    }

    /// What the file is named after; in a file of functions and of extensions with another name, these.
    private static func mainNames(of file: SourceTree.File) -> Set<String> {
        let stem = String(file.stem.prefix { $0 != "+" })
        let declarations = file.declarations
        let types = declarations.filter {
            ($0.isType || $0.isExtension) && !$0.isPrivate && $0.indentation == 0
        }
        if types.contains(where: { $0.name == stem }) { return [stem] }
        let visible = declarations.filter { declaration in
            !declaration.isPrivate && declaration.indentation <= 4
                && ["func", "var", "let", "struct", "enum", "class", "actor"].contains(declaration.keyword)
        }
        return Set(visible.map(\.name)).union([stem])
    }
}

/// What `Package.swift` says of the modules under `Sources`.
struct Manifest {
    private(set) var dependencies: [String: Set<String>] = [:]

    /// Reads calls of `module(` and `.executableTarget(` whose path is the usual one.
    init(_ lines: [String]) {
        let text = lines.filter { !$0.drop { $0 == " " }.hasPrefix("//") }.joined(separator: "\n")
        for opening in [" module(", ".executableTarget("] {
            for call in text.split(separator: opening, omittingEmptySubsequences: false).dropFirst() {
                let arguments = Self.balanced(call)
                let isElsewhere = arguments.contains("path:")
                guard !isElsewhere, let name = Self.literals(arguments).first, name.first?.isUppercase == true
                else {
                    continue
                }
                let list = arguments.drop { $0 != "[" }.prefix { $0 != "]" }
                    .split(separator: "package: \"swift-log\"").joined()
                dependencies[name] = Set(Self.literals(list[...]))
            }
        }
    }

    private static func balanced(_ text: Substring) -> Substring {
        var depth = 1
        return text.prefix { character in
            depth += character == "(" ? 1 : character == ")" ? -1 : 0
            return depth > 0
        }
    }

    private static func literals(_ text: Substring) -> [String] {
        text.split(separator: "\"", omittingEmptySubsequences: false).enumerated().compactMap {
            $0.offset.isMultiple(of: 2) ? nil : String($0.element)
        }
    }
}

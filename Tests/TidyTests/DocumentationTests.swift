// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The documentation names only what exists.
///
/// A pointer to a file whose module has changed is corrected by a run with UPDATE_DOCUMENTS=1 in the environment.
@Suite struct DocumentationTests {
    @Test(arguments: Page.all)
    func `every file that a page names exists`(_ page: Page) throws {
        if ProcessInfo.processInfo.environment["UPDATE_DOCUMENTS"] != nil {
            let moved = Checkout.present.relocating(page.text)
            if moved != page.text { try moved.write(to: page.url, atomically: true, encoding: .utf8) }
            #expect(Checkout.present.missing(from: moved) == [])
        } else {
            #expect(Checkout.present.missing(from: page.text) == [])
        }
    }

    @Test(arguments: Page.all)
    func `every link of a page leads somewhere`(_ page: Page) {
        let folder = page.path.split(separator: "/").dropLast().joined(separator: "/")
        let names = Set(Page.all.map(\.name))
        #expect(Checkout.present.deadLinks(in: page.text, of: folder, pages: names) == [])
    }

    @Test func `a file, a link and a page that do not exist are found`() {
        let checkout = Checkout(paths: ["Tools", "Tools/demo", "Sources", "Sources/A/Inner/One.swift"])
        let text = """
            Run `Tools/demo`, then `Tools/demi`; read `A/One.swift`, `A/Two.swift` and `B/One.swift`. It is in `Sources/`.
            See [one](Tools/demo), [two](Tools/none#part), [three](https://example.com/Tools/no), <doc:Page#Part>, <doc:Pag>.
            """
        #expect(checkout.missing(from: text) == ["Tools/demi", "A/Two.swift", "B/One.swift", "Tools/none"])
        #expect(checkout.deadLinks(in: text, of: "", pages: ["Page"]) == ["Tools/none", "doc:Pag"])
        #expect(checkout.relocating("`B/One.swift`, `B/Two.swift`") == "`A/One.swift`, `B/Two.swift`")
    }

    @Test func `every comment that says what was decided has its line in Decisions`() throws {
        let decisions = try #require(Page.all.first { $0.name == "Decisions" })
        let heads = SourceTree.swiftFiles.filter { file in
            file.lines.contains { line in
                line.hasPrefix("//") && (line.contains("Rejected:") || line.contains("Consequence:"))
            }
        }
        let unlisted = heads.compactMap(\.pointer).filter { !decisions.text.contains("`\($0)`") }
        #expect(heads.count > 20)
        #expect(unlisted == [])
    }

    @Test func `the module map names every module, and no other`() throws {
        let architecture = try #require(Page.all.first { $0.name == "Architecture" })
        let map = architecture.text.components(separatedBy: "\n## Module map\n").last?.components(
            separatedBy: "```\n"
        )
        let named = try #require(map?.dropFirst().first).split(separator: "\n").map {
            $0.prefix { $0 != " " }
        }
        #expect(Set(named.map(String.init)) == Set(SourceTree.swiftFiles.compactMap(\.module)))
        #expect(named.count == Set(named).count)
    }

    @Test func `every metric that is served is named in Operating, and no other`() throws {
        let sources = SourceTree.swiftFiles.filter { $0.module != nil }.flatMap(\.lines)
        let served = Set(sources.flatMap(words).filter { $0.hasPrefix("scaler_oci_") })
        let operating = try #require(Page.all.first { $0.name == "Operating" })
        // `scaler_oci_hpc` is the wheel and the module of Python in it.
        let named = Set(
            words(of: operating.text).filter {
                $0.hasPrefix("scaler_oci_") && !$0.hasPrefix("scaler_oci_hpc")
            }
        )
        #expect(served.count >= 8)
        #expect(named == served)
    }

    @Test func `every reason of a deletion has its row in Operating, and no other`() throws {
        let orders = try #require(SourceTree.swiftFiles.first { $0.path.hasSuffix("/CloudOrder.swift") })
        let reasons = orders.lines.filter { $0.contains("case ") && $0.hasSuffix("\"") }.map {
            String($0.split(separator: "\"")[1])
        }
        let operating = try #require(Page.all.first { $0.name == "Operating" })
        let rows = operating.text.components(separatedBy: "\n| reason | what had happened |\n|---|---|\n")
            .last?
            .components(separatedBy: "\n\n").first?.split(separator: "\n")
        let named = try #require(rows).map {
            $0.split(separator: "|")[0].trimmingCharacters(in: .whitespaces)
        }
        #expect(reasons.count >= 10)
        #expect(named.sorted() == reasons.sorted())
    }

    @Test func `the README is short, begins with the two commands and states the licence`() throws {
        let readme = try #require(Page.all.first { $0.path == "README.md" })
        let commands =
            readme.text.components(separatedBy: "```sh\n").dropFirst().first?.split(separator: "\n") ?? []
        #expect(readme.text.utf8.count <= 10_240)
        #expect(
            commands.prefix(2).map { $0.split(separator: " ").first ?? "" } == ["Tools/demo", "Tools/test"]
        )
        #expect(readme.text.contains("\n## Licence\n\nApache-2.0."))
    }
}

/// One page of the documentation, or the README.
struct Page: Sendable, CustomStringConvertible {
    /// From the root of the checkout.
    let path: String
    let text: String

    var url: URL { SourceTree.root.appending(path: path) }
    var name: String { url.deletingPathExtension().lastPathComponent }
    var description: String { path }

    static let all: [Page] = {
        let folder = "Sources/ScalerOCIHPC/Documentation.docc"
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: SourceTree.root.appending(path: folder).path
        )
        let paths =
            ["README.md"] + (names ?? []).filter { $0.hasSuffix(".md") }.sorted().map { "\(folder)/\($0)" }
        return paths.compactMap { path in
            let text = try? String(contentsOf: SourceTree.root.appending(path: path), encoding: .utf8)
            return text.map { Page(path: path, text: $0) }
        }
    }()
}

/// The files and folders that a page may name.
struct Checkout {
    /// From the root of the checkout.
    let paths: Set<String>

    private static let folders = ["CHeaders", "Sources", "Tests", "Tools"]

    static let present: Checkout = {
        var paths = Set(folders + ["Package.swift", "README.md"])
        for folder in folders {
            let below = FileManager.default.enumerator(atPath: SourceTree.root.appending(path: folder).path)
            for case let path as String in below ?? .init() { paths.insert("\(folder)/\(path)") }
        }
        return Checkout(paths: paths)
    }()

    /// The names in `text` of files and folders that are not there, in order: `Tools/demo`, or `Module/File.swift` for a
    /// file anywhere below that module.
    func missing(from text: String) -> [String] {
        words(of: text).filter { word in
            guard let first = word.split(separator: "/").first, word.contains("/") else { return false }
            if Self.folders.contains(String(first)) { return !paths.contains(word) }
            return isPointer(word) && !exists(pointer: word)
        }
    }

    /// Corrects the module of each `Module/File.swift` of which there is one in another module.
    func relocating(_ text: String) -> String {
        Set(missing(from: text)).filter(isPointer).reduce(text) { text, pointer in
            let file = "/" + (pointer.split(separator: "/").last ?? "")
            let found = paths.filter { $0.hasPrefix("Sources/") && $0.hasSuffix(file) }
            guard found.count == 1, let module = found.first?.split(separator: "/")[1] else { return text }
            return text.replacing("`\(pointer)`", with: "`\(module)\(file)`")
        }
    }

    /// The targets of links in `text`, a page in `folder`, that are not there.
    func deadLinks(in text: String, of folder: String, pages: Set<String>) -> [String] {
        let targets =
            text.components(separatedBy: "](").dropFirst().map { $0.prefix { $0 != ")" } }
            + text.components(separatedBy: "<doc:").dropFirst().map { "doc:" + $0.prefix { $0 != ">" } }
        return targets.map { String($0.prefix { $0 != "#" }) }.filter { target in
            if target.hasPrefix("https://") || target.isEmpty { return false }
            if target.hasPrefix("doc:") { return !pages.contains(String(target.dropFirst(4))) }
            return !paths.contains(folder.isEmpty ? target : "\(folder)/\(target)")
        }
    }

    private func isPointer(_ word: String) -> Bool {
        let parts = word.split(separator: "/")
        return parts.count == 2 && parts[0].first?.isUppercase == true
            && !Self.folders.contains(String(parts[0]))
            && (word.hasSuffix(".swift") || word.hasSuffix(".py"))
    }

    private func exists(pointer: String) -> Bool {
        let parts = pointer.split(separator: "/")
        return paths.contains { $0.hasPrefix("Sources/\(parts[0])/") && $0.hasSuffix("/\(parts[1])") }
    }
}

extension SourceTree.File {
    /// `Module/File.swift`, as pages name it; nil outside of `Sources`.
    fileprivate var pointer: String? {
        guard let module, let name = path.split(separator: "/").last else { return nil }
        return "\(module)/\(name)"
    }
}

/// The longest pieces of `text` that may be paths or names, without a full stop or slash at their end.
private func words(of text: String) -> [String] {
    text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || "_./+-".contains($0))) }.map { word in
        var word = String(word)
        while word.hasSuffix(".") || word.hasSuffix("/") { word.removeLast() }
        return word
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The checkout, as text.
enum SourceTree {
    /// One file: its path from the root of the checkout, and its lines.
    struct File: Sendable, CustomStringConvertible {
        let path: String
        let lines: [String]
        /// The lines without comments and without the contents of string literals.
        let code: [String]
        /// The comments alone, line by line.
        let comments: [String]
        let declarations: [Declaration]

        init(path: String, lines: [String]) {
            self.path = path
            self.lines = lines
            let text = path.hasSuffix(".swift") ? SwiftText(lines) : nil
            code = text?.code ?? lines
            comments = text?.comments ?? lines.map { _ in "" }
            declarations = text.map { Declaration.all(in: $0.code) } ?? []
        }

        var description: String { path }

        /// The module that a file under `Sources` belongs to.
        var module: String? {
            let parts = path.split(separator: "/")
            return parts.first == "Sources" && parts.count > 2 ? String(parts[1]) : nil
        }

        /// The file's name without folders.
        var name: String { String(path.split(separator: "/").last ?? "") }

        /// The file's name without folders and without what follows the first dot.
        var stem: String {
            String(name.prefix { $0 != "." })
        }

        var isSwiftSource: Bool { module != nil && path.hasSuffix(".swift") }
        var isUnitTest: Bool {
            let outside = [
                "Tests/EndToEnd", "Tests/TidyTests", "Tests/TestCloud", "Tests/TestSupport",
                "Tests/SchedulerPeer",
            ]
            return path.hasPrefix("Tests/") && !outside.contains { path.hasPrefix($0) }
        }
        var isTest: Bool { path.hasPrefix("Tests/") || path.contains("/tests/") }
    }

    /// Swift files under `Sources` and `Tests`, in order of path.
    static let swiftFiles: [File] = files(under: ["Sources", "Tests"]) { $0.hasSuffix(".swift") }

    /// Files of ours in any language, and the manifest.
    static let allFiles: [File] =
        swiftFiles + [file("Package.swift")].compactMap(\.self)
        + files(under: ["CHeaders"]) { $0.hasSuffix(".h") }
        + files(under: ["Sources", "Tests"]) { $0.hasSuffix(".py") }
        + files(under: ["Tools"]) { path in
            path.hasSuffix(".swift") || path.hasSuffix(".py")
                || !path.contains(".") && !path.contains("Corpus")
        }.filter { $0.path.contains(".") || $0.lines.first?.hasPrefix("#!") == true }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func files(under folders: [String], where isWanted: (String) -> Bool) -> [File] {
        folders.flatMap { folder -> [File] in
            let base = root.appending(path: folder).resolvingSymlinksInPath()
            let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
            return paths.filter { isWanted($0) && !$0.contains(".build") }.sorted().compactMap {
                file("\(folder)/\($0)")
            }
        }
    }

    private static func file(_ path: String) -> File? {
        guard let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8) else {
            return nil
        }
        return File(path: path, lines: text.components(separatedBy: "\n"))
    }
}

/// What `Tools/build-release` makes.
enum ReleaseBinary {
    static let url = SourceTree.root.appending(path: ".build/release/scaler-oci-hpc")

    static var exists: Bool {
        FileManager.default.fileExists(atPath: url.path)
    }
}

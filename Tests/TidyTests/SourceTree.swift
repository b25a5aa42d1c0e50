// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The checkout, as text.
enum SourceTree {
    /// One file: its path from the root of the checkout, and its lines.
    struct File: Sendable, CustomStringConvertible {
        let path: String
        let lines: [String]

        var description: String { path }

        /// The module that a file under `Sources` belongs to.
        var module: String? {
            let parts = path.split(separator: "/")
            return parts.first == "Sources" && parts.count > 2 ? String(parts[1]) : nil
        }
    }

    /// Swift files under `Sources` and `Tests`, in order of path.
    static let swiftFiles: [File] = files(under: ["Sources", "Tests"], suffix: ".swift")

    /// Files of ours in any language.
    static let allFiles: [File] =
        swiftFiles + files(under: ["Tools", "Tests"], suffix: ".py")
        + files(under: ["CHeaders"], suffix: ".h")

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func files(under folders: [String], suffix: String) -> [File] {
        folders.flatMap { folder -> [File] in
            let base = root.appending(path: folder)
            let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
            return paths.filter { $0.hasSuffix(suffix) && !$0.contains(".build") }.sorted().compactMap {
                path in
                guard let text = try? String(contentsOf: base.appending(path: path), encoding: .utf8) else {
                    return nil
                }
                return File(path: "\(folder)/\(path)", lines: text.components(separatedBy: "\n"))
            }
        }
    }
}

/// What `Tools/build-release` makes.
enum ReleaseBinary {
    static let url = SourceTree.root.appending(path: ".build/release/scaler-oci-hpc")

    static var exists: Bool {
        FileManager.default.fileExists(atPath: url.path)
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A part of a document that a test prints, between `<!-- name -->` and `<!-- /name -->`.
///
/// With UPDATE_DOCUMENTS=1 in the environment the test writes it, otherwise it compares: so the document cannot fall
/// behind the code.
package struct PrintedPart {
    /// What is wrong with the document.
    package enum Problem: Error {
        /// There is no file of this path.
        case unreadable(String)
        /// The file lacks one of the two lines.
        case unmarked(String)
        /// The part is not what the code says; run the test with UPDATE_DOCUMENTS=1.
        case outOfDate(String)
    }

    private let path: String
    private let before: String
    private let part: String
    private let after: String

    private static let folder = "Sources/ScalerOCIHPC/Documentation.docc"

    /// Reads a page of the documentation.
    package init(of page: String, between name: String) throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        path = (root + [Substring(Self.folder), Substring(page)]).joined(separator: "/")
        guard let file = fopen(path, "r") else { throw Problem.unreadable(path) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = getc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        let lines = String(decoding: bytes, as: UTF8.self).split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
        guard let start = lines.firstIndex(of: "<!-- \(name) -->"),
            let end = lines.firstIndex(of: "<!-- /\(name) -->"), start < end
        else { throw Problem.unmarked(name) }
        before = lines[...start].map { $0 + "\n" }.joined()
        part = lines[(start + 1)..<end].map { $0 + "\n" }.joined()
        after = lines[end...].joined(separator: "\n")
    }

    /// Compares the part with `text`, or replaces it.
    package func check(_ text: String) throws {
        if part == text { return }
        guard getenv("UPDATE_DOCUMENTS") != nil, let file = fopen(path, "w") else {
            throw Problem.outOfDate(path)
        }
        fputs(before + text + after, file)
        fclose(file)
    }
}

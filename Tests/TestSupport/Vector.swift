// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// Bytes that the real software has made, and what it says they mean.
package struct Vector: Sendable, CustomStringConvertible {
    /// What it is called; `group/case` in most files.
    package let name: String
    /// The version that made it, or a range of versions.
    package let version: String
    /// What sort of thing the bytes are, in the words of the file.
    package let kind: String
    /// The whole entry, for what is special to its kind.
    package let entry: JSONValue
    /// The bytes.
    package let bytes: [UInt8]

    /// The meaning.
    package var fields: JSONValue {
        entry["fields"]
    }

    /// The name, so that a failing case names itself.
    package var description: String {
        name
    }

    /// Creates a vector, for bytes that are to be judged like those of a file.
    package init(name: String, version: String, kind: String, entry: JSONValue, bytes: [UInt8]) {
        self.name = name
        self.version = version
        self.kind = kind
        self.entry = entry
        self.bytes = bytes
    }

    /// Reads a file of `Tests/Vectors`; a missing or unreadable one traps, since no test can go on.
    package static func all(in file: String) -> [Vector] {
        json(file)["vectors"].elements.map { entry in
            guard let name = entry["name"].text, let bytes = [UInt8](hexadecimal: entry["hex"].text ?? "-")
            else {
                preconditionFailure("\(file): an entry has no name or no bytes")
            }
            return Vector(
                name: name,
                version: entry["version"].text ?? "",
                kind: entry["kind"].text ?? "",
                entry: entry,
                bytes: bytes
            )
        }
    }

    /// Reads a file of `Tests/Vectors` as JSON; traps like `all(in:)`.
    package static func json(_ file: String, source: String = #filePath) -> JSONValue {
        // This file is Tests/TestSupport/Vector.swift.
        let tests = URL(filePath: source).deletingLastPathComponent().deletingLastPathComponent()
        let url = tests.appending(path: "Vectors").appending(path: file)
        do {
            return try JSONDecoder().decode(JSONValue.self, from: try Data(contentsOf: url))
        } catch {
            preconditionFailure("\(url.path()): \(error)")
        }
    }
}

extension [UInt8] {
    /// Reads pairs of hexadecimal digits; nil if the text is anything else.
    package init?(hexadecimal text: String) {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == text.count, digits.count.isMultiple(of: 2) else {
            return nil
        }
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// The bytes as pairs of lower-case hexadecimal digits.
    package var hexadecimal: String {
        map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        .joined()
    }
}

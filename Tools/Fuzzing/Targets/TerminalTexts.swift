// SPDX-License-Identifier: Apache-2.0

import Encodings
import JSON

/// Shows the input as logs and terminals show what others chose, and stops the process when anything in it is unsafe, or when
/// the text of a log in JSON is another than what was logged.
enum TerminalTextsFuzz {
    static func feed(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        let string = TerminalText.jsonString(text)
        let lines = TerminalText.shown(text, keepingLines: true)
        for shown in [TerminalText.shown(text), string, lines.split(separator: "\n").joined()] {
            insist(shown.unicodeScalars.allSatisfy { !TerminalText.isUnsafe($0) }, shown)
            insist(TerminalText.shown(shown) == shown, "\(shown) is shown in another way")
        }
        insist(lines.utf8.count { $0 == 0x0A } == text.utf8.count { $0 == 0x0A }, "\(lines) has other lines")
        guard case .string(let read)? = try? JSON.read(Array("\"\(string)\"".utf8)) else {
            fatalError("no JSON: \(string)")
        }
        insist(read.unicodeScalars.elementsEqual(text.unicodeScalars), "\(text) is read as \(read)")
    }
}

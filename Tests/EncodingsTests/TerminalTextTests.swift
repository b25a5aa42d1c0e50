// SPDX-License-Identifier: Apache-2.0

import Encodings
import Testing

@Suite struct TerminalTextTests {
    @Test(arguments: [
        ("plain text, 100 %", "plain text, 100 %"), ("naïve 日本", "naïve 日本"), ("a\u{1B}[2J", #"a\u001b[2J"#),
        ("\u{7F}", #"\u007f"#), ("\u{80}\u{9B}\u{9F}\u{A0}", "\\u0080\\u009b\\u009f\u{A0}"),
        ("\u{202A}\u{202E}\u{2066}\u{2069}", #"\u202a\u202e\u2066\u2069"#),
        ("\u{2028}\u{2029}", #"\u2028\u2029"#),
        ("\u{200B}\u{FEFF}\u{AD}", #"\u200b\ufeff\u00ad"#), ("\u{E0041}", #"\udb40\udc41"#),
        ("a\nb\r\tc", #"a\u000ab\u000d\u0009c"#),
    ])
    func `what does something to the text around it is shown by its number`(_ text: String, _ shown: String) {
        #expect(TerminalText.shown(text) == shown)
        #expect(TerminalText.shown(shown) == shown)
    }

    @Test func `line feeds stay where a text has lines, and nothing else does`() {
        #expect(TerminalText.shown("a\nb\r\n\u{85}", keepingLines: true) == "a\nb\\u000d\n\\u0085")
    }

    @Test func `in a JSON string quotes and backslashes are escaped, too`() {
        #expect(TerminalText.jsonString("\"\\\n\t\u{9B}é") == #"\"\\\n\t\u009bé"#)
    }
}

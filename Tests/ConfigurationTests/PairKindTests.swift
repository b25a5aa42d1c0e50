// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// What a kind makes of texts: what it shows again; nil when it refuses them.
private func shown<Value>(_ kind: ValueKind<Value>, _ texts: [String]) -> [String]? {
    (try? kind.read(texts)).map(kind.show)
}

/// The kinds whose values are lists of keys with values.
@Suite struct PairKindTests {
    @Test(arguments: [
        ("gpu,cpu=4", ["gpu,cpu=4"]), ("", []), (" gpu , cpu = 4 ", ["gpu,cpu=4"]), ("gpu=-1", ["gpu"]),
        // Of two with one name the last counts, at its own place.
        ("cpu=1,gpu,cpu=2", ["gpu,cpu=2"]),
    ])
    func `capabilities are names with whole numbers, and no number is -1`(
        _ text: String,
        _ expected: [String]
    ) {
        #expect(shown(ValueKind<[CapabilitySetting]>.capabilities, [text]) == expected)
    }

    @Test(arguments: ["=4", "gpu,,cpu", "cpu=x", "cpu=", "cpu=1.5", ","])
    func `what is no capability is refused`(_ text: String) {
        #expect(shown(ValueKind<[CapabilitySetting]>.capabilities, [text]) == nil)
    }

    @Test func `of tags with one key the last counts, and a value may hold the mark`() {
        let kind = ValueKind<[FreeformTagSetting]>.freeformTags
        #expect(shown(kind, ["a=1", "b=x=y", "a=2"]) == ["b=x=y", "a=2"])
        #expect(shown(kind, ["a="]) == ["a="])
        for text in ["a", "=1", "scaler-owner=1", "a=\n"] { #expect(shown(kind, [text]) == nil, "\(text)") }
    }

    @Test func `tags have the lengths that OCI allows`() {
        let kind = ValueKind<[FreeformTagSetting]>.freeformTags
        let key = String(repeating: "k", count: 100)
        let value = String(repeating: "v", count: 256)
        #expect(shown(kind, ["\(key)=\(value)"]) != nil)
        #expect(shown(kind, ["\(key)k=\(value)"]) == nil)
        #expect(shown(kind, ["\(key)=\(value)v"]) == nil)
    }

    @Test func `a defined tag has a namespace and a key, which may hold further points`() {
        let kind = ValueKind<[DefinedTagSetting]>.definedTags
        #expect(shown(kind, ["n.k=1", "n.k.l=2", "m.k=3", "n.k=4"]) == ["n.k.l=2", "m.k=3", "n.k=4"])
        for text in ["k=1", ".k=1", "n.=1", "n.k"] { #expect(shown(kind, [text]) == nil, "\(text)") }
    }
}

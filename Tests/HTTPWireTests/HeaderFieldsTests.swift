// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Testing

@Suite struct HeaderFieldsTests {
    private static let fields: HeaderFields = ["A": "1", "b": "2, x ,,\tY", "a": "3"]

    @Test func `names are compared without case and kept as written`() {
        #expect(Self.fields["a"] == "1")
        #expect(Self.fields["B"] == "2, x ,,\tY")
        #expect(Self.fields["c"] == nil)
        #expect(Self.fields.values(of: "A") == ["1", "3"])
        #expect(Self.fields.fields.map(\.name) == ["A", "b", "a"])
        #expect(Self.fields.contains("A") && !Self.fields.contains("aa"))
    }

    @Test func `only letters have a case`() {
        // [ and { differ by the bit that tells a from A, as do @ and `.
        let fields: HeaderFields = ["x^y": "1"]
        #expect(fields["X^Y"] == "1")
        #expect(fields["x~y"] == nil)
    }

    @Test func `lists are read over all lines`() {
        #expect(Self.fields.listMembers(of: "b") == ["2", "x", "Y"])
        #expect(Self.fields.listMembers(of: "a") == ["1", "3"])
        #expect(Self.fields.lists("y", in: "B"))
        #expect(!Self.fields.lists("", in: "B"))
    }

    @Test func `a field is replaced where it first stood`() {
        var fields = Self.fields
        fields.set("a", to: "9")
        #expect(fields == ["a": "9", "b": "2, x ,,\tY"])
        fields.set("c", to: "8")
        fields.append("c", "7")
        #expect(fields.values(of: "c") == ["8", "7"])
        fields.remove("C")
        #expect(fields.count == 2)
        fields.prepend("host", "h")
        #expect(fields.fields.first?.name == "host")
    }
}

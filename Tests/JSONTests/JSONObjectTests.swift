// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@Suite struct JSONObjectTests {
    private func object(_ text: String) throws -> JSONObject {
        try JSONObject(reading: Array(text.utf8))
    }

    @Test func `members are found by name, null counts as absent, the last repeat counts`() throws {
        let object = try object(#"{"a":"x","b":null,"a":"y","n":2.0,"m":3,"f":0.5,"t":{"k":"v"}}"#)
        #expect(try object.string("a") == "y")
        #expect(try object.stringIfPresent("b") == nil)
        #expect(try object.stringIfPresent("c") == nil)
        #expect(try object.integerIfPresent("n") == 2)
        #expect(try object.numberIfPresent("m") == 3)
        #expect(try object.numberIfPresent("f") == 0.5)
        #expect(try object.stringMap("t") == ["k": "v"])
        #expect(try object.stringMap("u") == [:])
    }

    @Test func `a complaint names the place`() throws {
        let items = try object(#"{"items":[{"id":"a"},{"id":7,"tags":{"k":1}}]}"#).objects("items")
        #expect(throws: JSONError.wrongType(path: "items[1].id", expected: "a string")) {
            try items[1].string("id")
        }
        #expect(throws: JSONError.missing(path: "items[0].name")) { try items[0].string("name") }
        #expect(throws: JSONError.wrongType(path: "items[1].tags.k", expected: "a string")) {
            try items[1].stringMap("tags")
        }
    }

    @Test func `a wrong type is an error, whatever was asked for`() throws {
        let object = try object(#"{"s":"x","l":[1],"r":1.5,"o":{}}"#)
        #expect(throws: JSONError.self) { try object.integerIfPresent("s") }
        #expect(throws: JSONError.self) { try object.integerIfPresent("r") }
        #expect(throws: JSONError.self) { try object.numberIfPresent("o") }
        #expect(throws: JSONError.self) { try object.objectIfPresent("l") }
        #expect(throws: JSONError.self) { try object.objects("l") }
        #expect(throws: JSONError.self) { try object.objects("o") }
        #expect(throws: JSONError.self) { try object.objects("absent") }
        #expect(throws: JSONError.self) { try self.object("[]") }
    }
}

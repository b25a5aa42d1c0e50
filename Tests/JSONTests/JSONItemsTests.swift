// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import JSON

/// Lists that are read one item after the other.
@Suite struct JSONItemsTests {
    private static func texts(_ text: String, list: String = "items") throws -> [String] {
        var read: [String] = []
        _ = try JSON.readItems(of: list, in: Array(text.utf8)) { item throws(JSONError) in
            read.append(String(decoding: try item.value().encoded(), as: UTF8.self))
        }
        return read
    }

    @Test(arguments: ["[]", #"{"items":[]}"#, #"{"items" : [ ] }"#, "[1,\"a\",null,[2],{\"b\":3}]"])
    func `the items are the elements of the whole, read one after the other`(_ text: String) throws {
        let whole = try JSON.read(Array(text.utf8))
        let elements: [JSON] =
            switch whole {
            case .array(let elements): elements
            default: []
            }
        #expect(try Self.texts(text) == elements.map { String(decoding: $0.encoded(), as: UTF8.self) })
    }

    @Test func `what stands beside the list is returned, and of repeated names the last counts`() throws {
        let text = #"{"next":"a","items":[{"id":"x","id":"y"}],"next":"b"}"#
        var ids: [String] = []
        let others = try JSON.readItems(of: "items", in: Array(text.utf8)) { item throws(JSONError) in
            ids.append(try item.object(only: ["id"]).string("id"))
        }
        #expect(ids == ["y"])
        #expect(try others.string("next") == "b")
    }

    @Test func `a member is compared without being read`() throws {
        let text =
            #"[{"state":"DELETED"},{"state":"DELETED "},{"state":null},{"other":"DELETED"},"DELETED",{}]"#
        var found: [Bool] = []
        _ = try JSON.readItems(of: "items", in: Array(text.utf8)) { item in
            found.append(item.has("state", equalTo: "DELETED"))
        }
        #expect(found == [true, false, false, false, false, false])
    }

    @Test func `an error in an item names its place`() throws {
        let text = #"{"items":[{"id":"a"},{"id":7},8]}"#
        var errors: [JSONError] = []
        _ = try JSON.readItems(of: "items", in: Array(text.utf8)) { item in
            do throws(JSONError) { _ = try item.object(only: ["id"]).string("id") } catch {
                errors.append(error)
            }
        }
        #expect(
            errors.map { "\($0)" } == [
                "JSON member items[1].id is not a string", "JSON member items[2] is not an object",
            ]
        )
    }

    /// Whatever the reader of whole texts refuses is refused although nobody wants the items, and the other way round.
    @Test(arguments: [
        "", "7", "{", "{}", #"{"items":7}"#, #"{"items":null}"#, "[", "[1", "[1,]", "[,1]", "[1 2]", "[1]x",
        #"["\q"]"#, #"["\u12"]"#,
        "[\"\u{1}\"]", #"["a]"#, "[01]", "[1.]", "[-]", "[1e]", "[tru]", #"[{"a"}]"#, #"[{"a":}]"#,
        #"[{"a":1,}]"#, #"[{a:1}]"#,
        #"{"items":[{"id":"a"}]"#, #"[{"a":[1,{"b":[2,]}]}]"#,
    ])
    func `what is no list, or no JSON, is refused although nothing of it is wanted`(_ text: String) {
        #expect(throws: JSONError.self) { _ = try JSON.readItems(of: "items", in: Array(text.utf8)) { _ in } }
    }

    @Test(arguments: [1, 3, 30, 31, 32, 33, 100])
    func `nesting is bounded as in a whole text`(_ depth: Int) {
        let text = Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        let whole = (try? JSON.read(text)) != nil
        #expect(((try? JSON.readItems(of: "items", in: text) { _ in }) != nil) == whole)
        #expect(
            ((try? JSON.readItems(of: "items", in: text) { i throws(JSONError) in _ = try i.value() }) != nil)
                == whole
        )
    }

    @Test func `every prefix of a page is refused, and the page itself is read`() throws {
        let page = Array(
            #"{"items":[{"id":"a\"\u00e9","n":[-1.5e3,true,null,{"x":{}}]},{"id":"b"}],"next":"t"}"#.utf8
        )
        for count in 0..<page.count {
            #expect(throws: JSONError.self) {
                _ = try JSON.readItems(of: "items", in: Array(page[..<count])) { _ in }
            }
        }
        var count = 0
        _ = try JSON.readItems(of: "items", in: page) { _ in count += 1 }
        #expect(count == 2)
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// A long list, one item after the other.
//
// Rule: a page of a listing holds a thousand items, and as a rule next to none of them is wanted: most are somebody else's,
// or records of what is deleted. The tree of such a page takes twenty times its bytes.
// Consequence: each item is passed over without building anything of it; the bytes of its members are noted, and whoever
// wants the item reads it from there. What is passed over is checked against the grammar all the same, but for the
// encoding of its text and the range of its numbers.

extension JSON {
    /// Reads `bytes`, an array or an object with an array in the member `list`, and hands `take` each element in order.
    ///
    /// Returns the other members of the object, of an array none. What `take` throws ends the reading.
    package static func readItems(
        of list: String,
        in bytes: [UInt8],
        depthMax: Int = 32,
        _ take: (JSONItem) throws(JSONError) -> Void
    ) throws(JSONError) -> JSONObject {
        var reader = JSONReader(bytes: bytes, depthLeft: depthMax)
        var others: [Member] = []
        reader.skipWhitespace()
        if reader.next == UInt8(ascii: "[") {
            try reader.items(path: "", take)
        } else {
            guard reader.next == UInt8(ascii: "{") else {
                _ = try reader.value()
                throw .wrongType(path: "(top)", expected: "a list")
            }
            var isFound = false
            try reader.nested { reader throws(JSONError) in
                try reader.eachMember { reader throws(JSONError) in
                    let name = try reader.string()
                    try reader.takeColon()
                    reader.skipWhitespace()
                    if name == list, reader.next == UInt8(ascii: "[") {
                        isFound = true
                        try reader.items(path: list, take)
                    } else {
                        others.append(Member(name, try reader.value()))
                    }
                }
            }
            if !isFound {
                let isThere = others.contains { $0.name == list && $0.value != .null }
                throw isThere ? .wrongType(path: list, expected: "an array") : .missing(path: list)
            }
        }
        reader.skipWhitespace()
        guard reader.position == bytes.count else { throw reader.failure }
        return try JSONObject(.object(others))
    }
}

/// One element of a list in a text, of which nothing is read but where its members are.
package struct JSONItem {
    /// Where it stands, for example `items[3]`.
    package var path: String { "\(listPath)[\(index)]" }

    fileprivate let bytes: [UInt8]
    fileprivate let listPath: String
    fileprivate let index: Int
    fileprivate let depthMax: Int
    fileprivate let range: Range<Int>
    /// The bytes of names, without their quotes, and of values; empty if the element is no object.
    fileprivate let members: [(name: Range<Int>, value: Range<Int>)]

    /// The whole element.
    package func value() throws(JSONError) -> JSON { try read(range) }

    /// The whole, which must be an object.
    package func object() throws(JSONError) -> JSONObject { try JSONObject(value(), path: path) }

    /// An object with no other members than these; one whose name is written with escapes is not found.
    package func object(only names: [String]) throws(JSONError) -> JSONObject {
        guard bytes[range.lowerBound] == UInt8(ascii: "{") else {
            throw .wrongType(path: path, expected: "an object")
        }
        var found: [JSON.Member] = []
        for name in names {
            if let value = value(of: name) { found.append(JSON.Member(name, try read(value))) }
        }
        return try JSONObject(.object(found), path: path)
    }

    /// Whether a member is this string; not if the text writes it with escapes.
    package func has(_ name: String, equalTo text: String) -> Bool {
        guard let value = value(of: name), value.count == text.utf8.count + 2 else { return false }
        return bytes[value.lowerBound] == UInt8(ascii: "\"")
            && Self.equal(bytes[value.lowerBound + 1..<value.upperBound - 1], text)
    }

    /// The bytes of a member; of repeated names the last one counts.
    private func value(of name: String) -> Range<Int>? {
        members.last { Self.equal(bytes[$0.name], name) }?.value
    }

    private func read(_ range: Range<Int>) throws(JSONError) -> JSON {
        var reader = JSONReader(bytes: bytes, depthLeft: depthMax, position: range.lowerBound)
        return try reader.value()
    }

    private static func equal(_ bytes: ArraySlice<UInt8>, _ text: String) -> Bool {
        bytes.count == text.utf8.count && bytes.elementsEqual(text.utf8)
    }
}

extension JSONReader {
    /// Hands `take` each element of the array that comes next.
    fileprivate mutating func items(
        path: String,
        _ take: (JSONItem) throws(JSONError) -> Void
    ) throws(JSONError) {
        try nested { reader throws(JSONError) in
            var index = 0
            var members: [(name: Range<Int>, value: Range<Int>)] = []
            try reader.eachElement { reader throws(JSONError) in
                reader.skipWhitespace()
                let (start, depth) = (reader.position, reader.depthLeft)
                members.removeAll(keepingCapacity: true)
                try reader.skipElement(noting: &members)
                let item = JSONItem(
                    bytes: reader.bytes,
                    listPath: path,
                    index: index,
                    depthMax: depth,
                    range: start..<reader.position,
                    members: members
                )
                index += 1
                try take(item)
            }
        }
    }

    private mutating func skipElement(
        noting members: inout [(name: Range<Int>, value: Range<Int>)]
    ) throws(JSONError) {
        guard next == UInt8(ascii: "{") else { return try skipValue() }
        var found = members
        members = []
        try nested { reader throws(JSONError) in
            try reader.eachMember { reader throws(JSONError) in
                let name = reader.position
                try reader.skipString()
                let nameEnd = reader.position
                try reader.takeColon()
                reader.skipWhitespace()
                let value = reader.position
                try reader.skipValue()
                found.append((name + 1..<nameEnd - 1, value..<reader.position))
            }
        }
        members = found
    }

    private mutating func skipValue() throws(JSONError) {
        skipWhitespace()
        switch next {
        case UInt8(ascii: "{"):
            try nested { reader throws(JSONError) in
                try reader.eachMember { reader throws(JSONError) in
                    try reader.skipString()
                    try reader.takeColon()
                    try reader.skipValue()
                }
            }
        case UInt8(ascii: "["):
            try nested { reader throws(JSONError) in
                try reader.eachElement { reader throws(JSONError) in try reader.skipValue() }
            }
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): _ = try literal("true", .bool(true))
        case UInt8(ascii: "f"): _ = try literal("false", .bool(false))
        case UInt8(ascii: "n"): _ = try literal("null", .null)
        default: _ = try skipNumber()
        }
    }

    private mutating func skipString() throws(JSONError) {
        guard next == UInt8(ascii: "\"") else { throw failure }
        position += 1
        while true {
            position = plainEnd
            switch next {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"):
                position += 1
                _ = try escaped()
            default: throw failure
            }
        }
    }

    /// Where the text from here on has the next byte that may not stand for itself in a string.
    private var plainEnd: Int {
        let text = bytes.span
        var place = position
        while place < text.count {
            let byte = text[place]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
            place += 1
        }
        return place
    }
}

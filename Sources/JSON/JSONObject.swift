// SPDX-License-Identifier: Apache-2.0

/// The members of an object, and where it stood, so that an error names the place.
///
/// Unknown members are ignored, null counts as absent: services add members without a new version, and write null
/// for what they do not know.
package struct JSONObject: Sendable {
    /// The path of this object from the top, empty for the top itself.
    package let path: String
    private let members: [JSON.Member]

    /// The members of `value`, which must be an object.
    package init(_ value: JSON, path: String = "") throws(JSONError) {
        guard case .object(let members) = value else {
            throw .wrongType(path: path.isEmpty ? "(top)" : path, expected: "an object")
        }
        self.members = members
        self.path = path
    }

    /// Reads `bytes`, whose top value must be an object.
    package init(reading bytes: [UInt8]) throws(JSONError) { try self.init(JSON.read(bytes)) }

    /// The value of a member, or nil when it is absent or null.
    package subscript(name: String) -> JSON? {
        guard let value = members.last(where: { $0.name == name })?.value, value != .null else { return nil }
        return value
    }

    /// A string that must be there.
    package func string(_ name: String) throws(JSONError) -> String {
        guard let text = try stringIfPresent(name) else { throw .missing(path: path(of: name)) }
        return text
    }

    /// A string, or nil.
    package func stringIfPresent(_ name: String) throws(JSONError) -> String? {
        guard let value = self[name] else { return nil }
        guard case .string(let text) = value else {
            throw .wrongType(path: path(of: name), expected: "a string")
        }
        return text
    }

    /// An integer, or nil; `2.0` is one.
    package func integerIfPresent(_ name: String) throws(JSONError) -> Int? {
        guard let value = self[name] else { return nil }
        switch value {
        case .integer(let integer): return Int(integer)
        case .real(let real):
            guard let integer = Int(exactly: real) else { break }
            return integer
        default: break
        }
        throw .wrongType(path: path(of: name), expected: "an integer")
    }

    /// A number, or nil.
    package func numberIfPresent(_ name: String) throws(JSONError) -> Double? {
        guard let value = self[name] else { return nil }
        switch value {
        case .integer(let integer): return Double(integer)
        case .real(let real): return real
        default: throw .wrongType(path: path(of: name), expected: "a number")
        }
    }

    /// An object, or nil.
    package func objectIfPresent(_ name: String) throws(JSONError) -> JSONObject? {
        guard let value = self[name] else { return nil }
        return try JSONObject(value, path: path(of: name))
    }

    /// The objects of an array that must be there.
    package func objects(_ name: String) throws(JSONError) -> [JSONObject] {
        guard let objects = try objectsIfPresent(name) else { throw .missing(path: path(of: name)) }
        return objects
    }

    /// The objects of an array, or nil.
    package func objectsIfPresent(_ name: String) throws(JSONError) -> [JSONObject]? {
        guard let value = self[name] else { return nil }
        return try Self.objects(of: value, path: path(of: name))
    }

    /// The objects of an array that is no member of an object, but the top itself.
    package static func objects(of value: JSON, path: String = "") throws(JSONError) -> [JSONObject] {
        guard case .array(let elements) = value else {
            throw .wrongType(path: path.isEmpty ? "(top)" : path, expected: "an array")
        }
        return try elements.enumerated().map { index, element throws(JSONError) in
            try JSONObject(element, path: "\(path)[\(index)]")
        }
    }

    /// A map of strings, empty when absent.
    package func stringMap(_ name: String) throws(JSONError) -> [String: String] {
        guard let object = try objectIfPresent(name) else { return [:] }
        var map = [String: String](minimumCapacity: object.members.count)
        for member in object.members {
            guard case .string(let text) = member.value else {
                throw .wrongType(path: object.path(of: member.name), expected: "a string")
            }
            map[member.name] = text
        }
        return map
    }

    private func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}

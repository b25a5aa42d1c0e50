// SPDX-License-Identifier: Apache-2.0

/// Any JSON value, for vectors whose fields differ from one to the next.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// Wide enough for all numbers of 64 bits, signed or not.
    case integer(Int128)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The value under a key; null if this is no object or has no such key.
    package subscript(key: String) -> JSONValue {
        guard case .object(let members) = self else {
            return .null
        }
        return members[key] ?? .null
    }

    /// The elements; none if this is no array.
    package var elements: [JSONValue] {
        guard case .array(let elements) = self else {
            return []
        }
        return elements
    }

    /// The text; nil if this is no string.
    package var text: String? {
        guard case .string(let text) = self else {
            return nil
        }
        return text
    }

    /// The whole number; nil if this is none.
    package var integer: Int128? {
        guard case .integer(let number) = self else {
            return nil
        }
        return number
    }

    /// The truth value; nil if this is none.
    package var bool: Bool? {
        guard case .bool(let flag) = self else {
            return nil
        }
        return flag
    }
}

extension JSONValue {
    /// Returns where this differs from another value, and how; nil if it does not.
    ///
    /// Large values are unreadable side by side, so a test compares the answer with nil.
    package func difference(from other: JSONValue, at path: String = "") -> String? {
        switch (self, other) {
        case (.array(let ours), .array(let theirs)) where ours.count == theirs.count:
            return zip(ours, theirs).enumerated().lazy
                .compactMap { $1.0.difference(from: $1.1, at: "\(path)[\($0)]") }
                .first
        case (.object(let ours), .object(let theirs)) where ours.keys == theirs.keys:
            return ours.keys.lazy
                .compactMap { self[$0].difference(from: other[$0], at: "\(path).\($0)") }
                .first
        default:
            return self == other ? nil : "\(path): \(self) is not \(other)"
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral {
    /// Lets a text be written as itself.
    package init(stringLiteral text: String) {
        self = .string(text)
    }
}

extension JSONValue: Decodable {
    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) {
            nil
        }
    }

    /// Reads whatever is there, most frequent kinds first.
    package init(from decoder: any Decoder) throws {
        if let object = try? decoder.container(keyedBy: Key.self) {
            var members: [String: JSONValue] = [:]
            for key in object.allKeys {
                members[key.stringValue] = try object.decode(JSONValue.self, forKey: key)
            }
            self = .object(members)
            return
        }
        if var array = try? decoder.unkeyedContainer() {
            var elements: [JSONValue] = []
            while !array.isAtEnd {
                elements.append(try array.decode(JSONValue.self))
            }
            self = .array(elements)
            return
        }
        self = try Self.scalar(in: try decoder.singleValueContainer())
    }

    private static func scalar(in container: any SingleValueDecodingContainer) throws -> JSONValue {
        if let text = try? container.decode(String.self) {
            .string(text)
        } else if let number = try? container.decode(UInt64.self) {
            .integer(Int128(number))
        } else if let number = try? container.decode(Int64.self) {
            .integer(Int128(number))
        } else if let flag = try? container.decode(Bool.self) {
            .bool(flag)
        } else if container.decodeNil() {
            .null
        } else {
            .double(try container.decode(Double.self))
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// JSON by hand, for the same reason as HTTP by hand: bad input from a server must fail that answer and nothing else.
//
// Rule: an answer of a cloud service is bounded in bytes by whoever received it, and here in depth; numbers, strings
// and escapes are exactly those of RFC 8259.
// Consequence: a reader without recursion that a peer can drive, without floating-point rounding of ids, without
// Objective-C-shaped dictionaries, and without the 4 MB of code and memory that a general decoder needs.
// Rejected: `Codable` through FoundationEssentials. It names a wrong type well but reads an unknown enum value as an
// error of the whole page, and one odd instance in a list of a thousand must not hide the others.

/// A JSON value (RFC 8259).
package enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits 64 bits.
    case integer(Int64)
    /// Every other number, as the nearest double; a number beyond its range is refused.
    case real(Double)
    case string(String)
    case array([JSON])
    /// Members in the order of the text; of repeated names the last one counts, as in every common parser.
    case object([Member])

    /// One name and value of an object.
    package struct Member: Equatable, Sendable {
        /// The name, which the grammar allows to be any text.
        package let name: String
        /// The value.
        package let value: JSON

        /// A member from its parts.
        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// An object of the pairs whose value is not nil, in order: an absent option is left out, never sent as null.
    package static func object(present pairs: [(String, JSON?)]) -> JSON {
        .object(pairs.compactMap { name, value in value.map { Member(name, $0) } })
    }

    /// An object of strings, in order.
    package static func strings(_ pairs: [(String, String)]) -> JSON {
        .object(pairs.map { Member($0, .string($1)) })
    }
}

/// Why bytes are not the JSON that was expected.
package enum JSONError: Error, Equatable, Sendable {
    /// The text breaks the grammar, or is not UTF-8, at this byte offset.
    case malformed(offset: Int)
    /// Arrays and objects nest deeper than the limit, at this byte offset.
    case tooDeep(offset: Int)
    /// The value at this path, for example `items[3].id`, is of another type or out of range.
    case wrongType(path: String, expected: String)
    /// The member at this path is absent or null.
    case missing(path: String)
}

extension JSONError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let offset): "not JSON at byte \(offset)"
        case .tooDeep(let offset): "JSON nested too deep at byte \(offset)"
        case .wrongType(let path, let expected): "JSON member \(path) is not \(expected)"
        case .missing(let path): "JSON member \(path) is missing"
        }
    }
}

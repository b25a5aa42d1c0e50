// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// The header section of a message: pairs in the order of the wire, repeats kept.
///
/// It is not a dictionary: order and repetition carry meaning (two Content-Length fields must be seen as two), and
/// a message has some ten fields, for which a linear search beats hashing. Names are compared without regard to
/// ASCII case and kept as written (RFC 9110 section 5.1).
package struct HeaderFields: Equatable, Sendable, ExpressibleByDictionaryLiteral {
    /// One field line.
    package struct Field: Equatable, Sendable {
        /// The name as written.
        package let name: String
        /// The value without white space around it.
        package let value: String
    }

    /// All fields in the order of the wire.
    package private(set) var fields: [Field] = []

    /// The number of field lines.
    package var count: Int { fields.count }

    /// The first value of the field `name`, or nil if there is none.
    package subscript(name: String) -> String? { fields.first { Grammar.isSameName($0.name, name) }?.value }

    /// All values of the field `name` in order, one for each field line.
    package func values(of name: String) -> [String] {
        fields.filter { Grammar.isSameName($0.name, name) }.map(\.value)
    }

    /// Whether the field `name` occurs.
    package func contains(_ name: String) -> Bool { fields.contains { Grammar.isSameName($0.name, name) } }

    /// The members of a comma-separated field over all its lines, without white space, empty ones left out
    /// (RFC 9110 section 5.6.1).
    package func listMembers(of name: String) -> [String] {
        values(of: name).flatMap { value in
            Array(value.utf8).split(separator: UInt8(ascii: ","))
                .map { Grammar.text(Grammar.trimmed($0)) }
                .filter { !$0.isEmpty }
        }
    }

    /// Whether a comma-separated field holds `token`, case ignored: the test for `Connection: close` and the like.
    package func lists(_ token: String, in name: String) -> Bool {
        listMembers(of: name).contains { Grammar.isSameName($0, token) }
    }

    /// Adds a field line at the end, whether or not one of that name is there.
    package mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Adds a field line at the front, where Host belongs (RFC 9110 section 7.2).
    package mutating func prepend(_ name: String, _ value: String) {
        fields.insert(Field(name: name, value: value), at: 0)
    }

    /// Removes all field lines of that name.
    package mutating func remove(_ name: String) { fields.removeAll { Grammar.isSameName($0.name, name) } }

    /// Makes `value` the only one of the field `name`: in place of the first such line, else at the end.
    package mutating func set(_ name: String, to value: String) {
        let place = fields.firstIndex { Grammar.isSameName($0.name, name) } ?? fields.endIndex
        remove(name)
        fields.insert(Field(name: name, value: value), at: place)
    }

    /// Writes a header section as `["host": "example", "accept": "*/*"]`; order and repeats are kept.
    package init(dictionaryLiteral pairs: (String, String)...) {
        fields = pairs.map { Field(name: $0.0, value: $0.1) }
    }

    /// How long the server asks us to wait (Retry-After, RFC 9110 section 10.2.3), at most `maximum`.
    ///
    /// It may be a number of seconds or a date, which is compared with `now` in seconds since 1970. Nil if the field
    /// is absent or says nothing sensible; zero for a date that has passed.
    package func retryAfter(now: Int, atMost maximum: Duration) -> Duration? {
        guard let text = self["retry-after"] else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy(\.isASCIIDigit) {
            // What Int32 cannot hold is longer than anyone waits.
            return min(.seconds(Int32(text) ?? .max), maximum)
        }
        guard let date = HTTPDate.secondsSinceEpoch(text) else { return nil }
        return min(.seconds(max(date - now, 0)), maximum)
    }
}

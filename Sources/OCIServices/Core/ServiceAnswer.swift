// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import HTTPWire
package import JSON
package import Transport

/// An answer with a status of 2xx.
package struct ServiceAnswer: Sendable {
    /// The call that it answers.
    package let operation: Operation
    /// Status and fields.
    package let head: ResponseHead
    /// The body, in memory or spooled as the request asked for.
    package let content: Blob

    /// The body if it is in memory, else nothing.
    package var body: [UInt8] { content.bytesInMemory ?? [] }

    /// The token of the next page, nil on the last; a service may also send an empty one.
    package var nextPage: String? {
        guard let page = head.headers["opc-next-page"], !page.isEmpty else { return nil }
        return page
    }

    /// How long before this answer a moment was, both as the services' clocks have it; nil if the answer has no date.
    func age(of moment: Timestamp) -> Duration? {
        guard let seconds = head.headers["date"].flatMap(HTTPDate.secondsSinceEpoch) else { return nil }
        return Timestamp(millisecondsSinceEpoch: seconds * 1000).duration(since: moment)
    }

    /// The body as a JSON value.
    package func json() throws(OCIError) -> JSON {
        try reading { () throws(JSONError) in try JSON.read(body) }
    }

    /// What `read` makes of the body, a JSON object.
    package func decode<Value>(_ read: (JSONObject) throws(JSONError) -> Value) throws(OCIError) -> Value {
        try reading { () throws(JSONError) in try read(JSONObject(reading: body)) }
    }

    /// What `read` makes of each element of the body's `items`, or of the body itself if it is an array.
    package func decodeItems<Value>(
        _ read: (JSONObject) throws(JSONError) -> Value
    ) throws(OCIError) -> [Value] {
        var values: [Value] = []
        _ = try reading { () throws(JSONError) in
            try JSON.readItems(of: "items", in: body) { item throws(JSONError) in
                values.append(try read(item.object()))
            }
        }
        return values
    }

    /// Hands `take` each item of the list in the member `list`, or of the body itself if it is an array; an item for which
    /// `take` throws is passed over.
    ///
    /// Returns the other members of the body, and what was passed over. More than `countMax` items are no answer.
    func readItems(
        of list: String = "items",
        countMax: Int,
        _ take: (JSONItem) throws(JSONError) -> Void
    ) throws(OCIError) -> (others: JSONObject, passedOver: PassedOver) {
        var passedOver = PassedOver()
        var count = 0
        let others = try reading { () throws(JSONError) in
            try JSON.readItems(of: list, in: body) { item throws(JSONError) in
                count += 1
                guard count <= countMax else {
                    throw .wrongType(path: list, expected: "a page of at most \(countMax) items")
                }
                do throws(JSONError) { try take(item) } catch { passedOver.add(error) }
            }
        }
        return (others, passedOver)
    }

    func reading<Value>(_ read: () throws(JSONError) -> Value) throws(OCIError) -> Value {
        do throws(JSONError) { return try read() } catch { throw malformed("\(error)") }
    }

    /// The error for an answer whose body is not what was expected.
    package func malformed(_ reason: String) -> OCIError {
        let opcRequestID = head.headers["opc-request-id"]
        return .malformedAnswer(operation: operation, opcRequestID: opcRequestID, reason: reason)
    }
}

extension JSONObject {
    /// What OCIDs have at the most (API guide, "Resource Identifiers").
    private static var identifierBytesMax: Int { 255 }

    /// A member that names a resource, as it may stand in a path and in a log: letters, digits, `.`, `-` and `_`, and not dots
    /// alone.
    func identifier(_ name: String) throws(JSONError) -> String {
        let text = try string(name)
        let isSound = text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-._".utf8.contains($0) }
        guard isSound, (1...Self.identifierBytesMax).contains(text.utf8.count),
            text.utf8.contains(where: { $0 != UInt8(ascii: ".") })
        else { throw .wrongType(path: path.isEmpty ? name : "\(path).\(name)", expected: "an identifier") }
        return text
    }
}

/// Items of a list that could not be read.
struct PassedOver: Sendable, Equatable {
    /// How many.
    private(set) var count = 0
    /// What is the matter with the first.
    private(set) var first: JSONError?

    mutating func add(_ error: JSONError) {
        count += 1
        first = first ?? error
    }

    static func += (left: inout PassedOver, right: PassedOver) {
        left.count += right.count
        left.first = left.first ?? right.first
    }
}

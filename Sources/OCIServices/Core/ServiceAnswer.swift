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
        try reading { () throws(JSONError) in
            let top = try JSON.read(body)
            let isArray = if case .array = top { true } else { false }
            return try (isArray ? JSONObject.objects(of: top) : JSONObject(top).objects("items")).map(read)
        }
    }

    private func reading<Value>(_ read: () throws(JSONError) -> Value) throws(OCIError) -> Value {
        do throws(JSONError) { return try read() } catch { throw malformed("\(error)") }
    }

    /// The error for an answer whose body is not what was expected.
    package func malformed(_ reason: String) -> OCIError {
        let opcRequestID = head.headers["opc-request-id"]
        return .malformedAnswer(operation: operation, opcRequestID: opcRequestID, reason: reason)
    }
}

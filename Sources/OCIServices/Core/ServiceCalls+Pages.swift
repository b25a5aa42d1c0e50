// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import HTTPWire
package import JSON

extension ServiceCalls {
    /// A list of more pages than this is one that the service keeps beginning anew.
    private static let pageCountMax = 10_000

    /// Sends `request` again for every page, and returns what `read` makes of all items.
    package func sendForAllPages<Value>(
        _ request: ServiceRequest,
        deadline: Deadline,
        _ read: (JSONObject) throws(JSONError) -> Value
    ) async throws(OCIError) -> [Value] {
        var values: [Value] = []
        var request = request
        let query = request.query
        for _ in 0..<Self.pageCountMax {
            let (items, nextPage) = try await send(request, deadline: deadline) { answer throws(OCIError) in
                (try answer.decodeItems(read), answer.nextPage)
            }
            values += items
            guard let nextPage else { return values }
            request.query = query + [("page", nextPage)]
        }
        throw .malformedAnswer(
            operation: request.operation,
            opcRequestID: nil,
            reason: "the list has more than \(Self.pageCountMax) pages"
        )
    }

    /// Sends `request`, with nil for an answer that says that the thing is absent or may not be seen.
    package func sendIfPresent<Value>(
        _ request: ServiceRequest,
        deadline: Deadline,
        _ read: (ServiceAnswer) throws(OCIError) -> Value
    ) async throws(OCIError) -> Value? {
        do throws(OCIError) {
            return try await send(request, deadline: deadline, read)
        } catch .service(let failure)
            where failure.kind == .notFound || failure.kind == .notAuthorizedOrNotFound
        {
            return nil
        }
    }

    /// Sends a change and returns the OCID in its answer, empty where there is none.
    package func apply(_ request: ServiceRequest, deadline: Deadline) async throws(OCIError) -> String {
        try await send(request, deadline: deadline) { answer throws(OCIError) in
            guard !answer.body.isEmpty else { return "" }
            return try answer.decode { object throws(JSONError) in try object.stringIfPresent("id") ?? "" }
        }
    }
}

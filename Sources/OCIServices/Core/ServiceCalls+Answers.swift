// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import JSON

extension ServiceCalls {
    /// What could not be read is told once in this time.
    private static let passedOverPeriod: Duration = .seconds(60)

    /// `call`, with nil for a refusal that says that the thing is absent, or with `orForbidden` one that may say so.
    ///
    /// Container Instances and Identity never tell absent from forbidden. Object Storage does: a bucket that is absent or
    /// forbidden is a mistake in the configuration, and not an object that is gone.
    package func callIfPresent<Value>(
        _ request: ServiceRequest,
        orForbidden: Bool,
        deadline: Deadline,
        _ read: (ServiceAnswer) throws(OCIError) -> Value
    ) async throws(OCIError) -> Value? {
        do throws(OCIError) {
            return try await call(request, deadline: deadline, read)
        } catch  where error.kind == .notFound || orForbidden && error.kind == .notAuthorizedOrNotFound {
            return nil
        }
    }

    /// `call`, and what `read` makes of the answer's JSON object.
    func object<Value>(
        _ request: ServiceRequest,
        _ deadline: Deadline,
        _ read: (JSONObject) throws(JSONError) -> Value
    ) async throws(OCIError) -> Value {
        try await call(request, deadline: deadline) { answer throws(OCIError) in try answer.decode(read) }
    }

    /// `callIfPresent`, and what `read` makes of the answer's JSON object.
    func objectIfPresent<Value>(
        _ request: ServiceRequest,
        _ deadline: Deadline,
        _ read: (JSONObject) throws(JSONError) -> Value
    ) async throws(OCIError) -> Value? {
        try await callIfPresent(request, orForbidden: true, deadline: deadline) { answer throws(OCIError) in
            try answer.decode(read)
        }
    }

    /// `call`, and what `read` makes of each item of the list that the answer and its further pages hold.
    func items<Value>(
        _ request: ServiceRequest,
        _ deadline: Deadline,
        _ read: (JSONObject) throws(JSONError) -> Value
    ) async throws(OCIError) -> [Value] {
        var values: [Value] = []
        var request = request
        let query = request.query
        var trail = PageTrail(of: request.operation)
        while true {
            let (items, nextPage) = try await call(request, deadline: deadline) { answer throws(OCIError) in
                (try answer.decodeItems(read), answer.nextPage)
            }
            values += items
            guard let nextPage else { return values }
            try trail.follow(nextPage)
            request.query = query + [("page", nextPage)]
        }
    }

    /// Tells of items of a list that could not be read, if there are any and it was not told of late.
    func tell(_ passedOver: PassedOver, of operation: Operation) {
        guard let first = passedOver.first, passedOverDue[operation]?.isPast ?? true else { return }
        passedOverDue[operation] = .after(Self.passedOverPeriod)
        notify(.itemsPassedOver(operation, count: passedOver.count, first: first))
    }

    /// Makes a change and returns the OCID in its answer, empty where there is none.
    package func apply(_ request: ServiceRequest, deadline: Deadline) async throws(OCIError) -> String {
        try await call(request, deadline: deadline) { answer throws(OCIError) in
            guard !answer.body.isEmpty else { return "" }
            return try answer.decode { object throws(JSONError) in try object.stringIfPresent("id") ?? "" }
        }
    }
}

/// The pages of one listing so far, by their tokens.
struct PageTrail {
    /// A list of more pages than this is one that the service keeps beginning anew.
    private static let pageCountMax = 10_000

    private let operation: Operation
    private var tokens: Set<String> = []

    init(of operation: Operation) { self.operation = operation }

    /// Goes on to the page of this token; throws if the listing was there before, or would never end.
    mutating func follow(_ token: String) throws(OCIError) {
        guard tokens.insert(token).inserted else { throw endless("its page token came before") }
        guard tokens.count < Self.pageCountMax else {
            throw endless("the list has more than \(Self.pageCountMax) pages")
        }
    }

    private func endless(_ reason: String) -> OCIError {
        .malformedAnswer(operation: operation, opcRequestID: nil, reason: reason)
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop
package import HTTPClient
internal import HTTPWire
internal import JSON
internal import OCIProfile
internal import OCISigning
internal import Transport

/// Signs and sends one request and reads its answer; it never sends a second one.
@LoopActor
package final class SignedExchange {
    /// One attempt of a call: what is sent, as whom, and until when; `attemptCount` is for the error's text.
    struct Call: Sendable {
        let request: ServiceRequest
        let identity: SigningIdentity
        let requestID: String
        let attemptCount: Int
        let deadline: Deadline
    }

    /// The time of day as the services see it.
    private(set) var clock = ServiceClock()

    private let client: HTTPClient
    private let endpoints: Endpoints
    private let userAgent: String
    private let answerTimeout: Duration
    private let hostTime: @LoopActor @Sendable () -> Int

    /// Exchanges through `client` with the services at `endpoints`.
    ///
    /// `answerTimeout` bounds the time from the end of a request to the head of its answer, after which the answer
    /// is taken for lost; `hostTime` is in seconds since 1970.
    package init(
        client: HTTPClient,
        endpoints: Endpoints,
        userAgent: String,
        answerTimeout: Duration = .seconds(30),
        hostTime: @escaping @LoopActor @Sendable () -> Int = { Int(LoopClock.epochSeconds) }
    ) {
        self.client = client
        self.endpoints = endpoints
        self.userAgent = userAgent
        self.answerTimeout = answerTimeout
        self.hostTime = hostTime
    }

    /// The services' time, in seconds since 1970.
    var now: Int { hostTime() + clock.offsetSeconds }

    /// Weighs the time in an answer that refused a signature; whether another signature is worth a try.
    func refused(at serverTime: Int?) -> Bool { clock.refused(serverTime: serverTime, hostTime: hostTime()) }

    /// Allows that many connections to each host where fewer were allowed before.
    func raise(connectionsPerHostMax: Int) { client.raise(connectionsPerHostMax: connectionsPerHostMax) }

    func destination(of request: ServiceRequest) -> Endpoints.Location {
        endpoints.location(of: request.operation.service).appending(request.target)
    }

    /// Signs a request, sends it once and returns its answer if that is a 2xx.
    func signAndSend(_ call: Call) async throws(OCIError) -> ServiceAnswer {
        let request = call.request
        let destination = destination(of: request)
        let prepared = try prepare(call, destination)
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await client.request(prepared, to: destination.origin)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .transport(
                TransportFailure(
                    operation: request.operation,
                    origin: destination.origin,
                    error: error,
                    attemptCount: call.attemptCount
                )
            )
        }
        let serverTime = Self.serverTime(response)
        guard response.head.isSuccess else {
            var failure = ServiceFailure(
                operation: request.operation,
                scope: request.scope,
                head: response.head,
                body: response.bytes,
                now: now
            )
            failure.date = serverTime
            throw .service(failure)
        }
        clock.accepted(serverTime: serverTime, hostTime: hostTime())
        return ServiceAnswer(operation: request.operation, head: response.head, content: response.body)
    }

    /// The server's time now: its Date is as old as the body took to come.
    private static func serverTime(_ response: HTTPResponse) -> Int? {
        let age = Deadline.now.duration(since: response.headReceivedAt).components.seconds
        return response.head.headers["date"].flatMap(HTTPDate.secondsSinceEpoch).map { $0 + Int(age) }
    }

    /// The same as work of its own: the caller's cancellation does not reach it.
    func signAndSendShielded(_ call: Call) async throws(OCIError) -> ServiceAnswer {
        let work = spawnCatching { () async throws(OCIError) in try await self.signAndSend(call) }
        return try await work.value.get()
    }

    private func prepare(_ call: Call, _ destination: Endpoints.Location) throws(OCIError) -> HTTPRequest {
        let request = call.request
        guard !request.hasUnsafePath else {
            throw .unsendable(
                operation: request.operation,
                reason: "a name in its path is empty or nothing but dots"
            )
        }
        let content = Content(request.body)
        let sign = { @LoopActor @Sendable (time: Int) throws(OCISigningError) -> SigningString in
            try SigningString(
                method: request.method,
                target: destination.target,
                host: destination.origin.authority,
                date: HTTPDate.format(secondsSinceEpoch: time),
                coverage: content.coverage
            )
        }
        // Once now, so that what no signature can hold is told apart from a failure of the network.
        let (preparedAt, first): (Int, SigningString)
        do throws(OCISigningError) {
            preparedAt = now
            first = try sign(preparedAt)
        } catch {
            throw .unsendable(operation: request.operation, reason: "\(error)")
        }
        var prepared = HTTPRequest(
            method: request.method,
            target: destination.target,
            headers: fields(of: request, content, call.requestID),
            body: content.body,
            // Who shields a request must know of each time that it may have been carried out.
            isReplayable: !request.isShielded
        )
        prepared.lane = request.connectionLane
        prepared.deadline = call.deadline
        prepared.deadlines.head = answerTimeout
        prepared.bodyBytesMax = request.answerBytesMax
        prepared.bodyUse = request.spoolAbove.map { .spool(above: $0, for: request.holding) } ?? .collect
        // Signed at the last moment: a request may wait for its connection longer than its date would live.
        prepared.sign = { [self] fields in
            let time = now
            guard let text = time == preparedAt ? first : try? sign(time) else { return }
            for field in text.fields { fields.set(field.name, to: field.value) }
            let (keyID, key) = (call.identity.keyID.text, call.identity.key)
            fields.set(
                "authorization",
                to: AuthorizationHeader.value(for: text, keyID: keyID, sign: key.sign)
            )
        }
        return prepared
    }

    private func fields(of request: ServiceRequest, _ content: Content, _ requestID: String) -> HeaderFields {
        var fields: HeaderFields = ["accept": "application/json"]
        for field in request.headers.fields { fields.set(field.name, to: field.value) }
        fields.set("user-agent", to: userAgent)
        // Object Storage has a name of its own for the caller's id.
        let isObjectStorage = request.operation.service == .objectStorage
        fields.set(isObjectStorage ? "opc-client-request-id" : "opc-request-id", to: requestID)
        if let retryToken = request.retryToken { fields.set("opc-retry-token", to: retryToken) }
        if let contentType = content.contentType { fields.set("content-type", to: contentType) }
        return fields
    }
}

/// A body with what has to be said of it in fields and signature.
private struct Content {
    let body: Blob?
    let contentType: String?
    let coverage: SigningString.Coverage

    init(_ body: ServiceRequest.Body) {
        switch body {
        case .none: (self.body, contentType, coverage) = (nil, nil, .head)
        case .empty: (self.body, contentType, coverage) = (nil, nil, .headAndBody(.empty))
        case .json(let value):
            let bytes = value.encoded()
            (self.body, contentType, coverage) = (Blob(bytes), nil, .headAndBody(Self.described(bytes)))
        case .federation(let value):
            let bytes = value.encoded()
            (self.body, contentType, coverage) = (Blob(bytes), nil, .federation(Self.described(bytes)))
        case .object(let body): (self.body, contentType, coverage) = (body, "application/octet-stream", .head)
        }
    }

    private static func described(_ json: [UInt8]) -> SigningString.Body {
        SigningString.Body(
            byteCount: json.count,
            contentType: "application/json",
            sha256: Base64.encode(DigestAlgorithm.sha256.digest(json))
        )
    }
}

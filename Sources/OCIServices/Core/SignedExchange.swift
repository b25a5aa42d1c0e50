// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop
package import HTTPClient
internal import HTTPWire
internal import JSON
internal import OCIProfile
internal import OCISigning
internal import Transport

/// Sends one signed request and reads its answer; no second attempt, no judgement.
@LoopActor
package final class SignedExchange {
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

    /// Takes the server's time from a refusal; whether that changed the clock.
    func correctClock(_ serverTime: Int) -> Bool {
        clock.correct(serverTime: serverTime, hostTime: hostTime())
    }

    /// Where a request goes, as a URL.
    func url(of request: ServiceRequest) -> String {
        let location = endpoints.location(of: request.operation.service)
        return "\(location.origin)\(location.basePath)\(request.target)"
    }

    /// Sends `request` once and returns its answer if that is a 2xx; `attemptCount` is for the error's text.
    func send(
        _ request: ServiceRequest,
        identity: SigningIdentity,
        requestID: String,
        attemptCount: Int,
        deadline: Deadline
    ) async throws(OCIError) -> ServiceAnswer {
        let location = endpoints.location(of: request.operation.service)
        let prepared = try prepare(request, location, identity, requestID, deadline)
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await client.request(prepared, to: location.origin)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .transport(
                TransportFailure(
                    operation: request.operation,
                    origin: location.origin,
                    error: error,
                    attemptCount: attemptCount
                )
            )
        }
        guard response.head.isSuccess else {
            throw .service(
                ServiceFailure(
                    operation: request.operation,
                    scope: request.scope,
                    head: response.head,
                    body: response.bytes,
                    now: now
                )
            )
        }
        return ServiceAnswer(operation: request.operation, head: response.head, content: response.body)
    }

    private func prepare(
        _ request: ServiceRequest,
        _ location: Endpoints.Location,
        _ identity: SigningIdentity,
        _ requestID: String,
        _ deadline: Deadline
    ) throws(OCIError) -> HTTPRequest {
        let target = location.basePath + request.target
        let content = Content(request.body)
        let authority = location.origin.authority
        // Once now, so that what no signature can hold is told apart from a failure of the network.
        do throws(OCISigningError) {
            _ = try signingString(request.method, target, authority, content.coverage)
        } catch {
            throw .unsendable(operation: request.operation, reason: "\(error)")
        }
        var prepared = HTTPRequest(
            method: request.method,
            target: target,
            headers: fields(of: request, content, requestID),
            body: content.body,
            isReplayable: true
        )
        prepared.deadline = deadline
        prepared.deadlines.head = answerTimeout
        prepared.bodyBytesMax = request.answerBytesMax
        prepared.bodyUse = request.spoolAbove.map { .spool(above: $0) } ?? .collect
        // Signed at the last moment: a request may wait for its connection longer than its date would live.
        prepared.sign = { [self] fields in
            guard let text = try? signingString(request.method, target, authority, content.coverage) else {
                return
            }
            for field in text.fields { fields.set(field.name, to: field.value) }
            let authorization = AuthorizationHeader.value(for: text, keyID: identity.keyID.text) { bytes in
                identity.key.sign(bytes)
            }
            fields.set("authorization", to: authorization)
        }
        return prepared
    }

    private func signingString(
        _ method: String,
        _ target: String,
        _ authority: String,
        _ coverage: SigningString.Coverage
    ) throws(OCISigningError) -> SigningString {
        try SigningString(
            method: method,
            target: target,
            host: authority,
            date: HTTPDate.format(secondsSinceEpoch: now),
            coverage: coverage
        )
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
    let body: HTTPBody
    let contentType: String?
    let coverage: SigningString.Coverage

    init(_ body: ServiceRequest.Body) {
        switch body {
        case .none:
            (self.body, contentType, coverage) = (.none, nil, .head)
        case .empty:
            (self.body, contentType, coverage) = (.none, nil, .headAndBody(.empty))
        case .json(let value):
            let bytes = value.encoded()
            (self.body, contentType, coverage) = (.bytes(bytes), nil, .headAndBody(Self.described(bytes)))
        case .federation(let value):
            let bytes = value.encoded()
            (self.body, contentType, coverage) = (.bytes(bytes), nil, .federation(Self.described(bytes)))
        case .object(let bytes, let contentType):
            (self.body, self.contentType, coverage) = (.bytes(bytes), contentType, .head)
        case .spooledObject(let file, let contentType):
            (self.body, self.contentType, coverage) = (.spooled(file), contentType, .head)
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

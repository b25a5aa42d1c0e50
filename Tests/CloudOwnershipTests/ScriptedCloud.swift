// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import JSON
import OCIServices
import OCISigning
import TestSupport
import Testing
import Transport

@testable import CloudOwnership

/// A cloud that takes deletions, and refuses them as a test says.
@LoopActor
final class ScriptedCloud {
    /// How an instance's deletion is answered.
    enum Answer: String {
        case accepted
        case incorrectState
        case throttled
        case notFound
        case broken

        var text: String {
            switch self {
            case .accepted: Self.text(204, "")
            case .incorrectState: Self.text(409, #"{"code":"IncorrectState","message":"it is being made"}"#)
            case .throttled: Self.text(429, #"{"code":"TooManyRequests","message":"slowly"}"#)
            case .notFound: Self.text(404, #"{"code":"NotAuthorizedOrNotFound","message":"or not allowed"}"#)
            case .broken: Self.text(500, #"{"code":"InternalServerError","message":"oh"}"#)
            }
        }

        static func text(_ status: Int, _ body: String) -> String {
            "HTTP/1.1 \(status) X\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
        }
    }

    /// How the next deletions of an instance are answered, in order; accepted when there is no answer left.
    var answers: [String: [Answer]] = [:]
    /// Names that a batch cannot be read with, as long as they are here.
    var poison: Set<String> = []
    /// Names that are not deleted the next time, and said so.
    var kept: Set<String> = []
    /// Instances whose deletion was asked for, in order.
    private(set) var deletions: [String] = []
    /// Names of each batch that was asked for, sorted.
    private(set) var batches: [[String]] = []

    /// For all tests: making one takes so long that everyone else on the loop would be late.
    private static let key = try? RSAKey(generating: ())

    let log = RecordedLog()
    let instances: ContainerInstances
    let objects: ObjectStorage
    let deleter: Deleter
    private let listener: TCPListener
    private let work: Spawned<Void>
    private let change = Wakeup()

    init() throws {
        listener = try loopbackListener()
        let port = try #require(listener.address.port)
        var retryPolicy = RetryPolicy()
        // Calls repeat themselves a few times within the time that the deleter gives them.
        retryPolicy.backoff = Backoff(initial: .milliseconds(1), limit: .milliseconds(5))
        let calls = ServiceCalls(
            exchange: SignedExchange(
                client: HTTPClient(
                    connector: StreamConnector(try TLSContext(.systemRoots), proxies: .direct)
                ),
                endpoints: try #require(Endpoints(baseURL: "http://127.0.0.1:\(port)/")),
                userAgent: "test"
            ),
            credentials: FixedCredentials(
                SigningIdentity(keyID: try .token("abc"), key: try #require(Self.key)),
                tenancyID: nil
            ),
            requestsPerSecondMax: 1000,
            retryPolicy: retryPolicy
        ) { _ in }
        instances = ContainerInstances(calls: calls, compartmentID: "ocid1.compartment.oc1..a")
        objects = ObjectStorage(calls: calls, namespace: "ns", bucket: "b")
        let deleter = Deleter(instances: instances, objects: objects, log: log.logger)
        self.deleter = deleter
        work = spawn { await deleter.deleteBatches() }
        spawn { await self.accept() }
    }

    func stop() {
        work.cancel()
        listener.close()
    }

    /// The next outcome of a deletion, in words.
    func outcome() async throws -> String {
        switch try await deleter.outcomes.receive(until: .after(.seconds(50))) {
        case .accepted(let id): "accepted \(id)"
        case .notThere(let id): "not there \(id)"
        case .objectsDeleted(let names): "deleted \(names.sorted().joined(separator: " "))"
        case .objectsRefused(let names): "refused \(names.sorted().joined(separator: " "))"
        }
    }

    /// Suspends until what was asked for satisfies `condition`.
    func wait(_ condition: @LoopActor () -> Bool) async throws {
        while !condition() { try await change.wait(until: .after(.seconds(30))) }
    }

    private func accept() async {
        while let stream = try? await listener.accept() {
            spawn { try? await self.serve(stream) }
        }
    }

    private func serve(_ stream: TCPStream) async throws {
        defer { stream.close() }
        var buffer: [UInt8] = []
        while true {
            let end = Array("\r\n\r\n".utf8)
            while buffer.firstRange(of: end) == nil {
                let part = try await stream.read(upTo: 1 << 16, deadline: .after(.seconds(60)))
                if part.isEmpty { return }
                buffer += part
            }
            let headEnd = try #require(buffer.firstRange(of: end))
            let head = String(decoding: buffer[..<headEnd.lowerBound], as: UTF8.self)
            buffer.removeFirst(headEnd.upperBound)
            let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length: ") }
            let count = length.flatMap { Int($0.dropFirst(16)) } ?? 0
            while buffer.count < count {
                buffer += try await stream.read(upTo: 1 << 16, deadline: .after(.seconds(60)))
            }
            let text = try answer(to: head, Array(buffer[..<count]))
            buffer.removeFirst(count)
            try await stream.write(Array(text.utf8), deadline: .after(.seconds(60)))
            change.ring()
        }
    }

    private func answer(to head: String, _ body: [UInt8]) throws -> String {
        if head.hasPrefix("DELETE ") {
            let path = head.prefix { $0 != "\r" }.split(separator: " ")[1]
            let id = String(path.split(separator: "/").last ?? "")
            deletions.append(id)
            var left = answers[id] ?? []
            let answer = left.isEmpty ? .accepted : left.removeFirst()
            answers[id] = left
            return answer.text
        }
        let names = try JSONObject(reading: body).objects("objects").map { try $0.string("objectName") }
        batches.append(names.sorted())
        if !poison.isDisjoint(with: names) {
            return Answer.text(400, #"{"code":"InvalidParameter","message":"a name"}"#)
        }
        let failed = names.filter { kept.remove($0) != nil }.map {
            #"{"objectName":"\#($0)","statusCode":503,"errorMessage":"later"}"#
        }
        return Answer.text(200, #"{"failed":[\#(failed.joined(separator: ","))]}"#)
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import OCIProfile
import OCISigning
import TestSupport
import Testing
import Transport

@testable import OCIServices

/// A key for all tests that look at no signature: making one takes a while.
let testKey = try? RSAKey(generating: ())

extension RequestCounts {
    /// Requests of all operations.
    var total: Int { all.reduce(0) { $0 + $1.count } }
}

/// A service whose answers are written down beforehand, for what no sane service sends.
@LoopActor
final class ScriptedService {
    /// A request as it arrived.
    struct Request {
        let head: String
        let body: [UInt8]

        /// The value of a field, or nil.
        func field(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ": ") }
                .map { String($0.dropFirst(name.count + 2)) }
        }
    }

    let calls: ServiceCalls
    let instances: ContainerInstances
    let objects: ObjectStorage
    private let listener: TCPListener
    /// What is answered from now on, in order; the last again and again.
    var answers: [String]
    /// What was asked, in order.
    private(set) var requests: [Request] = []
    /// What was told on the way to the answers.
    var notices: [ServiceNotice] { told.notices }
    private let told: Told

    /// Answers the first request with the first text, and so on; the last text is used again and again.
    init(_ answers: [String]) throws {
        self.answers = answers
        let told = Told()
        self.told = told
        listener = try loopbackListener()
        let port = try #require(listener.address.port)
        let client = HTTPClient(
            connector: StreamConnector(try TLSContext(.systemRoots), proxies: .direct)
        )
        var retryPolicy = RetryPolicy()
        retryPolicy.backoff = Backoff(initial: .milliseconds(1), limit: .milliseconds(5))
        calls = ServiceCalls(
            exchange: SignedExchange(
                client: client,
                endpoints: try #require(Endpoints(baseURL: "http://127.0.0.1:\(port)/base/")),
                userAgent: "scripted"
            ),
            credentials: APIKeyCredentials(
                SigningIdentity(keyID: try .token("abc"), key: try #require(testKey)),
                tenancyID: nil
            ),
            requestsPerSecondMax: 1000,
            retryPolicy: retryPolicy,
            random: SeededRandom(seed: 3)
        ) { told.notices.append($0) }
        instances = ContainerInstances(calls: calls, compartmentID: "ocid1.compartment.oc1..a")
        objects = ObjectStorage(calls: calls, namespace: "ns", bucket: "b")
        spawn { await self.accept() }
    }

    func stop() {
        listener.close()
    }

    private func accept() async {
        while let stream = try? await listener.accept() {
            spawn { try? await self.serve(stream) }
        }
    }

    private func serve(_ stream: TCPStream) async throws {
        defer { stream.close() }
        var buffer: [UInt8] = []
        let end = Array("\r\n\r\n".utf8)
        while true {
            while buffer.firstRange(of: end) == nil {
                let part = try await stream.read(upTo: 1 << 16, deadline: soon)
                if part.isEmpty { return }
                buffer += part
            }
            let headEnd = try #require(buffer.firstRange(of: end))
            let head = String(decoding: buffer[..<headEnd.lowerBound], as: UTF8.self)
            let length = Request(head: head, body: []).field("content-length").flatMap { Int($0) } ?? 0
            while buffer.count < headEnd.upperBound + length {
                buffer += try await stream.read(upTo: 1 << 16, deadline: soon)
            }
            requests.append(
                Request(head: head, body: Array(buffer[headEnd.upperBound..<headEnd.upperBound + length]))
            )
            buffer.removeFirst(headEnd.upperBound + length)
            let answer = answers.count > 1 ? answers.removeFirst() : answers[0]
            try await stream.write(Array(answer.utf8), deadline: soon)
            // An answer without a length ends with the connection.
            if !answer.contains("content-length") { return }
        }
    }
}

@LoopActor
private final class Told {
    var notices: [ServiceNotice] = []
}

extension ServiceNotice {
    /// The case alone; retries, which every failure tells, are left out.
    var name: String? {
        switch self {
        case .retrying: nil
        case .rateLowered: "rateLowered"
        case .clockCorrected: "clockCorrected"
        case .credentialsRenewed: "credentialsRenewed"
        case .itemsPassedOver: "itemsPassedOver"
        case .accessLost: "accessLost"
        case .accessRegained: "accessRegained"
        }
    }
}

/// An answer with a body.
func answer(_ status: Int, _ body: String, _ fields: [String] = []) -> String {
    let lines = ["HTTP/1.1 \(status) X", "content-length: \(body.utf8.count)"] + fields
    return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
}

extension ContainerInstances {
    /// All instances that are not deleted.
    @discardableResult
    func list(deadline: Deadline) async throws(OCIError) -> [ContainerInstance] {
        try await all(deadline: deadline) { $0 }
    }
}

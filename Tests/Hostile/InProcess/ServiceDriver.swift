// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import OCIServices
import OCISigning
import TestSupport
import Transport

/// Makes a call of a service whose answer has the script as its body, and says what was read of it.
@LoopActor
enum ServiceDriver {
    private static let key = try? RSAKey(generating: ())
    private static let tls = try? TLSContext(.systemRoots)

    static func outcome(of given: HostileCase, patience: Duration) async throws -> String {
        let peer = try HostilePeer(answer(given.script), isHTTP: true)
        defer { peer.close() }
        let calls = try calls(to: peer.port)
        do throws(OCIError) {
            return "accepted \(try await call(given.section, calls, .after(patience)))"
        } catch {
            return told(error)
        }
    }

    /// The answer whose body a script is; one that floods ends with its connection.
    static func answer(_ body: Script) throws -> Script {
        let isFlood = body.steps.contains { step in
            if case .flood = step { return true }
            return false
        }
        let length = isFlood ? "" : "content-length: \(body.bytes.count)\\r\\n"
        var answer = try Script("HTTP/1.1 200 OK\\r\\nconnection: close\\r\\n\(length)\\r\\n")
        answer.append(body.steps + (isFlood ? [.close] : []))
        return answer
    }

    static func told(_ error: OCIError) -> String {
        switch error {
        case .malformedAnswer: "refused malformedAnswer"
        case .unsendable: "refused unsendable"
        case .transport(let failure):
            if case .wire(let wire, _) = failure.error {
                "refused \(Driver.bare("\(wire)"))"
            } else {
                "ended \(failure)"
            }
        default: "refused \(error)"
        }
    }

    static func calls(to port: UInt16) throws -> ServiceCalls {
        guard let tls, let key, let endpoints = Endpoints(baseURL: "http://127.0.0.1:\(port)/") else {
            throw Script.Malformed(text: "no key")
        }
        var retryPolicy = RetryPolicy()
        retryPolicy.backoff = Backoff(initial: .milliseconds(1), limit: .milliseconds(1))
        retryPolicy.attemptsMax = 2
        return ServiceCalls(
            exchange: SignedExchange(
                client: HTTPClient(connector: StreamConnector(tls, proxies: .direct)),
                endpoints: endpoints,
                userAgent: "hostile"
            ),
            credentials: APIKeyCredentials(
                SigningIdentity(keyID: try .token("abc"), key: key),
                tenancyID: nil
            ),
            requestsPerSecondMax: 10_000,
            retryPolicy: retryPolicy,
            random: SeededRandom(seed: 1)
        ) { _ in }
    }

    /// What the answer of each call meant, in few words.
    private static func call(
        _ name: String,
        _ calls: ServiceCalls,
        _ end: Deadline
    ) async throws(OCIError) -> String {
        let instances = ContainerInstances(calls: calls, compartmentID: "ocid1.compartment.oc1..a")
        let objects = ObjectStorage(calls: calls, namespace: "ns", bucket: "b")
        switch name {
        case "list instances": return "\(try await instances.all(deadline: end) { $0.id })"
        case "get instance":
            return try await instances.get("i", deadline: end).map { "\($0.id) \($0.lifecycleState.name)" }
                ?? "none"
        case "get container":
            return try await instances.container("c", deadline: end).map { "\($0.id) \($0.exitCode ?? -1)" }
                ?? "none"
        case "list objects": return "\(try await objects.all(prefix: "p/", deadline: end).map(\.name))"
        case "delete objects":
            return "\(try await objects.deleteBatch(["p/a", "p/b"], deadline: end).map(\.name))"
        case "list work request errors":
            return "\(try await instances.workRequestErrors("w", deadline: end).map(\.code))"
        case "list shapes":
            return "\(try await instances.shapes(availabilityDomain: nil, deadline: end).map(\.name))"
        case "get namespace":
            return try await ObjectStorage.namespaceAndTime(calls: calls, deadline: end).namespace
        default: preconditionFailure("no call \(name)")
        }
    }
}

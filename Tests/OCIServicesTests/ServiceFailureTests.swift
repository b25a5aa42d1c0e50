// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPWire
@testable import OCIServices

@Suite struct ServiceFailureTests {
    private func failure(_ body: String, _ headers: HeaderFields = [:], status: Int = 404) -> ServiceFailure {
        ServiceFailure(
            operation: .createContainerInstance,
            scope: "compartment id ocid1.compartment.oc1..a",
            head: ResponseHead(status: status, headers: headers),
            body: Array(body.utf8),
            now: 1_000_000
        )
    }

    @Test func `the usual body gives code, message, request id, date and patience`() {
        let failure = failure(
            #"{"code":"TooManyRequests","message":"User-rate limit exceeded.","extra":[1]}"#,
            [
                "opc-request-id": "A/B/C", "retry-after": "7",
                "date": "Mon, 12 Jan 1970 13:46:40 GMT",
            ],
            status: 429
        )
        #expect(failure.kind == .throttled)
        #expect(failure.code == "TooManyRequests")
        #expect(failure.message == "User-rate limit exceeded.")
        #expect(failure.opcRequestID == "A/B/C")
        #expect(failure.retryAfter == .seconds(7))
        #expect(failure.date == 1_000_000)
    }

    @Test(arguments: [
        "", "<html>bad gateway</html>", "[]", "{\"code\":7,\"message\":{}}", "\u{FEFF}{}", "null",
        String(repeating: "[", count: 100_000),
    ])
    func `any other body is a message without a code`(body: String) {
        let failure = failure(body, status: 502)
        #expect(failure.code == nil)
        #expect(failure.kind == .serverBusy)
        #expect(failure.message.count <= 203)
    }

    @Test func `text from outside stays in one line and of bounded length`() {
        let failure = failure(
            #"{"code":"X\ninjected: yes","message":"a\r\nb\u0000\u2028"# + String(repeating: "x", count: 5000)
                + #""}"#,
            status: 400
        )
        #expect(!failure.description.contains { $0.isNewline || $0 == "\0" })
        #expect(failure.description.count < 1500)
    }

    @Test func `a create that found nothing names the policies that may be missing`() {
        let failure = failure(
            #"{"code":"NotAuthorizedOrNotFound","message":"Authorization failed or requested resource not found."}"#,
            ["opc-request-id": "A/B/C"]
        )
        let expected =
            "CreateContainerInstance failed: 404 NotAuthorizedOrNotFound: Authorization failed or requested resource "
            + "not found. (opc-request-id A/B/C); either what was named does not exist or a policy is missing: "
            + "'Allow group <group> to manage compute-container-family in compartment id ocid1.compartment.oc1..a', "
            + "'Allow group <group> to use virtual-network-family in compartment id ocid1.compartment.oc1..a'"
        #expect(failure.description == expected)
    }

    @Test(arguments: Operation.allCases)
    func `every operation that a policy can forbid says which`(operation: Operation) {
        let failure = ServiceFailure(
            operation: operation,
            status: 404,
            code: "NotAuthorizedOrNotFound",
            message: "no"
        )
        let needsNone: [Operation] = [
            .getNamespace, .federateInstance, .refreshSessionToken, .issueRegistryToken,
        ]
        #expect(failure.description.contains("Allow group") != needsNone.contains(operation))
    }

    @Test(arguments: FailureKind.allCases)
    func `a failure whose message does not say it all carries advice`(kind: FailureKind) throws {
        let selfExplaining: [FailureKind] = [
            .serverBusy, .notFound, .incorrectState, .conflict, .preconditionFailed,
        ]
        let (status, code, message, _) = try #require(FailureKindTests.answers.first { $0.3 == kind })
        let failure = ServiceFailure(operation: .putObject, status: status, code: code, message: message)
        #expect((failure.advice == nil) == selfExplaining.contains(kind))
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import OCIProfile
import OCISigning
import TestSupport
import Testing
import Transport

@testable import OCIServices

@Suite(needsLocalOCI) struct AuthenticationTests {
    @Test(arguments: [-4000, 4000])
    func `a clock that is far off is corrected once, reported once, and calls succeed`(
        error: Int
    ) async throws {
        try await onLoop {
            let services = try await Services.start(clockError: error)
            for _ in 0..<3 { _ = try await services.instances.list(deadline: soon) }
            let offset = services.calls.clockOffsetSeconds
            #expect(abs(offset + error) <= 2)
            let notices = services.takeNotices()
            #expect(notices.count == 1)
            guard case .clockCorrected(let seconds)? = notices.first else {
                Issue.record("\(notices)")
                return
            }
            #expect(seconds == offset)
            #expect(services.calls.counts[.listContainerInstances] == 4)
            try await services.stop()
        }
    }

    @Test func `calls that were refused together correct the clock together`() async throws {
        try await onLoop {
            let services = try await Services.start(clockError: 86_400)
            let calls = (0..<20).map { index in
                spawn { try? await services.objects.put("clock/\(index)", Blob([1]), deadline: soon) }
            }
            for call in calls { #expect(await call.value != nil) }
            #expect(services.takeNotices().count == 1)
            try await services.stop()
        }
    }

    @Test func `everything is made from options, a configuration file and the environment`() async throws {
        try await onLoop {
            let oci = try await LocalOCI.shared()
            let context = try TLSContext(.certificates(path: oci["OCI_CA_BUNDLE"]))
            var options = CloudAccessOptions(userAgent: "scaler-oci-hpc/test")
            options.endpoint = oci["OCI_ENDPOINT"]
            let access = try await CloudAccess.open(
                options,
                client: HTTPClient(connector: StreamConnector(context, proxies: .direct)),
                environment: ["OCI_CONFIG_FILE": oci["OCI_CONFIG_FILE"]],
                home: "/nonexistent"
            ) { _ in }
            #expect(access.region.identifier == "us-ashburn-1")
            #expect(access.warnings == [])
            let name = try await ObjectStorage.namespaceAndTime(calls: access.calls, deadline: soon).namespace
            #expect(name == oci["OCI_OBJECT_STORAGE_NAMESPACE"])
        }
    }

    @Test func `an unknown key is refused with advice, and not tried again`() async throws {
        try await onLoop {
            let oci = try await LocalOCI.shared()
            let context = try TLSContext(.certificates(path: oci["OCI_CA_BUNDLE"]))
            let client = HTTPClient(connector: StreamConnector(context, proxies: .direct))
            let identity = SigningIdentity(
                keyID: try .apiKey(tenancyID: "t", userID: "u", fingerprint: "f"),
                key: try #require(testKey)
            )
            let calls = ServiceCalls(
                exchange: SignedExchange(
                    client: client,
                    endpoints: try #require(Endpoints(baseURL: oci["OCI_ENDPOINT"])),
                    userAgent: "test"
                ),
                credentials: APIKeyCredentials(identity, tenancyID: nil),
                requestsPerSecondMax: 10
            ) { _ in }
            let error = try #require(
                await failure(of: { try await ObjectStorage.namespaceAndTime(calls: calls, deadline: soon) })
            )
            #expect(error.kind == .notAuthenticated)
            #expect("\(error)".contains("fingerprint"))
            #expect(calls.counts.total == 1)
        }
    }
}

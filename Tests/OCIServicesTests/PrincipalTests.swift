// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIProfile
import TestSupport
import Testing
import Transport

@testable import OCIServices

/// Every kind of identity against the local OCI, which checks certificates, fingerprints, tokens and signatures.
@Suite(needsLocalOCI) struct PrincipalTests {
    @Test func `a session's token signs, and is renewed and written back before it runs out`() async throws {
        try await onLoop {
            // Renewed a quarter of its life before the end, so after 285 s; the local OCI bears 300 s of skew.
            let services = try await Services.start(
                ["--fast", "--token-seconds", "380"],
                principal: .securityToken,
                profile: "SESSION"
            )
            let path = services.oci["OCI_CONFIG_FILE"].replacing("/config", with: "/session_token")
            let first = try readFile(path, byteCountMax: 1 << 16)
            _ = try await services.instances.list(deadline: soon)
            #expect(try readFile(path, byteCountMax: 1 << 16) == first)
            services.advanceClock(bySeconds: 290)
            // A token says when it was issued, in whole seconds: within one, two tokens are the same.
            let second = LoopClock.epochSeconds
            while LoopClock.epochSeconds == second { try await sleep(for: .milliseconds(20)) }
            _ = try await services.instances.list(deadline: soon)
            #expect(try readFile(path, byteCountMax: 1 << 16) != first)
            #expect(isFileOpenToOthers(path) == false)
            #expect(try await services.reportedCount(of: "RefreshSession") == 1)
            #expect(services.calls.counts.retryCount == 0)
            try await services.stop()
        }
    }

    @Test func `a token that cannot be renewed is used as long as it lives`() async throws {
        try await onLoop {
            let services = try await Services.start(
                [
                    "--fast", "--token-seconds", "380", "--fault", "RefreshSession 503", "--fault",
                    "ListContainerInstances skew seconds=290",
                ],
                principal: .securityToken,
                profile: "SESSION"
            )
            for _ in 0..<3 { _ = try await services.instances.list(deadline: soon) }
            // The first call begins with what is there, and learns the time; the second tries three times and is not
            // followed by others.
            #expect(try await services.reportedCount(of: "RefreshSession") == 3)
            try await services.stop()
        }
    }

    @Test func `a session that has ended says what to do`() async throws {
        try await onLoop {
            let services = try await Services.start(
                ["--fast", "--token-seconds", "0"],
                principal: .securityToken,
                profile: "SESSION"
            )
            let error = try #require(await failure(of: { try await services.instances.list(deadline: soon) }))
            guard case .authentication(.refused(let text)) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(text.contains("oci session authenticate"))
            try await services.stop()
        }
    }

    @Test func `an instance trades its certificate for a token, once for all who ask`() async throws {
        try await onLoop {
            let services = try await Services.start(["--fast"], principal: .instancePrincipal)
            let calls = (0..<10).map { index in
                spawn { try? await services.objects.put("instance/\(index)", Blob([1]), deadline: soon) }
            }
            for call in calls { #expect(await call.value != nil) }
            let page = try await services.objects.list(prefix: "instance/", deadline: soon)
            #expect(page.objects.count == 10)
            #expect(services.credentials.tenancyID?.hasPrefix("ocid1.tenancy.") == true)
            #expect(try await tokenRequestCount(services) == 1)
            try await services.stop()
        }
    }

    @Test func `a token that is refused is replaced once, then the refusal is final`() async throws {
        try await onLoop {
            let once = try await Services.start(
                ["--fast", "--fault", "ListObjects unauthenticated first=1"],
                principal: .instancePrincipal
            )
            _ = try await once.objects.list(prefix: "", deadline: soon)
            #expect(try await tokenRequestCount(once) == 2)
            #expect(once.takeNotices().map { "\($0)" } == ["credentials renewed"])
            try await once.stop()
            let always = try await Services.start(
                ["--fast", "--fault", "ListObjects unauthenticated"],
                principal: .instancePrincipal
            )
            let error = await failure(of: { try await always.objects.list(prefix: "", deadline: soon) })
            #expect(error?.kind == .notAuthenticated)
            #expect(always.calls.counts[.listObjects] == 2)
            try await always.stop()
        }
    }

    @Test func `an instance whose tokens arrive expired makes three keys, and no more for each call`()
        async throws
    {
        try await onLoop {
            let services = try await Services.start(
                ["--fast", "--token-seconds", "0"],
                principal: .instancePrincipal
            )
            for _ in 0..<10 {
                let error = await failure(of: {
                    try await services.objects.list(prefix: "", deadline: soon)
                })
                #expect(error?.kind == .notAuthenticated)
            }
            #expect(try await tokenRequestCount(services) == 3)
            try await services.stop()
        }
    }

    @Test func `the token service and the metadata service may be busy for a while`() async throws {
        try await onLoop {
            let services = try await Services.start(
                [
                    "--fast", "--fault", "ExchangeX509 503 first=1", "--fault",
                    "GetInstanceMetadata 429 first=1",
                ],
                principal: .instancePrincipal
            )
            _ = try await services.objects.list(prefix: "", deadline: soon)
            try await services.stop()
        }
    }

    @Test func `without a metadata service the error says where this works`() async throws {
        try await onLoop {
            let services = try await Services.start(
                ["--fast", "--fault", "GetInstanceMetadata 503"],
                principal: .instancePrincipal
            )
            let error = await failure(of: {
                try await services.objects.list(prefix: "", deadline: .after(.milliseconds(300)))
            })
            guard case .authentication(let problem)? = error, case .unreachable = problem else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(problem.isRetryable)
            try await services.stop()
        }
    }

    @Test func `a resource principal signs with what the environment holds, as values or in files`()
        async throws
    {
        try await onLoop {
            let services = try await Services.start(
                ["--fast", "--fault", "ListObjects unauthenticated calls=2"],
                principal: .securityToken,
                profile: "SESSION"
            )
            let directory = services.oci["OCI_CONFIG_FILE"].dropLast("/config".count)
            let token = try readFile("\(directory)/session_token", byteCountMax: 1 << 16)
            let key = try readFile("\(directory)/session_key.pem", byteCountMax: 1 << 16)
            let tokenFile = TemporaryFile(token + Array("\n".utf8))
            let values = try await services.resourcePrincipal(
                token: String(decoding: token, as: UTF8.self),
                key: String(decoding: key, as: UTF8.self)
            )
            _ = try await values.list(prefix: "", deadline: soon)
            // A value cannot be renewed, so the refusal is final.
            let error = await failure(of: { try await values.list(prefix: "", deadline: soon) })
            #expect(error?.kind == .notAuthenticated)
            let files = try await services.resourcePrincipal(
                token: tokenFile.path,
                key: "\(directory)/session_key.pem"
            )
            _ = try await files.list(prefix: "", deadline: soon)
            try await services.stop()
        }
    }

    @Test func `the region of an instance is found by asking`() async throws {
        try await onLoop {
            let services = try await Services.start(principal: .instancePrincipal)
            var options = CloudAccessOptions(userAgent: "test")
            options.principal = .instancePrincipal
            let access = try await CloudAccess.open(
                options,
                client: services.client,
                environment: services.oci.environment,
                home: "/nonexistent"
            ) { _ in }
            #expect(access.region.identifier == "us-ashburn-1")
            try await services.stop()
        }
    }

    @Test func `short names of availability domains are resolved with one call`() async throws {
        try await onLoop {
            let services = try await Services.start()
            let domains = AvailabilityDomains(
                calls: services.calls,
                compartmentID: services.oci["OCI_COMPARTMENT_ID"]
            )
            #expect(try await domains.resolve("any:thing", deadline: soon) == "any:thing")
            #expect(services.calls.counts.total == 0)
            #expect(try await domains.resolve("ad-2", deadline: soon) == "Uocm:US-ASHBURN-AD-2")
            #expect(try await domains.resolve("US-ASHBURN-AD-3", deadline: soon) == "Uocm:US-ASHBURN-AD-3")
            let error = await failure(of: { try await domains.resolve("AD-4", deadline: soon) })
            #expect("\(try #require(error))".contains("Uocm:US-ASHBURN-AD-1"))
            #expect(services.calls.counts.total == 1)
            try await services.stop()
        }
    }
}

extension Services {
    /// The objects of the local OCI as a resource principal with this token and key sees them.
    fileprivate func resourcePrincipal(token: String, key: String) async throws -> ObjectStorage {
        var options = CloudAccessOptions(userAgent: "test")
        options.principal = .resourcePrincipal
        options.endpoint = oci["OCI_ENDPOINT"]
        let access = try await CloudAccess.open(
            options,
            client: client,
            environment: [
                "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2", "OCI_RESOURCE_PRINCIPAL_REGION": "iad",
                "OCI_RESOURCE_PRINCIPAL_RPST": token, "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": key,
            ],
            home: "/nonexistent"
        ) { _ in }
        return ObjectStorage(
            calls: access.calls,
            namespace: oci["OCI_OBJECT_STORAGE_NAMESPACE"],
            bucket: oci["OCI_OBJECT_STORAGE_BUCKET"]
        )
    }
}

/// How many tokens the local OCI was asked for.
@LoopActor
private func tokenRequestCount(_ services: Services) async throws -> Int {
    try await services.reportedCount(of: "ExchangeX509")
}

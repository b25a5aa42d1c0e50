// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIServices
import TestSupport
import Testing

@testable import CloudOwnership
@testable import Configuration

@Suite(.timeLimit(.minutes(1))) struct OCIAccessTests {
    private static func settings(_ change: (inout Settings) -> Void) -> Settings {
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        change(&settings)
        return settings
    }

    @Test(
        arguments: [
            (AuthType.configFile, Principal.configFile, "us-ashburn-1"),
            (.securityToken, .securityToken, "us-ashburn-1"),
            (.instancePrincipal, .instancePrincipal, nil), (.resourcePrincipal, .resourcePrincipal, nil),
        ] as [(AuthType, Principal, String?)]
    )
    func `the default region is for profiles; instances and resources know theirs`(
        _ authType: AuthType,
        _ principal: Principal,
        _ region: String?
    ) async throws {
        try await onLoop {
            let options = OCIAccess.options(Self.settings { $0.authType = authType })
            #expect(options.principal == principal)
            #expect(options.region == region)
            let asked = Self.settings {
                $0.authType = authType
                $0.region = "eu-frankfurt-1"
                $0.origins["oci-region"] = .flag("--oci-region")
            }
            #expect(OCIAccess.options(asked).region == "eu-frankfurt-1")
        }
    }

    @Test func `the profile DEFAULT gives way to the variable of the CLI, and another does not`() async throws
    {
        try await onLoop {
            #expect(OCIAccess.options(Self.settings { _ in }).profileName == nil)
            #expect(OCIAccess.options(Self.settings { $0.profile = "WORK" }).profileName == "WORK")
        }
    }

    @Test func `endpoint and rate are the settings'`() async throws {
        try await onLoop {
            let options = OCIAccess.options(
                Self.settings {
                    $0.ociEndpoint = "http://127.0.0.1:1"
                    $0.maxRequestsPerSecond = 7
                }
            )
            #expect(options.endpoint == "http://127.0.0.1:1")
            #expect(options.requestsPerSecondMax == 7)
            #expect(options.userAgent == "scaler-oci-hpc")
        }
    }

    @Test func `a CA bundle that cannot be used is named with its flag`() async throws {
        try await onLoop {
            let file = TemporaryFile(Array("no certificate".utf8))
            for path in ["/nonexistent/ca.pem", file.path] {
                let settings = Self.settings { $0.caBundle = path }
                let error = await #expect(throws: OCIError.self) {
                    try await OCIAccess.open(for: settings) { _ in }
                }
                guard case .authentication(.configuration(let text)) = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(text.hasPrefix("--ca-bundle \(path): "))
            }
        }
    }
}

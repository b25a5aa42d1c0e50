// SPDX-License-Identifier: Apache-2.0
import OCIProfile
import Testing

@Suite struct ResourcePrincipalTests {
    private static let values = [
        "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2", "OCI_RESOURCE_PRINCIPAL_RPST": "a.b.c",
        "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": "pem", "OCI_RESOURCE_PRINCIPAL_REGION": "iad",
        "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE": "/slash",
    ]

    @Test func `values are values, a passphrase with a slash too`() throws {
        let principal = try ResourcePrincipal(environment: Self.values)
        #expect(principal.token == .value("a.b.c"))
        #expect(principal.privateKey == .value("pem"))
        #expect(principal.passphrase == .value("/slash"))
        #expect(principal.region == "iad")
    }

    @Test func `absolute paths are files`() throws {
        var environment = Self.values
        environment["OCI_RESOURCE_PRINCIPAL_RPST"] = "/run/rpst"
        environment["OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM"] = "/run/private.pem"
        let principal = try ResourcePrincipal(environment: environment)
        #expect(principal.token == .file("/run/rpst"))
        #expect(principal.privateKey == .file("/run/private.pem"))
        #expect(principal.passphrase == .file("/slash"))
    }

    @Test(
        arguments: ["VERSION", "RPST", "PRIVATE_PEM", "REGION"].map { "OCI_RESOURCE_PRINCIPAL_\($0)" }
    )
    func `each variable that is missing is named`(variable: String) {
        for value in [nil, ""] {
            var environment = Self.values
            environment[variable] = value
            #expect(throws: OCIProfileError.resourcePrincipal(variable: variable, .missing)) {
                try ResourcePrincipal(environment: environment)
            }
        }
    }

    @Test func `another version is refused, and no passphrase is none`() throws {
        var environment = Self.values
        environment["OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE"] = nil
        #expect(try ResourcePrincipal(environment: environment).passphrase == nil)
        environment["OCI_RESOURCE_PRINCIPAL_VERSION"] = "1.1"
        #expect(
            throws: OCIProfileError.resourcePrincipal(variable: "OCI_RESOURCE_PRINCIPAL_VERSION", .malformed)
        ) {
            try ResourcePrincipal(environment: environment)
        }
    }
}

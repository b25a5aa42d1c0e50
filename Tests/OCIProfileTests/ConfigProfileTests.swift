// SPDX-License-Identifier: Apache-2.0
import OCIProfile
import Testing

private let tenancy = "ocid1.tenancy.oc1..aaaatenancy"
private let user = "ocid1.user.oc1..aaaauser"
private let fingerprint = "41:c1:64:dc:b6:b7:99:0e:80:9f:89:9e:b2:91:7f:c7"

private let complete = """
    [DEFAULT]
    user=\(user)
    tenancy=\(tenancy)
    fingerprint=\(fingerprint)
    key_file=~/.oci/key.pem
    region=us-ashburn-1
    """

private func profile(
    _ text: String?,
    _ name: String = "DEFAULT",
    choice: ConfigProfile.Choice = .configFile,
    environment: [String: String] = [:]
) throws -> ConfigProfile {
    try ConfigProfile(
        name,
        in: try text.map { try OCIConfigFile($0) },
        choice: choice,
        environment: environment,
        home: "/home/u"
    )
}

@Suite struct ConfigProfileTests {
    @Test func `an API key profile is complete with five keys`() throws {
        let profile = try profile(complete)
        #expect(profile.tenancyID == tenancy)
        #expect(profile.authentication == .apiKey(userID: user, fingerprint: fingerprint))
        #expect(profile.privateKey == .file("/home/u/.oci/key.pem"))
        #expect(profile.passphrase == nil)
        #expect(profile.region == "us-ashburn-1")
    }

    @Test func `a profile inherits what DEFAULT says and overrides it`() throws {
        let profile = try profile(complete + "\npass_phrase=p\n[EU]\nregion=eu-frankfurt-1\n", "EU")
        #expect(profile.region == "eu-frankfurt-1")
        #expect(profile.passphrase == "p")
        #expect(profile.authentication == .apiKey(userID: user, fingerprint: fingerprint))
    }

    @Test func `a session profile has a token and no user`() throws {
        let session = """
            [SESSION]
            fingerprint=\(fingerprint)
            key_file=~/.oci/sessions/SESSION/oci_api_key.pem
            tenancy=\(tenancy)
            region=us-phoenix-1
            security_token_file=~/.oci/sessions/SESSION/token
            """
        let expected = ConfigProfile.Authentication.sessionToken(file: "/home/u/.oci/sessions/SESSION/token")
        #expect(try profile(session, "SESSION").authentication == expected)
        #expect(try profile(session, "SESSION", choice: .securityToken).authentication == expected)
        let both = session + "\nuser=\(user)\n"
        #expect(
            try profile(both, "SESSION").authentication == .apiKey(userID: user, fingerprint: fingerprint)
        )
        #expect(try profile(both, "SESSION", choice: .securityToken).authentication == expected)
    }

    @Test func `all that is wrong is said at once, with lines`() throws {
        let text = """
            [DEFAULT]
            user=nobody
            fingerprint=\(fingerprint.uppercased())
            key_file=
            """
        let error = try #require(throws: OCIProfileError.self) { try profile(text) }
        guard case .invalid("DEFAULT", let problems) = error else {
            Issue.record("\(error)")
            return
        }
        let found = problems.map { "\($0.key) \($0.fault) \($0.line ?? 0)" }
        #expect(
            found == [
                "tenancy missing 0", "user malformed 2", "fingerprint malformed 3", "key_file missing 4",
                "region missing 0",
            ]
        )
        #expect(
            error.description.hasPrefix("profile [DEFAULT]: tenancy is missing; user is malformed (line 2): ")
        )
        #expect(!error.description.contains("\n"))
    }

    @Test func `a region given elsewhere does for a profile without one, and for no other`() throws {
        let texts = [complete, complete.replacing("region=us-ashburn-1", with: "")]
        let regions = try texts.map { text in
            let file = try OCIConfigFile(text)
            return try ConfigProfile("DEFAULT", in: file, environment: [:], home: "/", region: "fra").region
        }
        #expect(regions == ["us-ashburn-1", "fra"])
    }

    @Test func `a token that was asked for must be there`() throws {
        let error = try #require(throws: OCIProfileError.self) {
            try profile(complete, choice: .securityToken)
        }
        #expect(error.description == "profile [DEFAULT]: security_token_file is missing")
    }

    @Test func `the private key itself must not stand in the file`() {
        #expect(throws: OCIProfileError.keyContentInFile(line: 7)) {
            try profile(complete + "\nkey_content=secret")
        }
    }

    @Test func `a profile of Cloud Shell is told apart from an incomplete one`() {
        #expect(throws: OCIProfileError.delegationToken(line: 3)) {
            try profile("[D]\nauthentication_type=instance_principal\ndelegation_token_file=/etc/t", "D")
        }
    }

    @Test func `the environment overrides the file, and fills it in`() throws {
        let environment = [
            "OCI_CLI_USER": "ocid1.user.oc1..other", "OCI_CLI_KEY_FILE": "~/other.pem",
            "OCI_CLI_PASSPHRASE": "q",
            "OCI_CLI_REGION": "eu-paris-1", "OCI_REGION": "never", "OCI_CLI_TENANCY": "",
        ]
        let overridden = try profile(complete, environment: environment)
        #expect(
            overridden.authentication == .apiKey(userID: "ocid1.user.oc1..other", fingerprint: fingerprint)
        )
        #expect(overridden.privateKey == .file("/home/u/other.pem"))
        #expect(overridden.passphrase == "q")
        #expect(overridden.region == "eu-paris-1")
        #expect(overridden.tenancyID == tenancy)
        let lacking = complete.replacing("region=us-ashburn-1", with: "")
        #expect(try profile(lacking, environment: ["OCI_REGION": "r"]).region == "r")
        #expect(try profile(complete, environment: ["OCI_REGION": "r"]).region == "us-ashburn-1")
    }

    @Test func `everything may come from the environment`() throws {
        let profile = try profile(
            nil,
            environment: [
                "OCI_CLI_USER": user, "OCI_CLI_TENANCY": tenancy, "OCI_CLI_FINGERPRINT": fingerprint,
                "OCI_CLI_KEY_CONTENT": "pem", "OCI_REGION": "iad",
            ]
        )
        #expect(profile.privateKey == .content("pem"))
        #expect(profile.region == "iad")
    }

    @Test(
        arguments: [
            ("ocid1.user.oc1..x", true), ("a.b.c.d.e", true), ("a:b:c:d:e", true), ("a....e", true),
            ("a...e", false), (".b.c.d.e", false), ("a.b.c.d.", false), ("a.b.c.d.é", false),
            ("a.b.c.d e", false),
            ("ocid1.user.oc1..x/y", false),
        ]
    )
    func `OCIDs have the form that the Python SDK asks for`(text: String, isValid: Bool) {
        let changed = complete.replacing("user=\(user)", with: "user=\(text)")
        #expect(((try? profile(changed)) != nil) == isValid)
    }

    @Test(arguments: [
        "", ":", "41:c1", fingerprint + ":00", "g" + fingerprint.dropFirst(), " 4" + fingerprint,
    ])
    func `fingerprints have the form that the Python SDK asks for`(text: String) {
        let changed = complete.replacing("fingerprint=\(fingerprint)", with: "fingerprint=\(text)")
        #expect(throws: OCIProfileError.self) { try profile(changed) }
    }
}

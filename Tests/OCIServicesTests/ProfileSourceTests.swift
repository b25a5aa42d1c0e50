// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import HTTPClient
import OCIProfile
import OCISigning
import TestSupport
import Testing
import Transport

@testable import OCIServices

/// Everything that can be wrong with `~/.oci/config` and what it names is told in one line that helps.
@Suite struct ProfileSourceTests {
    private static let key = TestKey()
    private static let tenancy = "ocid1.tenancy.oc1..a"

    /// A configuration file whose key file holds `pem`.
    private struct Files {
        let key: TemporaryFile
        let config: TemporaryFile

        init(pem: [UInt8], fingerprint: String? = nil, extra: String = "") throws {
            key = TemporaryFile(pem)
            let actual = try RSAKey(pem: ProfileSourceTests.key.privatePEM(.pkcs8)).fingerprint
            let text = """
                [DEFAULT]
                user=ocid1.user.oc1..a
                tenancy=\(ProfileSourceTests.tenancy)
                fingerprint=\(fingerprint ?? actual)
                region=us-ashburn-1
                key_file=\(key.path)
                \(extra)
                """
            config = TemporaryFile(Array(text.utf8))
        }
    }

    private func open(
        _ files: Files,
        environment: [String: String] = [:],
        change: @escaping @LoopActor @Sendable (inout CloudAccessOptions) -> Void = { _ in }
    ) async throws -> CloudAccess {
        let path = files.config.path
        return try await onLoop {
            var options = CloudAccessOptions(userAgent: "test")
            options.configFile = path
            change(&options)
            let client = HTTPClient(
                connector: StreamConnector(try TLSContext(.systemRoots), proxies: .direct)
            )
            return try await CloudAccess.open(
                options,
                client: client,
                environment: environment,
                home: "/nonexistent"
            ) { _ in }
        }
    }

    /// The problem that opening ends with.
    private func problem(
        _ files: Files,
        environment: [String: String] = [:],
        change: @escaping @LoopActor @Sendable (inout CloudAccessOptions) -> Void = { _ in }
    ) async throws -> AuthenticationProblem {
        do {
            _ = try await open(files, environment: environment, change: change)
        } catch OCIError.authentication(let problem) {
            return problem
        }
        Issue.record("opened")
        return .configuration("")
    }

    @Test(arguments: TestKey.Form.allCases)
    func `a key in any form signs`(form: TestKey.Form) async throws {
        let pem = Self.key.privatePEM(form, passphrase: Array("päss".utf8))
        let files = try Files(
            pem: Array("text before\n".utf8) + pem + Array("OCI_API_KEY\n".utf8),
            extra: "pass_phrase=päss"
        )
        let access = try await open(files)
        #expect(await access.tenancyID == Self.tenancy)
    }

    @Test(arguments: [
        "-----BEGIN \("PRIVATE") KEY-----\nsekret/sekret\n", "-----BEGIN RSA \("PRIVATE") KEY----- sekret",
        "sekret." + String(repeating: "x", count: 400) + ".sekret",
    ])
    func `a key or a token in the place of its path is not repeated`(_ text: String) async throws {
        let problem = try await problem(Files(pem: []), environment: ["OCI_CLI_KEY_FILE": text])
        #expect(!"\(problem)".contains("sekret"), "\(problem)")
        #expect("\(problem)".contains("key_file is no path"))
        #expect(problem.isConfiguration)
        let error = #expect(throws: OCIError.self) { try credentialFile(text, name: "security_token_file") }
        #expect(error.map { !"\($0)".contains("sekret") } == true)
    }

    @Test func `each key that cannot sign is told apart`() async throws {
        let encrypted = Self.key.privatePEM(.pkcs8Encrypted, passphrase: Array("right".utf8))
        let cases: [([UInt8], String, String)] = [
            (encrypted, "", "needs a passphrase"),
            (encrypted, "pass_phrase=wrong", "passphrase does not open"),
            (Self.key.publicPEM, "", "a public key was provided"),
            (TestKey(rsaBitCount: nil).privatePEM(.pkcs8), "", "not an RSA key"),
            (Array("nothing".utf8), "", "not a private key"),
            (TestKey().privatePEM(.pkcs8), "", "name the key that was uploaded"),
        ]
        for (pem, extra, expected) in cases {
            let problem = try await problem(Files(pem: pem, extra: extra))
            #expect("\(problem)".contains(expected), "\(problem)")
            #expect(problem.isConfiguration)
            #expect(!"\(problem)".contains("right") && !"\(problem)".contains("wrong"))
        }
    }

    @Test func `a file that is not there is named`() async throws {
        let files = try Files(pem: Self.key.privatePEM(.pkcs8))
        let config = try await problem(files) { $0.configFile = "/nonexistent/config" }
        #expect("\(config)".contains("/nonexistent/config"))
        #expect("\(config)".contains("oci setup config"))
        let nowhere = try await problem(files) { $0.configFile = nil }
        #expect("\(nowhere)".contains("/nonexistent/.oci/config"))
        let keyFile = try await problem(files, environment: ["OCI_CLI_KEY_FILE": "/nonexistent/key"])
        #expect("\(keyFile)".contains("key_file /nonexistent/key"))
        let profile = try await problem(files) { $0.profileName = "OTHER" }
        #expect("\(profile)".contains("there is no profile [OTHER]"))
        #expect("\(profile)".contains(files.config.path))
    }

    @Test func `everything may stand in the environment`() async throws {
        let files = try Files(pem: Self.key.privatePEM(.pkcs8))
        let access = try await open(
            files,
            environment: [
                "OCI_CLI_USER": "ocid1.user.oc1..a", "OCI_CLI_TENANCY": Self.tenancy,
                "OCI_CLI_FINGERPRINT": try RSAKey(pem: Self.key.privatePEM(.pkcs1)).fingerprint,
                "OCI_CLI_KEY_CONTENT": String(decoding: Self.key.privatePEM(.pkcs1), as: UTF8.self),
                "OCI_REGION": "fra",
            ]
        ) { $0.configFile = nil }
        #expect(await access.region.identifier == "eu-frankfurt-1")
    }

    @Test func `files that others can read are warned of`() async throws {
        let files = try Files(pem: Self.key.privatePEM(.pkcs8))
        #expect(await (try open(files)).warnings == [])
        files.key.makeReadableByAll()
        let warnings = await (try open(files)).warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("chmod 600 \(files.key.path)") == true)
    }

    @Test func `a base URL that is none and a session without a token are refused`() async throws {
        let files = try Files(pem: Self.key.privatePEM(.pkcs8))
        let endpoint = try await problem(files) { $0.endpoint = "localhost:8443" }
        #expect("\(endpoint)".contains("--oci-endpoint localhost:8443"))
        let session = try await problem(files) { $0.principal = .securityToken }
        #expect("\(session)".contains("security_token_file is missing"))
        let resource = try await problem(files) { $0.principal = .resourcePrincipal }
        #expect("\(resource)".contains("OCI_RESOURCE_PRINCIPAL_VERSION"))
        #expect(resource.isConfiguration)
    }

    @Test func `a key that is put in the place of a refused one is found, with what is wrong with it`()
        async throws
    {
        let files = try Files(pem: Self.key.privatePEM(.pkcs8))
        let config = String(decoding: try readFile(files.config.path, byteCountMax: 1 << 20), as: UTF8.self)
        let other = TestKey().privatePEM(.pkcs8)
        let fingerprints = (try RSAKey(pem: Self.key.privatePEM(.pkcs8)), try RSAKey(pem: other))
        let (keyPath, configPath) = (files.key.path, files.config.path)
        try await onLoop {
            var options = CloudAccessOptions(userAgent: "test")
            options.configFile = configPath
            let source = try ProfileSource.find(options, environment: [:], home: "/nonexistent")
            let credentials = try source.apiKey()
            let old = try await credentials.current(deadline: soon)
            #expect(try await !credentials.replace(rejected: old, deadline: soon), "the same key is there")

            try replaceFile(keyPath, with: other)
            let error = await failure(of: { try await credentials.replace(rejected: old, deadline: soon) })
            #expect("\(try #require(error))".contains("fingerprint"))

            let (before, after) = (fingerprints.0.fingerprint, fingerprints.1.fingerprint)
            let changed = config.split(separator: before, omittingEmptySubsequences: false)
            try replaceFile(configPath, with: Array(changed.joined(separator: after).utf8))
            #expect(try await credentials.replace(rejected: old, deadline: soon))
            let new = try await credentials.current(deadline: soon)
            #expect(new.keyID.text.hasSuffix(after) && old.keyID.text.hasSuffix(before))
            #expect(try await credentials.replace(rejected: old, deadline: soon), "another call has found it")
        }
    }
}

extension TemporaryFile {
    fileprivate func makeReadableByAll() {
        #expect(chmod(path, 0o644) == 0)
    }
}

extension AuthenticationProblem {
    fileprivate var isConfiguration: Bool {
        if case .configuration = self { true } else { false }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Encodings
import OCISigning
import Testing

@Suite struct KeyIdentityTests {
    private static let vectors = RequestVectors.all

    private static func keyID(_ name: String) throws -> String? {
        try #require(vectors.vectors.first { $0.name == name }).parameters["keyId"]
    }

    @Test func `an API key is tenancy, user and fingerprint`() throws {
        let identity = try KeyIdentity.apiKey(
            tenancyID: Self.vectors.tenancyID,
            userID: "ocid1.user.oc1..aaaaaaaatestvectoruser",
            fingerprint: Self.vectors.fingerprint
        )
        #expect(identity.text == Self.vectors.keyID)
    }

    @Test func `a token is marked as one and loses the newline of its file`() throws {
        let expected = try #require(try Self.keyID("security-token-get"))
        #expect(try KeyIdentity.token("\n \(expected.dropFirst(3))\r\n").text == expected)
    }

    @Test func `an instance's certificate is named by its hash`() throws {
        let sha256 = try #require(Hexadecimal.decode(Self.vectors.leafSHA256.filter { $0 != ":" }))
        #expect(
            try KeyIdentity.leafCertificate(tenancyID: Self.vectors.tenancyID, sha256: sha256).text
                == Self.keyID("federation-x509-sha256-go-sdk-form")
        )
    }

    @Test(arguments: ["a\"b", "a b", "a\nb", "a\\b", "é"])
    func `what cannot stand between quotes is refused`(text: String) {
        #expect(throws: OCISigningError.illegalCharacter(in: "keyId")) { try KeyIdentity.token(text) }
        #expect(throws: OCISigningError.illegalCharacter(in: "keyId")) {
            try KeyIdentity.apiKey(tenancyID: "t", userID: text, fingerprint: "f")
        }
    }
}

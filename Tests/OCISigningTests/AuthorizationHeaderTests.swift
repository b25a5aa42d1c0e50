// SPDX-License-Identifier: Apache-2.0
import Encodings
import OCISigning
import Testing

@Suite struct AuthorizationHeaderTests {
    private struct NoKey: Error {}

    @Test(arguments: RequestVectors.all.vectors)
    func `the header is the Python SDK's, character for character`(request: RequestVectors.Request) throws {
        let parameters = request.parameters
        let signature = try #require(Base64.decode(parameters["signature"] ?? ""))
        let header = AuthorizationHeader.value(
            for: try signingString(request),
            keyID: try #require(parameters["keyId"])
        ) { bytes in
            #expect(bytes == Array(request.signingString.utf8))
            return signature
        }
        #expect(header == request.authorization)
    }

    @Test(arguments: RequestVectors.all.official)
    func `the published requests have the same parameters in another order`(
        request: RequestVectors.Request
    ) throws {
        let parameters = request.parameters
        let signature = try #require(Base64.decode(parameters["signature"] ?? ""))
        let header = AuthorizationHeader.value(
            for: try signingString(request),
            keyID: try #require(parameters["keyId"])
        ) { _ in signature }
        #expect(RequestVectors.parameters(of: header) == parameters)
        #expect(parameters.count == 5)
    }

    @Test func `an error of the key passes through`() throws {
        let text = try signingString(RequestVectors.all.vectors[0])
        #expect(throws: NoKey.self) {
            try AuthorizationHeader.value(for: text, keyID: "k") { _ throws(NoKey) in throw NoKey() }
        }
    }
}

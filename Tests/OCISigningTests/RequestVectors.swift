// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Requests signed by the official Python SDK with a throw-away key, and the two that Oracle publishes.
struct RequestVectors: Decodable {
    struct Request: Decodable, CustomTestStringConvertible {
        let name: String
        let method: String
        let url: String
        let excludesBody: Bool
        let date: String
        let contentType: String?
        let body: String
        let headers: [String: String]?
        let signingString: String
        let authorization: String

        var testDescription: String { name }

        /// Everything from the path on, exactly as written.
        var target: String { String(url.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" }) }

        var host: String { String(url.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }) }

        /// The quoted parameters of the expected Authorization header.
        var parameters: [String: String] { RequestVectors.parameters(of: authorization) }
    }

    let publicKey: String
    let fingerprint: String
    let keyID: String
    let tenancyID: String
    let leafSHA1: String
    let leafSHA256: String
    let vectors: [Request]
    let official: [Request]

    static let all: RequestVectors = {
        guard let url = Bundle.module.url(forResource: "Vectors/requests", withExtension: "json"),
            let vectors = try? JSONDecoder().decode(RequestVectors.self, from: Data(contentsOf: url))
        else { preconditionFailure("the vectors are missing or damaged") }
        return vectors
    }()

    static func parameters(of authorization: String) -> [String: String] {
        var rest = authorization.dropFirst("Signature ".count)[...]
        var parameters: [String: String] = [:]
        while let equals = rest.firstIndex(of: "=") {
            let name = String(rest[..<equals])
            let value = rest[equals...].dropFirst(2).prefix { $0 != "\"" }
            parameters[name] = String(value)
            rest = rest[value.endIndex...].dropFirst(2)
        }
        return parameters
    }
}

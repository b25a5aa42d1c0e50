// SPDX-License-Identifier: Apache-2.0
import Encodings
import OCISigning
import Testing

/// Builds the text for a recorded request from its plain parts, the way a client does.
func signingString(_ request: RequestVectors.Request) throws -> SigningString {
    let body = try #require(Base64.decode(request.body))
    let hash = try #require(
        request.headers?["x-content-sha256"] ?? request.signingString.hashInLastLine ?? ""
    )
    let described = SigningString.Body(
        byteCount: body.count,
        contentType: request.contentType ?? "application/json",
        sha256: hash
    )
    let coverage: SigningString.Coverage =
        if ["GET", "HEAD", "DELETE"].contains(request.method) || request.excludesBody {
            .head
        } else if request.name.hasPrefix("federation") {
            .federation(described)
        } else {
            .headAndBody(body.isEmpty ? .empty : described)
        }
    return try SigningString(
        method: request.method,
        target: request.target,
        host: request.host,
        date: request.date,
        coverage: coverage
    )
}

extension String {
    fileprivate var hashInLastLine: String? {
        let line = split(separator: "\n").last ?? ""
        return line.hasPrefix("x-content-sha256: ") ? String(line.dropFirst(18)) : nil
    }
}

@Suite struct SigningStringTests {
    @Test(arguments: RequestVectors.all.vectors + RequestVectors.all.official)
    func `the official clients sign the same text`(request: RequestVectors.Request) throws {
        let built = try signingString(request)
        #expect(built.text == request.signingString)
        #expect(built.headerNames.joined(separator: " ") == request.parameters["headers"])
        #expect(String(decoding: built.bytes, as: UTF8.self) == request.signingString)
    }

    @Test(arguments: RequestVectors.all.vectors)
    func `what is signed is what is to be sent`(request: RequestVectors.Request) throws {
        let built = try signingString(request)
        let sent = try #require(request.headers)
        for (name, value) in built.fields { #expect(sent[name] == value, "\(name)") }
        #expect(built.fields.count == built.headerNames.count - 1)
    }

    @Test(arguments: ["OPTIONS", "get", "", "CONNECT"])
    func `a method without a defined signature is refused`(method: String) {
        #expect(throws: OCISigningError.unsupportedMethod(method)) {
            try SigningString(method: method, target: "/", host: "h", date: "d", coverage: .head)
        }
    }

    @Test(arguments: ["\n", "\r", "\u{0}", "\u{7F}"])
    func `a line break in any value is refused, not signed`(character: String) {
        #expect(throws: OCISigningError.illegalCharacter(in: "(request-target)")) {
            try SigningString(method: "GET", target: "/a\(character)b", host: "h", date: "d", coverage: .head)
        }
        #expect(throws: OCISigningError.illegalCharacter(in: "host")) {
            try SigningString(
                method: "GET",
                target: "/",
                host: "h\(character)x: y",
                date: "d",
                coverage: .head
            )
        }
        let body = SigningString.Body(byteCount: 1, contentType: "a\(character)", sha256: "b")
        #expect(throws: OCISigningError.illegalCharacter(in: "content-type")) {
            try SigningString(method: "PUT", target: "/", host: "h", date: "d", coverage: .headAndBody(body))
        }
    }
}

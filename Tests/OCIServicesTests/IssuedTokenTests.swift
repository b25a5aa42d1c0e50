// SPDX-License-Identifier: Apache-2.0

import Encodings
import OCISigning
import Testing
import Transport

@testable import OCIServices

/// A token with these claims, signed by nobody.
func unsignedToken(_ claims: String) -> String {
    ["{}", claims, "sig"].map { Base64.encode(Array($0.utf8), .url) }.joined(separator: ".")
}

@Suite struct IssuedTokenTests {
    private func token(_ text: String, now: Int = 1000) throws -> IssuedToken {
        try IssuedToken(text, key: try #require(testKey), now: now, source: "test")
    }

    @Test(arguments: [
        (#"{"exp":4600,"iat":1000}"#, 4300),
        (#"{"exp":4600}"#, 4300),
        (#"{"exp":1400,"iat":1000}"#, 1300),
        (#"{"exp":1400.0,"iat":1000}"#, 1300),
        (#"{"exp":500,"iat":1000}"#, 500),
    ])
    func `a token is renewed five minutes or a quarter of its life before its end`(
        claims: String,
        renewal: Int
    ) throws {
        #expect(try token(unsignedToken(claims)).renewal == renewal)
    }

    @Test(arguments: [
        #"{}"#, #"{"exp":"never"}"#, #"{"exp":null}"#,
    ])
    func `a token that names no end is kept until it is refused`(claims: String) throws {
        #expect(try token(unsignedToken(claims)).renewal == nil)
        #expect(try token(unsignedToken(claims)).expiry == nil)
    }

    @Test func `dates at the ends of the number line do not trap`() throws {
        for claims in [
            #"{"exp":9223372036854775807,"iat":-9223372036854775808}"#,
            #"{"exp":-9223372036854775808,"iat":9223372036854775807}"#,
            #"{"exp":1e300}"#,
        ] {
            _ = try token(unsignedToken(claims))
        }
    }

    @Test(arguments: [
        "", "abc", "a.b", "a.!.c", "a b.c.d", "a\".b.c", unsignedToken("[]"), unsignedToken("x"),
    ])
    func `what is no token is refused and not shown`(text: String) throws {
        do {
            _ = try token(text)
            Issue.record("taken")
        } catch OCIError.authentication(.configuration(let problem)) {
            #expect(problem.hasPrefix("test holds no token"))
        }
    }

    @Test func `white space around a token is not part of it`() throws {
        let text = unsignedToken(#"{"exp":4600}"#)
        #expect(try token(" \(text)\n").text == text)
        #expect(try token(" \(text)\n").identity.keyID.text == "ST$\(text)")
    }
}

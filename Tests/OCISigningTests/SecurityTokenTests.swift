// SPDX-License-Identifier: Apache-2.0
import OCISigning
import Testing

@Suite struct SecurityTokenTests {
    @Test func `the claims are the middle part`() {
        #expect(
            SecurityToken.claims(of: "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE2NzI5NTc5MDB9.c2ln")
                == Array(#"{"exp":1672957900}"#.utf8)
        )
    }

    @Test(arguments: ["", "a.b", "..", ".e30.", "a.e30=.c", "a.e3*.c", "a.b.c.d", "ST$a.e.c"])
    func `a text of another form has none`(text: String) {
        #expect(SecurityToken.claims(of: text) == nil)
    }
}

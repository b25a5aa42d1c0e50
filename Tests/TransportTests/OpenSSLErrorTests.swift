// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Transport

/// The queue belongs to the thread, and nothing here suspends, so no other test touches it in between.
@Suite struct OpenSSLErrorTests {
    @Test func `an empty queue has no reason to give`() {
        OpenSSLError.clear()
        let error = OpenSSLError.take()
        #expect(error.sslReasons == [])
        #expect(error.text == "no reason given")
    }

    @Test func `a failed call leaves nothing behind for the next one`() {
        #expect(throws: (any Error).self) { try RSAKey(pem: Array("no key".utf8)) }
        #expect(OpenSSLError.take().text == "no reason given")
    }
}

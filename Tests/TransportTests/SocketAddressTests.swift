// SPDX-License-Identifier: Apache-2.0

import Testing
import Transport

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:80"),
        ("::1", "[::1]:80"),
        ("[::1]", "[::1]:80"),
        ("fe80::1%7", "[fe80::1%7]:80"),
        ("::ffff:1.2.3.4", "[::ffff:1.2.3.4]:80"),
    ])
    func `a numeric host is read and written`(_ host: String, _ expected: String) {
        #expect(SocketAddress(numeric: host, port: 80)?.description == expected)
    }

    @Test(arguments: [
        "", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "[127.0.0.1]", "[::1",
        "::1]",
        "[]", ":::", "fe80::1%", "fe80::1%nosuchinterface", "%1", "\u{0}", "::1\u{0}",
    ])
    func `anything else is a name`(_ host: String) {
        #expect(SocketAddress(numeric: host, port: 80) == nil)
    }
}

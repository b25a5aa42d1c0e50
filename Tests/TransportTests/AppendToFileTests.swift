// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite struct AppendToFileTests {
    private func text(_ path: String) throws -> String {
        String(decoding: try readFile(path, byteCountMax: 1000), as: UTF8.self)
    }

    @Test func `lines are added, and half a line gets its end`() throws {
        let file = TemporaryFile(Array("one\ntw".utf8))
        try appendToFile(file.path, Array("three\n".utf8), rotatingAt: 100)
        try appendToFile(file.path, Array("four\n".utf8), rotatingAt: 100)
        #expect(try text(file.path) == "one\ntw\nthree\nfour\n")
    }

    @Test func `at its limit a file takes the place of the one before`() throws {
        let file = TemporaryFile([])
        defer { unlink("\(file.path).1") }
        for line in ["first\n", "second\n", "third\n"] {
            try appendToFile(file.path, Array(line.utf8), rotatingAt: 13)
        }
        #expect(try text("\(file.path).1") == "first\nsecond\n")
        #expect(try text(file.path) == "third\n")
        try appendToFile(file.path, Array("a line that is longer\n".utf8), rotatingAt: 13)
        #expect(try text("\(file.path).1") == "third\n")
        #expect(try text(file.path) == "a line that is longer\n")
    }

    @Test func `on a full disk nothing of it is written`() {
        #expect(throws: TransportError.self) {
            try appendToFile("/dev/full", [1, 2, 3], rotatingAt: 100)
        }
    }

    @Test func `a link is not followed`() {
        let file = TemporaryFile([])
        let link = "\(file.path).link"
        defer { unlink(link) }
        #expect(symlink(file.path, link) == 0)
        #expect(throws: TransportError.self) { try appendToFile(link, [1], rotatingAt: 100) }
    }
}

// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Reporting

@Suite struct JournalStreamTests {
    @Test(arguments: ["", "1", "1:", ":1", "a:b", "1:2:3", "-1:2", " 1:2", "18446744073709551616:1"])
    func `what is not two numbers is no stream`(_ text: String) {
        #expect(JournalStream(text) == nil)
        #expect(JournalStream(nil) == nil)
    }

    @Test func `a stream is known by device and inode`() throws {
        var status = stat()
        let descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        try #require(fstat(descriptor, &status) == 0)
        let stream = try #require(JournalStream("\(status.st_dev):\(status.st_ino)"))
        #expect(stream.isOpen(as: descriptor))
        #expect(try !#require(JournalStream("\(status.st_dev):\(status.st_ino + 1)")).isOpen(as: descriptor))
        #expect(!stream.isOpen(as: -1))
    }
}

// SPDX-License-Identifier: Apache-2.0

import Configuration
import Logging
import Testing

@testable import Reporting

@Suite struct LineFormTests {
    @Test(arguments: [
        (Logger.Level.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3),
        (.critical, 2),
    ])
    func `the journal gets syslog's priority and no time`(_ level: Logger.Level, _ priority: Int) {
        let line = LineForm(.text, isJournal: true).line(level, "m", [("k", "v")])
        let text = String(decoding: line, as: UTF8.self)
        #expect(text.hasPrefix("<\(priority)>"))
        #expect(text.hasSuffix(" m k=v\n"))
        #expect(text.split(separator: " ").count == 3)
    }

    @Test func `JSON has its time unless the journal notes it`() {
        let journal = LineForm(.json, isJournal: true).line(.info, "m", [])
        #expect(String(decoding: journal, as: UTF8.self) == "<6>{\"level\":\"INFO\",\"message\":\"m\"}\n")
        let other = LineForm(.json).line(.info, "m", [])
        #expect(String(decoding: other, as: UTF8.self).hasPrefix("{\"time\":\""))
    }
}

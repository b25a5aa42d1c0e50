// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc
import Logging
import Reporting
import Testing
import Transport

@Suite struct LogFilesTests {
    @Test func `lines are added to the file that the settings name, from their level up`() throws {
        let sink = try Sink()
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.loggingPaths = [sink.path]
        settings.loggingLevel = .warning
        try LogFiles(for: settings).logger.warning("first")
        let log = try LogFiles(for: settings).logger
        log.info("unseen")
        log.critical("second")
        #expect(sink.untimedLines == ["WARNING first", "CRITICAL second"])
    }

    @Test func `the format is the settings'`() throws {
        let sink = try Sink()
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.loggingPaths = [sink.path]
        settings.logFormat = .json
        try LogFiles(for: settings).logger.info("m")
        #expect(sink.text.hasPrefix("{"))
    }

    @Test func `a path that cannot be opened is named with the reason and the way out`() throws {
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.loggingPaths = ["/nowhere/at/all.log"]
        let problem = try #require(throws: LogFiles.Problem.self) { try LogFiles(for: settings) }
        #expect(
            "\(problem)"
                == "cannot log to /nowhere/at/all.log: No such file or directory; choose another --logging-paths"
        )
    }

    @Test func `after a rotation the lines go to a new file of the old name`() throws {
        let sink = try Sink()
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.loggingPaths = ["/dev/null", sink.path]
        let log = try LogFiles(for: settings)
        log.logger.info("old")
        let rotated = "\(sink.path).1"
        #expect(rename(sink.path, rotated) == 0)
        defer { unlink(rotated) }
        log.logger.info("still old")
        #expect(log.reopen().isEmpty)
        log.logger.info("new")
        #expect(sink.untimedLines == ["INFO old", "INFO still old"])
        #expect(
            try String(decoding: readFile(sink.path, byteCountMax: 1000), as: UTF8.self).hasSuffix(
                "INFO new\n"
            )
        )
    }

    @Test func `a file that cannot be opened anew stays in use, and is named`() throws {
        let sink = try Sink()
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.loggingPaths = [sink.path]
        let log = try LogFiles(for: settings)
        // A directory takes its name.
        let rotated = "\(sink.path).1"
        #expect(rename(sink.path, rotated) == 0 && mkdir(sink.path, 0o700) == 0)
        defer { unlink(rotated) }
        #expect(
            log.reopen().map { "\($0)" }
                == ["cannot log to \(sink.path): Is a directory; choose another --logging-paths"]
        )
        #expect(rmdir(sink.path) == 0)
        log.logger.info("m")
        #expect(sink.untimedLines == ["INFO m"])
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Every input that was worth keeping, for its way through the code or because it once failed, is fed to its target
/// in every test run: a trap is a bug that is back.
@Suite struct CorpusTests {
    /// All targets but the canary, which fails on purpose.
    private static let targets: [String: @Sendable ([UInt8]) -> Void] = [
        "ChunkedBody": { ChunkedBodyFuzz.feed($0) },
        "Gzip": { GzipFuzz.feed($0) },
        "HTTPRequest": { HTTPRequestFuzz.feed($0) },
        "HTTPResponse": { HTTPResponseFuzz.feed($0) },
        "HeaderFields": { HeaderFieldsFuzz.feed($0) },
        "JSONText": { JSONTextFuzz.feed($0) },
        "Listings": { ListingsFuzz.feed($0) },
        "OCIConfigFile": { OCIConfigFileFuzz.feed($0) },
        "PEM": { PEMFuzz.feed($0) },
        "PickledResults": { PickledResultsFuzz.feed($0) },
        "SchedulerMessages": { SchedulerMessagesFuzz.feed($0) },
        "ServiceAnswers": { ServiceAnswersFuzz.feed($0) },
        "StatusRequest": { StatusRequestFuzz.feed($0) },
        "TOMLFile": { TOMLFileFuzz.feed($0) },
        "TaskOutcome": { TaskOutcomeFuzz.feed($0) },
        "TerminalTexts": { TerminalTextsFuzz.feed($0) },
        "YMQFraming": { YMQFramingFuzz.feed($0) },
        "ZMTPFraming": { ZMTPFramingFuzz.feed($0) },
    ]

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()

    private static func names(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: path).path).sorted()
    }

    @Test func `every target has a corpus and is fed here`() throws {
        let programs = try Self.names(in: "Targets").map { String($0.dropLast(".swift".count)) }
        #expect(programs.filter { $0 != "Canary" } == Self.targets.keys.sorted())
        #expect(try Self.names(in: "Corpus") == Self.targets.keys.sorted())
    }

    @Test(arguments: targets.keys.sorted())
    func `no kept input fails, neither whole nor cut anywhere`(target: String) throws {
        let feed = try #require(Self.targets[target])
        let names = try Self.names(in: "Corpus/\(target)")
        #expect(!names.isEmpty)
        for name in names {
            let path = Self.folder.appending(path: "Corpus/\(target)/\(name)")
            let input = [UInt8](try Data(contentsOf: path))
            feed(input)
            // The cuts of a long input are spread over it, or debug builds would take seconds.
            for count in stride(from: 0, to: input.count, by: 1 + input.count / 100) {
                feed(Array(input.prefix(count)))
            }
        }
    }
}

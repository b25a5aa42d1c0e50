// SPDX-License-Identifier: Apache-2.0
import Compression
import TestSupport
import Testing

@testable import TaskPayload

@Suite struct ContainerErrorTests {
    @Test(arguments: PickleVector.named("error-dict/"))
    func `a runner's error is read in every protocol`(vector: PickleVector) throws {
        var bytes = try vector.bytes
        if bytes.starts(with: Gzip.magic) { bytes = try Gzip.decompress(bytes, limit: 1 << 20) }
        guard case .containerError(let error) = try TaskOutcome.parse(bytes) else {
            Issue.record("not an error")
            return
        }
        #expect(error.fields.isEmpty)
        if let message = vector.fields.message, !message.hasSuffix("0 chars") {
            #expect(error.error == message)
        }
        if let count = vector.fields.tracebackChars {
            #expect(error.traceback.unicodeScalars.count == count)
        }
    }

    @Test(
        arguments: PickleVector.named(
            "error-dict-lookalike/one/",
            "error-dict-lookalike/string/",
            "error-dict-lookalike/missing-error/",
            "error-dict-lookalike/other-order/",
            "error-dict-lookalike/non-str-error/"
        )
    )
    func `what Scaler's own manager takes for an error reads the same here`(vector: PickleVector) throws {
        guard case .containerError(let error) = try TaskOutcome.parse(vector.bytes) else {
            Issue.record("not an error")
            return
        }
        #expect(error.clientText == vector.fields.message)
    }

    @Test func `the last words of a task are told where its runner kept them`() throws {
        let report = "\u{80}\u{3}}(\u{8c}\u{17}_scaler_container_error\u{88}\u{8c}\u{5}error\u{8c}\u{4}gone"
        let bytes = Array(
            (report + "\u{8c}\u{b}stderr_tail\u{8c}\u{3}byeu.").unicodeScalars.map { UInt8($0.value) }
        )
        guard case .containerError(let error) = try TaskOutcome.parse(bytes) else {
            Issue.record("not read as an error")
            return
        }
        #expect(error.clientText == "Task failed in container: gone\nThe end of its stderr:\nbye")
    }

    @Test(arguments: PickleVector.named("error-dict-lookalike/false/", "error-dict-lookalike/empty-string/"))
    func `a dict that says it is no error is no outcome`(vector: PickleVector) throws {
        #expect(throws: TaskPayloadError.notAnOutcome("a dict")) { try TaskOutcome.parse(vector.bytes) }
    }

    @Test(
        arguments: PickleVector.named(
            "error-dict-lookalike/nested-only/",
            "error-dict-lookalike/in-list/",
            "error-dict-lookalike/ordereddict/",
            "error-dict-lookalike/bytes-key/",
            "error-dict-lookalike/extra-keys/"
        )
    )
    func `data that is not plain is refused, not guessed at`(vector: PickleVector) throws {
        #expect(throws: TaskPayloadError.self) { try TaskOutcome.parse(vector.bytes) }
    }

    @Test func `further plain fields are kept in order, and the last of two equal keys counts`() throws {
        var writer = PickleWriter()
        writer.write(.emptyDict)
        writer.write(.mark)
        writer.write(text: "_scaler_container_error")
        writer.write(.newTrue)
        writer.write(text: "exit_code")
        writer.write(.int4)
        let minusNine: [UInt8] = [0xF7, 0xFF, 0xFF, 0xFF]
        var bytes = writer.bytes + minusNine
        var rest = PickleWriter()
        _ = rest.take()
        rest.write(text: "error")
        rest.write(text: "first")
        rest.write(text: "error")
        rest.write(text: "second")
        rest.write(text: "signal")
        rest.write(.none)
        rest.write(text: "stderr")
        rest.write(bytes: [1, 2])
        rest.write(.setItems)
        rest.write(.stop)
        bytes += rest.bytes
        guard case .containerError(let error) = try TaskOutcome.parse(bytes) else {
            Issue.record("not an error")
            return
        }
        #expect(error.error == "second")
        #expect(error.fields.map(\.name) == ["exit_code", "stderr"])
        #expect(error.fields.map(\.text) == ["-9", "2 bytes"])
    }
}

// SPDX-License-Identifier: Apache-2.0
import TaskPayload
import Testing

@Suite struct FailurePickleTests {
    /// As `pickletools.dis` shows it: PROTO 4, two SHORT_BINUNICODE, STACK_GLOBAL, text, TUPLE1, REDUCE, STOP.
    @Test func `an exception is seven opcodes`() {
        let expected =
            [0x80, 4, 0x8C, 8] + Array("builtins".utf8) + [0x8C, 10] + Array("ValueError".utf8)
            + [0x93, 0x8C, 2, 0xC3, 0xA9, 0x85, 0x52, 0x2E]
        #expect(FailurePickle.encode(.valueError, "é") == expected)
    }

    @Test func `a long text has a wider head`() {
        let text = String(repeating: "x", count: 300)
        let bytes = FailurePickle.encode(.runtimeError, text)
        #expect(bytes.suffix(308) == [0x58, 0x2C, 1, 0, 0] + Array(text.utf8) + [0x85, 0x52, 0x2E])
    }
}

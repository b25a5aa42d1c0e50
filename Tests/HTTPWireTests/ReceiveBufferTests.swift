// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import HTTPWire

@Suite struct ReceiveBufferTests {
    @Test func `lines and counted bytes come out in the order they went in`() {
        var buffer = ReceiveBuffer()
        expectLine(nil, from: &buffer)
        expectPart(nil, atMost: 3, from: &buffer)
        buffer.append(Array("ab\r\ncde".utf8))
        expectLine("ab\r", from: &buffer)
        expectLine(nil, from: &buffer)
        buffer.append(Array("f\n".utf8))
        expectLine("cdef", from: &buffer)
        buffer.append(Array("xyz".utf8))
        expectPart("xy", atMost: 2, from: &buffer)
        #expect(buffer.count == 1)
        expectPart("z", atMost: 2, from: &buffer)
        #expect(buffer.isEmpty)
    }

    private func expectLine(_ text: String?, from buffer: inout ReceiveBuffer) {
        let line = buffer.maybeTakeLine()
        #expect(line.map(Array.init) == text.map { Array($0.utf8) })
    }

    private func expectPart(_ text: String?, atMost countMax: Int, from buffer: inout ReceiveBuffer) {
        let part = buffer.maybeTake(atMost: countMax)
        #expect(part == text.map { Array($0.utf8) })
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func `whatever the order of operations, no byte is lost, repeated or moved`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var buffer = ReceiveBuffer()
        var model: [UInt8] = []
        for _ in 0..<5000 {
            let count = Int.random(in: 1...20, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let bytes = (1...count).map { _ in UInt8.random(in: 8...12, using: &random) }
                buffer.append(bytes)
                model += bytes
            case 2:
                let part = buffer.maybeTake(atMost: count) ?? []
                #expect(part == Array(model.prefix(count)), "seed \(seed)")
                model.removeFirst(part.count)
            default:
                let line = buffer.maybeTakeLine().map(Array.init)
                let end = model.firstIndex(of: 10)
                #expect(line == end.map { Array(model[..<$0]) }, "seed \(seed)")
                if let end { model.removeFirst(end + 1) }
            }
            #expect(buffer.count == model.count, "seed \(seed)")
            #expect(buffer.couldStart(with: Array(model.prefix(3))))
        }
    }

    @Test func `of a line that comes byte by byte each byte is looked at once`() {
        var buffer = ReceiveBuffer()
        buffer.append(Array("used\n".utf8))
        _ = buffer.maybeTakeLine()
        var lookCount = 0
        for _ in 0..<1000 {
            buffer.append([7])
            lookCount += buffer.unsearchedCount
            #expect(buffer.maybeTakeLine() == nil)
        }
        #expect(lookCount == 1000)
        #expect(buffer.unsearchedCount == 0)
    }
}

extension ReceiveBuffer {
    /// How many bytes the next search for a line looks at.
    fileprivate var unsearchedCount: Int { storage.count - searchedTo }
}

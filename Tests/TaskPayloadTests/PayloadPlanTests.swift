// SPDX-License-Identifier: Apache-2.0
import TaskPayload
import Testing

private let taskID: [UInt8] = Array(0..<16)

private func plan(serializer: [UInt8] = [1, 2], function: Int = 3, arguments: [Int] = []) -> PayloadPlan {
    PayloadPlan(
        taskID: taskID,
        context: PayloadPlan.Context(flags: [], schedulerAddress: "s", storageAddress: "", backend: "ymq"),
        serializer: serializer,
        functionByteCount: function,
        argumentByteCounts: arguments
    )
}

@Suite struct PayloadPlanTests {
    @Test func `the client's bytes are named, not copied, and lie behind heads of their length`() throws {
        let plan = plan(function: 255, arguments: [256, 0, 1 << 33])
        #expect(plan.pieces.first == .beginning)
        let blobs = plan.pieces.dropFirst().filter { if case .bytes = $0 { false } else { true } }
        #expect(blobs == [.serializer, .function, .argument(0), .argument(1), .argument(2)])
        let heads = plan.pieces.compactMap { if case .bytes(let bytes) = $0 { bytes } else { nil } }
        #expect(heads[0].suffix(2) == [0x43, 2])
        #expect(heads[1] == [0x43, 255])
        #expect(heads[2] == [0x42, 0, 1, 0, 0])
        #expect(heads[3] == [0x43, 0])
        #expect(heads[4] == [0x8E, 0, 0, 0, 0, 2, 0, 0, 0])
        #expect(heads[5] == [0x65, 0x75, 0x2E])
        let headBytes = heads.reduce(PayloadPlan.beginning.count) { $0 + $1.count }
        #expect(plan.byteCount == headBytes + 2 + 255 + 256 + (1 << 33))
    }

    @Test func `assembled, the pieces are the payload`() {
        let plan = plan(function: 3, arguments: [2, 1])
        let payload = plan.assemble(serializer: [5, 6], function: [7, 8, 9], arguments: [[1, 2], [3]])
        #expect(payload.count == plan.byteCount)
        let objects: [UInt8] = [0x43, 2, 5, 6, 0x43, 3, 7, 8, 9, 0x43, 2, 1, 2, 0x43, 1, 3]
        #expect(payload.suffix(19) == objects + [0x65, 0x75, 0x2E])
    }

    @Test func `all payloads begin alike, and the task's own follows`() {
        let payload = plan().assemble(serializer: [5, 6], function: [7, 8, 9], arguments: [])
        #expect(payload.starts(with: PayloadPlan.beginning))
        #expect(PayloadPlan.beginning.count > payload.count - 200)
        #expect(payload.dropFirst(PayloadPlan.beginning.count).starts(with: [0x8C, 32] + Array("0001".utf8)))
    }

    @Test func `equal tasks have equal payloads`() {
        #expect(plan(arguments: [5]) == plan(arguments: [5]))
        #expect(plan(arguments: [5]) != plan(arguments: [6]))
    }

    @Test(arguments: PickleVector.named("serializer/default-instance/", "serializer/default-class/"))
    func `the default serializer is left out`(vector: PickleVector) throws {
        let serializer = try vector.bytes
        let planned = plan(serializer: serializer)
        guard case .bytes(let head) = planned.pieces[1] else {
            Issue.record("the beginning is not followed by opcodes")
            return
        }
        // SETITEMS ends the context; NONE, then the head of the function.
        #expect(head.suffix(4) == [0x75, 0x4E, 0x43, 3])
        #expect(planned.byteCount < plan(serializer: [0] + serializer).byteCount - serializer.count)
    }
}

// SPDX-License-Identifier: Apache-2.0

import Encodings
import SchedulerPeer
import TestSupport
import Testing
import Transport

@testable import SchedulerMessages

/// Values that travel inside messages: ids, flags, profiles.
@Suite
struct ValueTests {
    static let vectors = Vector.all(in: "scaler-values.json")
    static let flags = vectors.filter { $0.kind == "task-flags" }
    static let profiles = vectors.filter { $0.kind == "profile" }

    @Test(arguments: flags)
    func `task flags read as the real worker reads them, and back`(vector: Vector) throws {
        let flags = try TaskFlags(metadata: vector.bytes)
        #expect(flags.profiling == vector.fields["profiling"].bool)
        #expect(Int128(flags.priority) == vector.fields["priority"].integer)
        #expect(flags.streamOutput == vector.fields["stream_output"].bool)
        #expect(flags.encoded() == vector.bytes)
    }

    @Test
    func `a task without metadata has the default flags`() throws {
        #expect(try TaskFlags(metadata: []) == TaskFlags(profiling: true, priority: 0, streamOutput: false))
    }

    @Test(arguments: [1, 5, 7, 4096])
    func `flags of another length are refused, as the real worker does`(count: Int) {
        #expect(throws: SchedulerMessageError.wrongLength(field: .taskFlags, byteCount: count)) {
            try TaskFlags(metadata: [UInt8](repeating: 1, count: count))
        }
    }

    @Test(arguments: profiles)
    func `profiles read as the real client reads them, and back`(vector: Vector) throws {
        let profile = try #require(ProfileResult(bytes: vector.bytes))
        #expect(profile.durationSeconds == vector.fields["duration_s"].float)
        #expect(Int128(profile.memoryPeakBytes) == vector.fields["memory_peak"].integer)
        #expect(profile.cpuSeconds == vector.fields["cpu_time_s"].float)
        #expect(profile.bytes == vector.bytes)
    }

    @Test
    func `the serializer's object id is made of the client's identity`() throws {
        let vector = try #require(Self.vectors.first { $0.kind == "object-id" })
        let client = ClientID(Array((vector.fields["client"].text ?? "").utf8))
        let objectID = ObjectID(owner: client, tag: .serializer, md5: DigestAlgorithm.md5.digest)
        #expect(objectID.bytes == vector.bytes)
        #expect(objectID.tag == .serializer)
        #expect(objectID.hexadecimal == vector.bytes.hexadecimal)
        #expect(try ObjectID(vector.bytes) == objectID)
    }

    @Test(arguments: [0, 16, 31, 33])
    func `an object id has 32 bytes and a tag 16`(count: Int) {
        let bytes = [UInt8](repeating: 7, count: count)
        #expect(throws: SchedulerMessageError.wrongLength(field: .objectID, byteCount: count)) {
            try ObjectID(bytes)
        }
        let tag = Result { try ObjectTag(bytes[...]) }
        #expect(
            (try? tag.get())
                == (count == 16 ? ObjectTag(high: 0x0707_0707_0707_0707, low: 0x0707_0707_0707_0707) : nil)
        )
    }

    @Test
    func `a task id is shown as Scaler shows it`() {
        #expect(TaskID([0x00, 0x0f, 0xa5, 0xff]).hexadecimal == "000fa5ff")
        #expect("\(TaskID([1]))" == "01")
        #expect("\(ClientID(Array("Client|x".utf8)))" == "Client|x")
    }

    @Test
    func `the generation is the fourth byte of the greeting`() {
        #expect(WireGeneration(rawValue: 1) == .first)
        #expect(WireGeneration(rawValue: 2) == .second)
        #expect(WireGeneration(rawValue: 3) == nil)
    }
}

extension JSONValue {
    fileprivate var float: Float? {
        switch self {
        case .double(let number): Float(number)
        case .integer(let number): Float(number)
        default: nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import CapnProto
import TestSupport
import Testing

@testable import SchedulerMessages

@Suite
struct ObjectStorageWireTests {
    static let vectors = Vector.all(in: "scaler-object-storage.json")
    static let requests = vectors.filter { $0.name.hasPrefix("request/") }
    static let responses = vectors.filter { $0.name.hasPrefix("response/") }

    @Test(arguments: requests)
    func `requests are the bytes of the real client`(vector: Vector) throws {
        let request = try ObjectStorageRequest.decode(vector.bytes)
        #expect("\(request.kind)" == vector.fields["requestType"].text)
        #expect(Int128(request.requestID) == vector.fields["requestID"].integer)
        #expect(Int128(request.payloadByteCount) == vector.fields["payloadLength"].integer)
        #expect(request.objectID.hexadecimal == vector.fields["objectID"].text)
        #expect(request.encoded() == vector.bytes)
        #expect(vector.bytes.count == ObjectStorageRequest.byteCount)
    }

    @Test(arguments: responses)
    func `answers of the real server read as it meant them`(vector: Vector) throws {
        let response = try ObjectStorageResponse.decode(vector.bytes)
        let name = "\(response.kind)".replacing("delete", with: "del")
        #expect(name == vector.fields["responseType"].text)
        #expect(Int128(response.requestID) == vector.fields["responseID"].integer)
        #expect(Int128(response.payloadByteCount) == vector.fields["payloadLength"].integer)
        #expect(response.objectID.hexadecimal == vector.fields["objectID"].text)
        #expect(response.encoded() == vector.bytes)
    }

    @Test
    func `each request says what its payload is`() throws {
        let objectID = try ObjectID([UInt8](0..<32))
        let set = ObjectStorageRequest.set(objectID, byteCount: 5, requestID: 7)
        #expect((set.kind, set.payloadByteCount, set.requestID) == (.setObject, 5, 7))
        let get = ObjectStorageRequest.get(objectID, requestID: 8)
        #expect((get.kind, get.payloadByteCount, get.requestID) == (.getObject, .max, 8))
    }

    @Test(arguments: [0, 8, 72, 79, 81, 88])
    func `an answer of another length is refused`(count: Int) throws {
        let vector = try #require(Self.responses.first)
        let bytes = Array((vector.bytes + [UInt8](repeating: 0, count: 8)).prefix(count))
        #expect(throws: SchedulerMessageError.wrongLength(field: .objectHeader, byteCount: count)) {
            try ObjectStorageResponse.decode(bytes)
        }
    }

    @Test
    func `an answer of an unknown type is refused`() throws {
        var bytes = try #require(Self.responses.first).bytes
        bytes[32] = 6
        #expect(throws: SchedulerMessageError.unknownValue(field: .objectResponseType, value: 6)) {
            try ObjectStorageResponse.decode(bytes)
        }
        #expect(throws: SchedulerMessageError.unknownValue(field: .objectRequestType, value: 6)) {
            try ObjectStorageRequest.decode(bytes)
        }
    }

    @Test
    func `an answer whose pointers lead astray is refused`() throws {
        var bytes = try #require(Self.responses.first).bytes
        bytes[40] = 0xfc
        #expect(throws: SchedulerMessageError.encoding(.pointerOutOfBounds)) {
            try ObjectStorageResponse.decode(bytes)
        }
    }
}

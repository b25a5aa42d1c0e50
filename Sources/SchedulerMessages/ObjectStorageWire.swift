// SPDX-License-Identifier: Apache-2.0

import CapnProto

// The protocol of Scaler's object storage server. Each request is a message of exactly 80 bytes, the header
// below; set and duplicate are followed by one more message, the payload. Each answer is a header, and a
// payload if its length is not 0.
//
//   bytes  0-15  segment table (one segment of 9 words), root pointer (3 data words, 1 pointer)
//         16-23  payload length       24-31  request id       32-33  type
//         40-47  pointer to the object id: 4 data words
//         48-79  the 32 bytes of the id as four big-endian numbers, written little endian
//
// The server reads 80 bytes without looking at the message's length, so nothing shorter may be sent. Ids of
// requests are the client's own and come back in the answer. Answers come in order but for gets of objects
// that do not exist yet: those wait for the object, without limit and without a way to take them back.

/// What a request to the object storage server asks for.
package enum ObjectStorageRequestKind: UInt16, ObjectStorageKind, CaseIterable {
    /// Store the payload that follows, even if it is empty.
    case setObject = 0
    /// Send the object, at most `payloadByteCount` bytes of it.
    case getObject = 1
    case deleteObject = 2
    /// Store under a new id the object whose id follows as a payload of 48 bytes.
    case duplicateObjectID = 3
    case infoGetTotal = 4

    package static var field: SchedulerMessageError.Field { .objectRequestType }
}

/// What the object storage server has done.
package enum ObjectStorageResponseKind: UInt16, ObjectStorageKind, CaseIterable {
    case setOK = 0
    /// The payload follows, unless it is empty.
    case getOK = 1
    case deleteOK = 2
    /// There was nothing to forget.
    case deleteNotExists = 3
    case duplicateOK = 4
    case infoGetTotalOK = 5

    package static var field: SchedulerMessageError.Field { .objectResponseType }
}

/// The number in a header that tells what it asks or answers.
package protocol ObjectStorageKind: RawRepresentable<UInt16>, Equatable, Sendable {
    /// What to call the number in errors.
    static var field: SchedulerMessageError.Field { get }
}

/// A request to Scaler's object storage server (`ObjectRequestHeader`).
package typealias ObjectStorageRequest = ObjectStorageHeader<ObjectStorageRequestKind>

/// An answer of Scaler's object storage server (`ObjectResponseHeader`).
package typealias ObjectStorageResponse = ObjectStorageHeader<ObjectStorageResponseKind>

/// The header of a request or an answer, which have one layout.
package struct ObjectStorageHeader<Kind: ObjectStorageKind>: Equatable, Sendable {
    /// What is asked for, or was done.
    package let kind: Kind
    /// Chosen by who asks; an answer has the id of its request.
    package let requestID: UInt64
    /// The object.
    package let objectID: ObjectID
    /// Bytes of the payload that follows as one message, 0 if none does; in a get, most bytes wanted in return.
    package let payloadByteCount: UInt64

    /// Bytes of a header on the wire.
    package static var byteCount: Int { 80 }

    private static var size: StructSize { StructSize(dataWords: 3, pointers: 1) }

    /// Reads a header; throws for anything but 80 readable bytes of a known type.
    package static func decode(_ bytes: [UInt8]) throws(SchedulerMessageError) -> Self {
        guard bytes.count == byteCount else {
            throw .wrongLength(field: .objectHeader, byteCount: bytes.count)
        }
        let header = try root(of: bytes)
        let objectID = ObjectID(from: try header.field(at: 0))
        return Self(
            kind: try header.enumerant(at: 16, Kind.field),
            requestID: header.uint64(at: 8),
            objectID: objectID,
            payloadByteCount: header.uint64(at: 0)
        )
    }

    /// Returns the 80 bytes of the header.
    package func encoded() -> [UInt8] {
        let builder = MessageBuilder(capacity: Self.byteCount)
        let header = builder.startRoot(Self.size)
        header.write(payloadByteCount, at: 0)
        header.write(requestID, at: 8)
        header.write(kind.rawValue, at: 16)
        objectID.write(to: header.startStructure(ObjectID.size, at: 0))
        return builder.finished()
    }
}

extension ObjectStorageRequest {
    /// Creates the request to store an object of a number of bytes, which must follow as one message.
    package static func set(_ objectID: ObjectID, byteCount: Int, requestID: UInt64) -> Self {
        Self(kind: .setObject, requestID: requestID, objectID: objectID, payloadByteCount: UInt64(byteCount))
    }

    /// Creates the request for the first bytes of an object, `.max` for all of them.
    package static func get(_ objectID: ObjectID, upTo byteCountMax: UInt64 = .max, requestID: UInt64) -> Self
    {
        Self(kind: .getObject, requestID: requestID, objectID: objectID, payloadByteCount: byteCountMax)
    }

    /// Creates the request for the server's totals, which is always answered.
    package static func totals(requestID: UInt64) -> Self {
        Self(kind: .infoGetTotal, requestID: requestID, objectID: .none, payloadByteCount: 0)
    }
}

extension ObjectID {
    /// What a request that is about no object names.
    fileprivate static let none = Self(ownerHigh: 0, ownerLow: 0, tag: ObjectTag(high: 0, low: 0))
    fileprivate static let size = StructSize(dataWords: 4, pointers: 0)

    fileprivate init(from reader: StructReader) {
        self.init(
            ownerHigh: reader.uint64(at: 0),
            ownerLow: reader.uint64(at: 8),
            tag: ObjectTag(high: reader.uint64(at: 16), low: reader.uint64(at: 24))
        )
    }

    fileprivate func write(to builder: StructBuilder) {
        builder.write(ownerHigh, at: 0)
        builder.write(ownerLow, at: 8)
        builder.write(tag.high, at: 16)
        builder.write(tag.low, at: 24)
    }
}

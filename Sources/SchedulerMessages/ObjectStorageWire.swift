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

/// Cap'n Proto layout of the headers and of the object id within.
private enum Layout {
    static let header = StructSize(dataWords: 3, pointers: 1)
    static let objectID = StructSize(dataWords: 4, pointers: 0)
    static let headerByteCount = 80
    static let objectIDByteCount = 48
}

/// A request to Scaler's object storage server (`ObjectRequestHeader`).
package struct ObjectStorageRequest: Equatable, Sendable {
    /// What the server is to do.
    package enum Kind: UInt16, Equatable, Sendable, CaseIterable {
        /// Store the payload that follows, even if it is empty.
        case setObject = 0
        /// Send the object, at most `payloadByteCount` bytes of it.
        case getObject = 1
        /// Forget the object.
        case deleteObject = 2
        /// Store under a new id the object whose id follows as a payload of 48 bytes.
        case duplicateObjectID = 3
        /// Send the totals.
        case infoGetTotal = 4
    }

    /// Bytes of a header on the wire.
    package static let headerByteCount = Layout.headerByteCount

    /// What the server is to do.
    package let kind: Kind
    /// Returned in the answer.
    package let requestID: UInt64
    /// The object.
    package let objectID: ObjectID
    /// Bytes of the payload that follows, or most bytes wanted in return.
    package let payloadByteCount: UInt64

    /// Creates a request from its fields.
    package init(kind: Kind, requestID: UInt64, objectID: ObjectID, payloadByteCount: UInt64) {
        self.kind = kind
        self.requestID = requestID
        self.objectID = objectID
        self.payloadByteCount = payloadByteCount
    }

    /// Creates the request to store an object of a number of bytes, which must follow as one message.
    package static func set(_ objectID: ObjectID, byteCount: Int, requestID: UInt64) -> ObjectStorageRequest {
        ObjectStorageRequest(
            kind: .setObject,
            requestID: requestID,
            objectID: objectID,
            payloadByteCount: UInt64(byteCount)
        )
    }

    /// Creates the request for an object, or for its first `byteCountMax` bytes.
    package static func get(
        _ objectID: ObjectID,
        byteCountMax: UInt64 = .max,
        requestID: UInt64
    ) -> ObjectStorageRequest {
        ObjectStorageRequest(
            kind: .getObject,
            requestID: requestID,
            objectID: objectID,
            payloadByteCount: byteCountMax
        )
    }

    /// Creates the request to forget an object.
    package static func delete(_ objectID: ObjectID, requestID: UInt64) -> ObjectStorageRequest {
        ObjectStorageRequest(
            kind: .deleteObject,
            requestID: requestID,
            objectID: objectID,
            payloadByteCount: 0
        )
    }

    /// Returns the 80 bytes of the header.
    package func encoded() -> [UInt8] {
        encodedHeader(
            type: kind.rawValue,
            id: requestID,
            objectID: objectID,
            payloadByteCount: payloadByteCount
        )
    }

    /// Reads a header, as a server does; throws for anything but 80 readable bytes of a known type.
    package static func decode(_ bytes: [UInt8]) throws(SchedulerMessageError) -> ObjectStorageRequest {
        let header = try decodedHeader(bytes)
        guard let kind = Kind(rawValue: header.type) else {
            throw .unknownValue(field: .objectRequestType, value: header.type)
        }
        return ObjectStorageRequest(
            kind: kind,
            requestID: header.id,
            objectID: header.objectID,
            payloadByteCount: header.payloadByteCount
        )
    }
}

/// An answer of Scaler's object storage server (`ObjectResponseHeader`).
package struct ObjectStorageResponse: Equatable, Sendable {
    /// What the server has done.
    package enum Kind: UInt16, Equatable, Sendable, CaseIterable {
        case setOK = 0
        /// The payload follows, unless it is empty.
        case getOK = 1
        case deleteOK = 2
        /// There was nothing to forget.
        case deleteNotExists = 3
        case duplicateOK = 4
        case infoGetTotalOK = 5
    }

    /// What the server has done.
    package let kind: Kind
    /// The id of the request that is answered.
    package let responseID: UInt64
    /// The object.
    package let objectID: ObjectID
    /// Bytes of the payload that follows as one message; 0 if none follows.
    package let payloadByteCount: UInt64

    /// Creates an answer from its fields.
    package init(kind: Kind, responseID: UInt64, objectID: ObjectID, payloadByteCount: UInt64) {
        self.kind = kind
        self.responseID = responseID
        self.objectID = objectID
        self.payloadByteCount = payloadByteCount
    }

    /// Reads a header; throws for anything but 80 readable bytes of a known type.
    package static func decode(_ bytes: [UInt8]) throws(SchedulerMessageError) -> ObjectStorageResponse {
        let header = try decodedHeader(bytes)
        guard let kind = Kind(rawValue: header.type) else {
            throw .unknownValue(field: .objectResponseType, value: header.type)
        }
        return ObjectStorageResponse(
            kind: kind,
            responseID: header.id,
            objectID: header.objectID,
            payloadByteCount: header.payloadByteCount
        )
    }

    /// Returns the 80 bytes of the header, as a server does.
    package func encoded() -> [UInt8] {
        encodedHeader(
            type: kind.rawValue,
            id: responseID,
            objectID: objectID,
            payloadByteCount: payloadByteCount
        )
    }
}

extension ObjectID {
    /// Returns the id as a message of its own: the 48 bytes that follow a `duplicateObjectID`.
    package func encodedMessage() -> [UInt8] {
        let builder = MessageBuilder(capacity: Layout.objectIDByteCount)
        write(to: builder.startRoot(Layout.objectID))
        return builder.finished()
    }

    /// Reads the id from a message of its own.
    package static func decode(message bytes: [UInt8]) throws(SchedulerMessageError) -> ObjectID {
        do {
            return ObjectID(from: try MessageReader(bytes).root())
        } catch {
            throw .encoding(error)
        }
    }

    fileprivate init(from reader: StructReader) {
        self.init(
            words: Words(
                first: reader.uint64(at: 0),
                second: reader.uint64(at: 8),
                third: reader.uint64(at: 16),
                fourth: reader.uint64(at: 24)
            )
        )
    }

    fileprivate func write(to builder: StructBuilder) {
        builder.write(words.first, at: 0)
        builder.write(words.second, at: 8)
        builder.write(words.third, at: 16)
        builder.write(words.fourth, at: 24)
    }
}

private struct Header {
    let type: UInt16
    let id: UInt64
    let objectID: ObjectID
    let payloadByteCount: UInt64
}

private func encodedHeader(type: UInt16, id: UInt64, objectID: ObjectID, payloadByteCount: UInt64) -> [UInt8]
{
    let builder = MessageBuilder(capacity: Layout.headerByteCount)
    let header = builder.startRoot(Layout.header)
    header.write(payloadByteCount, at: 0)
    header.write(id, at: 8)
    header.write(type, at: 16)
    objectID.write(to: header.startStructure(Layout.objectID, at: 0))
    return builder.finished()
}

private func decodedHeader(_ bytes: [UInt8]) throws(SchedulerMessageError) -> Header {
    guard bytes.count == Layout.headerByteCount else {
        throw .wrongLength(field: .objectHeader, byteCount: bytes.count)
    }
    do {
        let header = try MessageReader(bytes).root()
        return Header(
            type: header.uint16(at: 16),
            id: header.uint64(at: 8),
            objectID: ObjectID(from: try header.structure(at: 0)),
            payloadByteCount: header.uint64(at: 0)
        )
    } catch {
        throw .encoding(error)
    }
}

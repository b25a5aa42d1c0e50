// SPDX-License-Identifier: Apache-2.0

import Encodings

/// The second half of an object's name, which tells the objects of one client apart.
package struct ObjectTag: Hashable, Sendable {
    /// Bytes of a tag.
    package static let byteCount = 16

    /// The tag under which every client stores its serializer: the MD5 digest of `serializer`.
    package static let serializer = ObjectTag(high: 0x84f6_fb7c_d5cd_53b5, low: 0x6794_89a2_9396_448f)

    /// The first 8 bytes, most significant first.
    package let high: UInt64
    /// The last 8 bytes, most significant first.
    package let low: UInt64

    /// Creates a tag from its two halves.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Creates a tag from 16 bytes; throws `wrongLength` for any other number.
    package init(_ bytes: ArraySlice<UInt8>) throws(SchedulerMessageError) {
        guard bytes.count == Self.byteCount else {
            throw .wrongLength(field: .objectTag, byteCount: bytes.count)
        }
        self.init(high: bigEndian(bytes.prefix(8)), low: bigEndian(bytes.dropFirst(8)))
    }
}

/// The name of an object in Scaler's object storage: 16 bytes for its owner, 16 bytes for its tag.
///
/// It is kept as four numbers, most significant byte first: without an allocation, and as the object storage
/// protocol sends it.
package struct ObjectID: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of an id.
    package static let byteCount = 32

    /// The owner's half: its first 8 bytes, most significant first.
    let ownerHigh: UInt64
    /// The owner's half: its last 8 bytes, most significant first.
    let ownerLow: UInt64
    /// The half that tells the owner's objects apart.
    package let tag: ObjectTag

    /// The bytes as they travel in messages of the scheduler.
    package var bytes: [UInt8] { [ownerHigh, ownerLow, tag.high, tag.low].flatMap { bigEndianBytes($0) } }

    /// The bytes as lower-case hexadecimal digits.
    package var hexadecimal: String { Hexadecimal.encode(bytes) }

    package var description: String { hexadecimal }
}

extension ObjectID {
    /// Creates an id from 32 bytes; throws `wrongLength` for any other number.
    package init(_ bytes: ArraySlice<UInt8>) throws(SchedulerMessageError) {
        guard bytes.count == Self.byteCount else {
            throw .wrongLength(field: .objectID, byteCount: bytes.count)
        }
        ownerHigh = bigEndian(bytes.prefix(8))
        ownerLow = bigEndian(bytes.dropFirst(8).prefix(8))
        tag = try ObjectTag(bytes.dropFirst(16))
    }

    /// Creates an id from an array of 32 bytes; throws `wrongLength` for any other number.
    package init(_ bytes: [UInt8]) throws(SchedulerMessageError) { try self.init(bytes[...]) }

    /// Creates the id of an owner's object: the digest of the owner's identity by `md5`, 16 bytes, then the tag.
    ///
    /// MD5 (RFC 1321) is Scaler's choice; nothing secret depends on it: it is an address, not a proof.
    package init(owner: ClientID, tag: ObjectTag, md5: ([UInt8]) -> [UInt8]) {
        let digest = md5(owner.bytes)[...]
        precondition(digest.count == 16, "a digest of \(digest.count) bytes is none of MD5")
        ownerHigh = bigEndian(digest.prefix(8))
        ownerLow = bigEndian(digest.dropFirst(8))
        self.tag = tag
    }
}

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
    package init(_ bytes: some Collection<UInt8>) throws(SchedulerMessageError) {
        guard bytes.count == Self.byteCount else {
            throw .wrongLength(field: .objectTag, byteCount: bytes.count)
        }
        high = bigEndian(bytes.prefix(8))
        low = bigEndian(bytes.dropFirst(8))
    }

    /// Draws a tag for a new object.
    package static func random(using generator: inout some RandomNumberGenerator) -> ObjectTag {
        ObjectTag(high: generator.next(), low: generator.next())
    }
}

/// The name of an object in Scaler's object storage: 16 bytes for its owner, 16 bytes for its tag.
///
/// It is kept as four numbers, most significant byte first: without an allocation, and as the object storage
/// protocol sends it.
package struct ObjectID: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of an id.
    package static let byteCount = 32

    /// The 32 bytes as four big-endian numbers.
    let words: Words

    struct Words: Hashable, Sendable {
        var first: UInt64
        var second: UInt64
        var third: UInt64
        var fourth: UInt64
    }

    init(words: Words) {
        self.words = words
    }

    /// Creates an id from 32 bytes; throws `wrongLength` for any other number.
    package init(_ bytes: some Collection<UInt8>) throws(SchedulerMessageError) {
        guard bytes.count == Self.byteCount else {
            throw .wrongLength(field: .objectID, byteCount: bytes.count)
        }
        words = Words(
            first: bigEndian(bytes.prefix(8)),
            second: bigEndian(bytes.dropFirst(8).prefix(8)),
            third: bigEndian(bytes.dropFirst(16).prefix(8)),
            fourth: bigEndian(bytes.dropFirst(24))
        )
    }

    /// Creates the id of an owner's object: the MD5 digest of the owner's identity, then the tag.
    package init(owner: ClientID, tag: ObjectTag) {
        let digest = MD5.digest(of: owner.bytes)
        words = Words(
            first: bigEndian(digest.prefix(8)),
            second: bigEndian(digest.dropFirst(8)),
            third: tag.high,
            fourth: tag.low
        )
    }

    /// Returns the id of the serializer that a client has stored for its tasks.
    package static func serializer(of owner: ClientID) -> ObjectID {
        ObjectID(owner: owner, tag: .serializer)
    }

    /// The half that tells the owner's objects apart.
    package var tag: ObjectTag {
        ObjectTag(high: words.third, low: words.fourth)
    }

    /// The bytes as they travel in messages of the scheduler.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for word in [words.first, words.second, words.third, words.fourth] {
            bytes.append(contentsOf: bigEndianBytes(word))
        }
        return bytes
    }

    /// The bytes as lower-case hexadecimal digits.
    package var hexadecimal: String {
        Hexadecimal.encode(bytes)
    }

    /// The same as `hexadecimal`, for logs.
    package var description: String {
        hexadecimal
    }
}

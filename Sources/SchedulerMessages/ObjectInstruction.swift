// SPDX-License-Identifier: Apache-2.0

package import CapnProto

/// What is to be known about objects (`ObjectInstruction`): workers announce, schedulers revoke.
package struct ObjectInstruction: ReadableStruct, CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 6, dataWords: 1, pointers: 2) }

    private static let metadataSize = StructSize(dataWords: 0, pointers: 4)

    /// What has happened to the objects; any other number is something a later version has invented.
    package struct Kind: RawRepresentable, Equatable, Sendable {
        /// They are stored; sent by a worker.
        package static let create = Kind(rawValue: 0)
        /// They are gone; sent by a scheduler to every worker.
        package static let delete = Kind(rawValue: 1)
        /// All of the user's are gone; sent by clients only.
        package static let clear = Kind(rawValue: 2)

        /// The number on the wire.
        package let rawValue: UInt16

        /// The meaning of a number on the wire.
        package init(rawValue: UInt16) { self.rawValue = rawValue }
    }

    /// What an object holds.
    package enum ContentType: UInt16, Equatable, Sendable, CaseIterable {
        case serializer = 0
        case object = 1
    }

    /// What has happened.
    package let kind: Kind
    /// The client that owns the objects; empty in a scheduler's `delete`.
    package let user: ClientID
    /// The objects.
    package let objectIDs: [ObjectID]
    /// What each holds; as many as ids in a `create`, none in a `delete`.
    package let contentTypes: [ContentType]
    /// What each is called, for monitors; as many as ids in a `create`, none in a `delete`.
    package let names: [[UInt8]]
    /// Length of each in bytes; since 2.9.0, and may be missing even there.
    package let sizesInBytes: [UInt64]
}

extension ObjectInstruction {
    /// Creates a worker's announcement of one object of a client; `sizeInBytes` is shown by monitors.
    package init(created objectID: ObjectID, user: ClientID, name: String, sizeInBytes: UInt64) {
        kind = .create
        self.user = user
        objectIDs = [objectID]
        contentTypes = [.object]
        names = [Array(name.utf8)]
        sizesInBytes = [sizeInBytes]
    }

    init(from body: StructReader) throws(SchedulerMessageError) {
        kind = Kind(rawValue: body.uint16(at: 0))
        user = ClientID(try body.bytes(at: 0))
        let metadata = try body.field(at: 1)
        objectIDs = try metadata.objectIDs(at: 0)
        contentTypes = try metadata.enumerants(at: 1, .objectContentType)
        names = try metadata.byteLists(at: 2)
        sizesInBytes = try metadata.uint64s(at: 3)
    }

    /// Writes no list without elements: it stays null, as schedulers leave it.
    package func write(to body: StructBuilder) {
        body.write(kind.rawValue, at: 0)
        body.write(data: user.bytes, at: 0)
        let metadata = body.startStructure(Self.metadataSize, at: 1)
        metadata.write(byteLists: objectIDs.map(\.bytes), at: 0)
        if !contentTypes.isEmpty { metadata.write(numbers: contentTypes.map(\.rawValue), at: 1) }
        if !names.isEmpty { metadata.write(byteLists: names, at: 2) }
        if !sizesInBytes.isEmpty { metadata.write(numbers: sizesInBytes, at: 3) }
    }
}

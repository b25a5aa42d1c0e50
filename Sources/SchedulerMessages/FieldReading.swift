// SPDX-License-Identifier: Apache-2.0

import CapnProto

// The kinds of field that Scaler's schema is made of. Everything is copied out: what is decoded may be kept
// for the life of a task without keeping the message that brought it.

/// A struct that is read from a message.
protocol ReadableStruct {
    /// Reads the struct, leaving unset what the sender's version did not know.
    ///
    /// Throws for a field that cannot be read as its type, also for a number without a known meaning.
    init(from reader: StructReader) throws(SchedulerMessageError)
}

/// A struct that is written inside a message's body.
protocol WritableStruct {
    /// Its size in 2.9.0.
    static var size: StructSize { get }

    func write(to builder: StructBuilder)
}

private func reading<Value>(
    _ step: () throws(CapnProtoError) -> Value
) throws(SchedulerMessageError) -> Value {
    do { return try step() } catch { throw .encoding(error) }
}

func root(of bytes: [UInt8]) throws(SchedulerMessageError) -> StructReader {
    try reading { () throws(CapnProtoError) in try MessageReader(bytes).root() }
}

extension StructReader {
    func bytes(at index: Int) throws(SchedulerMessageError) -> [UInt8] {
        try reading { () throws(CapnProtoError) in Array(try data(at: index)) }
    }

    func string(at index: Int) throws(SchedulerMessageError) -> String {
        try reading { () throws(CapnProtoError) in try text(at: index) }
    }

    func taskID(at index: Int) throws(SchedulerMessageError) -> TaskID { TaskID(try bytes(at: index)) }

    /// Reads an object id; nil if the field is not 32 bytes long.
    func objectIDIfValid(at index: Int) throws(SchedulerMessageError) -> ObjectID? {
        let bytes = try reading { () throws(CapnProtoError) in try data(at: index) }
        return try? ObjectID(bytes)
    }

    func field(at index: Int) throws(SchedulerMessageError) -> StructReader {
        try reading { () throws(CapnProtoError) in try structure(at: index) }
    }

    func nested<Nested: ReadableStruct>(at index: Int) throws(SchedulerMessageError) -> Nested {
        try Nested(from: try field(at: index))
    }

    /// Reads an enumerant; throws `unknownValue` of `field` for a number without a known meaning.
    func enumerant<Value: RawRepresentable<UInt16>>(
        at byte: Int,
        _ field: SchedulerMessageError.Field
    ) throws(SchedulerMessageError) -> Value {
        try known(uint16(at: byte), field)
    }

    func nestedList<Nested: ReadableStruct>(at index: Int) throws(SchedulerMessageError) -> [Nested] {
        try elements(at: index, of: .structure) { list, position throws(SchedulerMessageError) in
            try Nested(from: list.structure(at: position))
        }
    }

    func objectIDs(at index: Int) throws(SchedulerMessageError) -> [ObjectID] {
        try elements(at: index, of: .pointer) { list, position throws(SchedulerMessageError) in
            try ObjectID(try list.slice(at: position))
        }
    }

    func byteLists(at index: Int) throws(SchedulerMessageError) -> [[UInt8]] {
        try elements(at: index, of: .pointer) { list, position throws(SchedulerMessageError) in
            Array(try list.slice(at: position))
        }
    }

    func enumerants<Value: RawRepresentable<UInt16>>(
        at index: Int,
        _ field: SchedulerMessageError.Field
    ) throws(SchedulerMessageError) -> [Value] {
        try elements(at: index, of: .number(byteCount: 2)) { list, position throws(SchedulerMessageError) in
            try known(list.uint16(at: position), field)
        }
    }

    func uint64s(at index: Int) throws(SchedulerMessageError) -> [UInt64] {
        try elements(at: index, of: .number(byteCount: 8)) { list, position in list.uint64(at: position) }
    }

    /// Reads a list, each element by `read`.
    private func elements<Element>(
        at index: Int,
        of kind: ListElement,
        _ read: (ListReader, Int) throws(SchedulerMessageError) -> Element
    ) throws(SchedulerMessageError) -> [Element] {
        let list = try reading { () throws(CapnProtoError) in try self.list(at: index, of: kind) }
        var elements: [Element] = []
        elements.reserveCapacity(list.count)
        for position in 0..<list.count { elements.append(try read(list, position)) }
        return elements
    }
}

extension ListReader {
    fileprivate func slice(at index: Int) throws(SchedulerMessageError) -> ArraySlice<UInt8> {
        try reading { () throws(CapnProtoError) in try data(at: index) }
    }
}

/// The meaning of a number on the wire.
func known<Value: RawRepresentable<UInt16>>(
    _ number: UInt16,
    _ field: SchedulerMessageError.Field
) throws(SchedulerMessageError) -> Value {
    guard let value = Value(rawValue: number) else { throw .unknownValue(field: field, value: number) }
    return value
}

extension StructBuilder {
    /// Writes a list of byte lists, each by itself.
    func write(byteLists: [[UInt8]], at index: Int) {
        let list = startPointers(count: byteLists.count, at: index)
        for (position, bytes) in byteLists.enumerated() {
            list.element(at: position).write(data: bytes, at: 0)
        }
    }

    func write<Nested: WritableStruct>(_ nested: Nested, at index: Int) {
        nested.write(to: startStructure(Nested.size, at: index))
    }

    func write<Nested: WritableStruct>(_ structs: [Nested], at index: Int) {
        let list = startStructures(Nested.size, count: structs.count, at: index)
        for (position, nested) in structs.enumerated() { nested.write(to: list.element(at: position)) }
    }
}

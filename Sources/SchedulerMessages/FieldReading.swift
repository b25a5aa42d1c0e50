// SPDX-License-Identifier: Apache-2.0

import CapnProto

// The kinds of field that Scaler's schema is made of. Everything is copied out: what is decoded may be kept
// for the life of a task without keeping the message that brought it.

extension StructReader {
    func bytes(at index: Int) throws(SchedulerMessageError) -> [UInt8] {
        do {
            return Array(try data(at: index))
        } catch {
            throw .encoding(error)
        }
    }

    func string(at index: Int) throws(SchedulerMessageError) -> String {
        do {
            return try text(at: index)
        } catch {
            throw .encoding(error)
        }
    }

    func taskID(at index: Int) throws(SchedulerMessageError) -> TaskID {
        TaskID(try bytes(at: index))
    }

    /// Reads an object id; nil if the field is not 32 bytes long.
    func objectIDIfValid(at index: Int) throws(SchedulerMessageError) -> ObjectID? {
        do {
            let bytes = try data(at: index)
            return bytes.count == ObjectID.byteCount ? try? ObjectID(bytes) : nil
        } catch {
            throw .encoding(error)
        }
    }

    func field(at index: Int) throws(SchedulerMessageError) -> StructReader {
        do {
            return try structure(at: index)
        } catch {
            throw .encoding(error)
        }
    }

    func elements(at index: Int, of element: ListElement) throws(SchedulerMessageError) -> ListReader {
        do {
            return try list(at: index, of: element)
        } catch {
            throw .encoding(error)
        }
    }

    /// Reads a list of structs, each by `read`.
    func structures<Element>(
        at index: Int,
        _ read: (StructReader) throws(SchedulerMessageError) -> Element
    ) throws(SchedulerMessageError) -> [Element] {
        let list = try elements(at: index, of: .structure)
        var elements: [Element] = []
        elements.reserveCapacity(list.count)
        for position in 0..<list.count {
            elements.append(try read(list.structure(at: position)))
        }
        return elements
    }

    func objectIDs(at index: Int) throws(SchedulerMessageError) -> [ObjectID] {
        let list = try elements(at: index, of: .pointer)
        var identifiers: [ObjectID] = []
        identifiers.reserveCapacity(list.count)
        for position in 0..<list.count {
            identifiers.append(try ObjectID(try list.slice(at: position)))
        }
        return identifiers
    }

    func byteLists(at index: Int) throws(SchedulerMessageError) -> [[UInt8]] {
        let list = try elements(at: index, of: .pointer)
        var byteLists: [[UInt8]] = []
        byteLists.reserveCapacity(list.count)
        for position in 0..<list.count {
            byteLists.append(Array(try list.slice(at: position)))
        }
        return byteLists
    }

    func uint16s(at index: Int) throws(SchedulerMessageError) -> [UInt16] {
        let list = try elements(at: index, of: .number(byteCount: 2))
        return (0..<list.count).map { list.uint16(at: $0) }
    }

    func uint64s(at index: Int) throws(SchedulerMessageError) -> [UInt64] {
        let list = try elements(at: index, of: .number(byteCount: 8))
        return (0..<list.count).map { list.uint64(at: $0) }
    }
}

extension ListReader {
    func slice(at index: Int) throws(SchedulerMessageError) -> ArraySlice<UInt8> {
        do {
            return try data(at: index)
        } catch {
            throw .encoding(error)
        }
    }
}

extension StructBuilder {
    /// Writes a list of byte lists, each by itself.
    func write(byteLists: [[UInt8]], at index: Int) {
        let list = startPointers(count: byteLists.count, at: index)
        for (position, bytes) in byteLists.enumerated() {
            list.element(at: position).write(data: bytes, at: 0)
        }
    }

    /// Writes a list of structs, each by `write`.
    func write<Element>(
        _ elements: [Element],
        size: StructSize,
        at index: Int,
        _ write: (Element, StructBuilder) -> Void
    ) {
        let list = startStructures(size, count: elements.count, at: index)
        for (position, element) in elements.enumerated() {
            write(element, list.element(at: position))
        }
    }
}

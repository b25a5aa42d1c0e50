// SPDX-License-Identifier: Apache-2.0

/// Plain data found in a pickle.
enum PickleValue: Equatable {
    case none
    case bool(Bool)
    case int(Int)
    case text(String)
    /// Where the bytes lie; they are not copied.
    case bytes(Range<Int>)
    /// Keys and values in the order written. Never inside another: no outcome nests, so depth has no cost to limit.
    case dict([Pair])

    struct Pair: Equatable {
        let key: String
        let value: PickleValue
    }
}

/// Reads a pickle (protocols 2 to 5) of one piece of plain data, without a way to import or call anything.
///
/// What runs in the container can store any bytes it likes under the name of its result, and this process holds
/// credentials: so this is a reader of a dozen opcodes, not an unpickler with a filter.
struct PickleReader {
    /// More than any outcome uses, and few enough to cost nothing.
    private static let itemsMax = 256

    private enum Item {
        case mark
        case value(PickleValue)
    }

    private var input: PickledBytes
    private var stack: [Item] = []
    private var memo: [Int: PickleValue] = [:]

    static func read(_ input: PickledBytes) throws(TaskPayloadError) -> PickleValue {
        var reader = PickleReader(input: input)
        return try reader.run()
    }

    private mutating func run() throws(TaskPayloadError) -> PickleValue {
        while true {
            guard stack.count <= Self.itemsMax, memo.count <= Self.itemsMax else { throw .overLimit }
            let start = input.offset
            guard let opcode = PickleOpcode(rawValue: try input.next()) else {
                throw .unreadable(offset: start)
            }
            if opcode == .stop {
                guard case .value(let value)? = stack.popLast(), stack.isEmpty else {
                    throw .unreadable(offset: start)
                }
                guard input.isAtEnd else { throw .trailingBytes }
                return value
            }
            if let value = try scalar(opcode) {
                stack.append(.value(value))
            } else {
                guard try apply(opcode) else { throw .unreadable(offset: start) }
            }
        }
    }

    /// Reads the operand of an opcode that pushes a value, or answers nil for any other opcode.
    private mutating func scalar(_ opcode: PickleOpcode) throws(TaskPayloadError) -> PickleValue? {
        switch opcode {
        case .none: PickleValue.none
        case .newTrue: .bool(true)
        case .newFalse: .bool(false)
        case .int1: .int(try input.number(width: 1))
        case .int2: .int(try input.number(width: 2))
        case .int4: .int(Int(Int32(truncatingIfNeeded: try input.number(width: 4))))
        case .long1: .int(try long())
        case .text1: .text(try input.text(try input.number(width: 1)))
        case .text4: .text(try input.text(try input.number(width: 4)))
        case .text8: .text(try input.text(try input.number(width: 8)))
        case .bytes1: .bytes(try input.skip(try input.number(width: 1)))
        case .bytes4: .bytes(try input.skip(try input.number(width: 4)))
        case .bytes8: .bytes(try input.skip(try input.number(width: 8)))
        case .emptyDict: .dict([])
        default: nil
        }
    }

    /// Obeys an opcode that works on the stack or the memo, or answers false where it does not fit.
    private mutating func apply(_ opcode: PickleOpcode) throws(TaskPayloadError) -> Bool {
        switch opcode {
        case .proto: return (2...5).contains(try input.next())
        case .frame:
            // A frame only promises that so many bytes follow; whoever reads without buffering may ignore it.
            return try input.number(width: 8) <= input.byteCount - input.offset
        case .mark:
            stack.append(.mark)
            return true
        case .setItem: return setItems(from: stack.count - 2)
        case .setItems:
            guard let mark = stack.lastIndex(where: { if case .mark = $0 { true } else { false } }) else {
                return false
            }
            stack.remove(at: mark)
            return setItems(from: mark)
        case .memoize: return keep(memo.count)
        case .put1: return keep(try input.number(width: 1))
        case .put4: return keep(try input.number(width: 4))
        case .get1: return recall(try input.number(width: 1))
        case .get4: return recall(try input.number(width: 4))
        default: return false
        }
    }

    /// Moves the keys and values on top of the stack into the dictionary below them.
    private mutating func setItems(from start: Int) -> Bool {
        guard start >= 1, case .value(.dict(var pairs)) = stack[start - 1],
            (stack.count - start).isMultiple(of: 2), pairs.count <= Self.itemsMax
        else { return false }
        for index in stride(from: start, to: stack.count, by: 2) {
            guard case .value(.text(let key)) = stack[index], case .value(let value) = stack[index + 1] else {
                return false
            }
            if case .dict = value { return false }
            pairs.append(PickleValue.Pair(key: key, value: value))
        }
        stack[start - 1] = .value(.dict(pairs))
        stack.removeSubrange(start...)
        return true
    }

    private mutating func keep(_ index: Int) -> Bool {
        guard case .value(let value)? = stack.last else { return false }
        memo[index] = value
        return true
    }

    /// Pushes a kept value; a dictionary would have to be the same one, not a copy, and no outcome asks for that.
    private mutating func recall(_ index: Int) -> Bool {
        guard let value = memo[index] else { return false }
        if case .dict = value { return false }
        stack.append(.value(value))
        return true
    }

    /// Reads an integer of up to 8 bytes in two's complement.
    private mutating func long() throws(TaskPayloadError) -> Int {
        let start = input.offset
        let width = try input.number(width: 1)
        guard width <= 8 else { throw .unreadable(offset: start) }
        var number: UInt64 = 0
        for place in 0..<width { number |= UInt64(try input.next()) << (8 * UInt64(place)) }
        let unusedBits = UInt64(64 - 8 * width)
        return width == 0 ? 0 : Int(Int64(bitPattern: number << unusedBits) >> Int64(unusedBits))
    }
}

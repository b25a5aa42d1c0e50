// SPDX-License-Identifier: Apache-2.0

internal import Compression
internal import Encodings
internal import EventLoop

/// What a job runner finds in its environment and in the bucket: a pickle of `{"task_id", "function", "arguments"}`, whose
/// arguments are the trampoline's: context, serializer, function, and those of the task.
@LoopActor
struct JobPayload {
    let taskID: String
    let job: SimulatedJob
    /// Whether the client asked for what the task prints.
    let isOutputWanted: Bool
    /// Where it was, if it was an object.
    let objectName: String?

    /// Unpacks and judges it: nobody but the daemon has had it in its hands.
    init?(_ environment: [String: String], _ simulation: Simulation, _ bucket: SimulatedBucket) {
        let inline = environment["PAYLOAD_B64"] ?? ""
        let key = environment["OCI_OBJECT_KEY"] ?? ""
        let isObject = inline.isEmpty
        objectName = isObject ? key : nil
        var packed = isObject ? bucket[key] ?? [] : Base64.decode(inline) ?? []
        simulation.judge("payload", !packed.isEmpty, "no payload, neither in the environment nor at \(key)")
        if environment["COMPRESSED"] == "1" || (isObject && key.hasSuffix(".gz")) {
            packed = Self.expanded(packed) ?? []
        }
        guard case .dict(let pairs)? = PickledPayload.read(packed),
            case .text(let taskID)? = pairs["task_id"],
            case .list(let arguments)? = pairs["arguments"], arguments.count == 4,
            case .dict(let context) = arguments[0], case .bytes(let flags)? = context["flags"],
            case .bytes(let function) = arguments[2], case .bytes(let argument) = arguments[3],
            let job = SimulatedJob(argument: argument)
        else {
            simulation.judge(
                "payload",
                false,
                "the payload of \(environment["TASK_ID"] ?? "a task") is damaged"
            )
            return nil
        }
        simulation.judge(
            "payload",
            function == SimulatedJob.function,
            "the function of task \(taskID) is damaged"
        )
        self.taskID = taskID
        self.job = job
        isOutputWanted = flags.count > 5 && flags[5] == 1
    }

    private static func expanded(_ bytes: [UInt8]) -> [UInt8]? {
        let decompressor = GzipDecompressor(outputBytesMax: 1 << 30)
        var output: [UInt8] = []
        do throws(CompressionError) {
            decompressor.feed(bytes)
            while let piece = try decompressor.next() { output += piece }
            try decompressor.finish()
            return output
        } catch {
            return nil
        }
    }
}

/// Values of a payload's pickle, whose code is never run.
indirect enum PickledPayload {
    case none
    case text(String)
    case bytes([UInt8])
    case dict([String: PickledPayload])
    case list([PickledPayload])
    /// A name, a call, a tuple: what a job runner would import or call.
    case opaque
    case mark

    /// Reads the opcodes (protocol 4) that a payload is made of; nil for any other bytes.
    static func read(_ bytes: [UInt8]) -> PickledPayload? {
        var reader = PayloadReader(bytes: bytes)
        return reader.read()
    }
}

private struct PayloadReader {
    let bytes: [UInt8]
    var position = 0
    var stack: [PickledPayload] = []

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func read() -> PickledPayload? {
        while position < bytes.count {
            let opcode = bytes[position]
            position += 1
            if opcode == UInt8(ascii: ".") {
                return stack.count == 1 && position == bytes.count ? stack[0] : nil
            }
            guard step(opcode) else { return nil }
        }
        return nil
    }

    private mutating func step(_ opcode: UInt8) -> Bool {
        switch opcode {
        case 0x80, 0x68: position += 1
        case 0x94: break
        case UInt8(ascii: "}"): stack.append(.dict([:]))
        case UInt8(ascii: "]"): stack.append(.list([]))
        case UInt8(ascii: "("): stack.append(.mark)
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x8C: return pushText(width: 1)
        case UInt8(ascii: "X"): return pushText(width: 4)
        case UInt8(ascii: "C"): return pushBytes(width: 1)
        case UInt8(ascii: "B"): return pushBytes(width: 4)
        case 0x8E: return pushBytes(width: 8)
        case UInt8(ascii: "0"): return stack.popLast() != nil
        case 0x93, 0x86, UInt8(ascii: "R"): return replaceTop(2)
        case 0x85: return replaceTop(1)
        case 0x87: return replaceTop(3)
        case UInt8(ascii: "e"): return append()
        case UInt8(ascii: "u"): return setItems()
        default: return false
        }
        if opcode == 0x68 { stack.append(.opaque) }
        return true
    }

    private mutating func take(width: Int) -> ArraySlice<UInt8>? {
        guard position + width <= bytes.count else { return nil }
        let count = bytes[position..<position + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        position += width
        guard count <= UInt64(bytes.count - position) else { return nil }
        position += Int(count)
        return bytes[position - Int(count)..<position]
    }

    private mutating func pushText(width: Int) -> Bool {
        guard let text = take(width: width) else { return false }
        stack.append(.text(String(decoding: text, as: UTF8.self)))
        return true
    }

    private mutating func pushBytes(width: Int) -> Bool {
        guard let value = take(width: width) else { return false }
        stack.append(.bytes(Array(value)))
        return true
    }

    private mutating func replaceTop(_ count: Int) -> Bool {
        guard stack.count >= count else { return false }
        stack.removeLast(count)
        stack.append(.opaque)
        return true
    }

    /// What lies above the last mark, which goes with it.
    private mutating func popToMark() -> [PickledPayload]? {
        guard let index = stack.lastIndex(where: { if case .mark = $0 { true } else { false } }), index > 0
        else {
            return nil
        }
        let items = Array(stack[(index + 1)...])
        stack.removeSubrange(index...)
        return items
    }

    private mutating func append() -> Bool {
        guard let items = popToMark(), case .list(let list)? = stack.popLast() else { return false }
        stack.append(.list(list + items))
        return true
    }

    private mutating func setItems() -> Bool {
        guard let items = popToMark(), items.count.isMultiple(of: 2), case .dict(var pairs)? = stack.popLast()
        else {
            return false
        }
        for index in stride(from: 0, to: items.count, by: 2) {
            guard case .text(let key) = items[index] else { return false }
            pairs[key] = items[index + 1]
        }
        stack.append(.dict(pairs))
        return true
    }
}

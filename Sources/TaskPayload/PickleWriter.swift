// SPDX-License-Identifier: Apache-2.0

/// Writes pickle opcodes, protocol 4 (PEP 3154), which every Python 3.4 and newer loads.
struct PickleWriter {
    private(set) var bytes: [UInt8]

    /// A writer of a pickle, or of what follows the beginning of one.
    init(isContinued: Bool = false) { bytes = isContinued ? [] : [PickleOpcode.proto.rawValue, 4] }

    mutating func write(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

    mutating func write(text: String) {
        writeHead(byteCount: text.utf8.count, .text1, .text4, .text8)
        bytes += Array(text.utf8)
    }

    mutating func write(bytes value: [UInt8]) {
        writeHead(ofBytes: value.count)
        bytes += value
    }

    /// Writes the opcode and length of a `bytes` whose content the caller puts behind it.
    mutating func writeHead(ofBytes byteCount: Int) {
        writeHead(byteCount: byteCount, .bytes1, .bytes4, .bytes8)
    }

    /// Pushes a name of a module, importing the module where the pickle is loaded.
    mutating func write(global name: String, of module: String) {
        write(text: module)
        write(text: name)
        write(.stackGlobal)
    }

    /// Pushes what was kept by the `memoize` of this number, from 0.
    mutating func recall(_ index: UInt8) {
        write(.get1)
        bytes.append(index)
    }

    /// Hands out what has been written since the last call, so that a foreign piece can follow it.
    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    private mutating func writeHead(
        byteCount: Int,
        _ short: PickleOpcode,
        _ medium: PickleOpcode,
        _ long: PickleOpcode
    ) {
        let (opcode, width) =
            switch byteCount {
            case ...0xFF: (short, 1)
            case ...0xFFFF_FFFF: (medium, 4)
            default: (long, 8)
            }
        write(opcode)
        for place in 0..<width { bytes.append(UInt8(truncatingIfNeeded: byteCount >> (8 * place))) }
    }
}

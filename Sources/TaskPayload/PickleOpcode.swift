// SPDX-License-Identifier: Apache-2.0

/// The few opcodes of Python's pickle format that are written or read here (CPython, `Lib/pickletools.py`).
///
/// Neither side is an unpickler: the writer builds one known shape, and the reader understands plain data only. An
/// opcode that could import or call something exists here for writing alone.
enum PickleOpcode: UInt8 {
    case proto = 0x80
    case frame = 0x95
    case stop = 0x2E

    case mark = 0x28
    case emptyDict = 0x7D
    case setItem = 0x73
    case setItems = 0x75
    case emptyList = 0x5D
    case appends = 0x65
    case pop = 0x30
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87

    case none = 0x4E
    case newTrue = 0x88
    case newFalse = 0x89
    case int4 = 0x4A
    case int1 = 0x4B
    case int2 = 0x4D
    case long1 = 0x8A
    case text1 = 0x8C
    case text4 = 0x58
    case text8 = 0x8D
    case bytes1 = 0x43
    case bytes4 = 0x42
    case bytes8 = 0x8E

    case put1 = 0x71
    case put4 = 0x72
    case memoize = 0x94
    case get1 = 0x68
    case get4 = 0x6A

    /// Pushes what a module and a name refer to. Written, never read.
    case stackGlobal = 0x93
    /// Calls a callable with a tuple. Written, never read.
    case reduce = 0x52
}

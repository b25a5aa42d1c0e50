// SPDX-License-Identifier: Apache-2.0

/// Scaler's default serializer, as clients send it: pickled by reference, as an instance or as the class.
///
/// Recognised byte for byte in what `pickle` writes for it under protocols 2 to 5. Any other bytes are taken for a
/// serializer of the client's own and loaded in the container, so a form unknown here costs the image a dependency,
/// never a wrong result.
package enum DefaultSerializer {
    private static let module = Array("scaler.client.serializer.default".utf8)
    private static let name = Array("DefaultSerializer".utf8)
    private static let forms = Set([2, 3].flatMap(textForms) + [4, 5].flatMap(framedForms))

    /// The default serializer, as a client of today pickles it.
    package static let pickled = framedForms(version: 5)[0]

    /// Tells whether `bytes` are the default serializer.
    package static func isPickled(as bytes: [UInt8]) -> Bool { forms.contains(bytes) }

    /// Protocols 2 and 3 name a class in two lines (GLOBAL) and number what they keep (BINPUT).
    private static func textForms(version: UInt8) -> [[UInt8]] {
        let newline = UInt8(ascii: "\n")
        let head = [0x80, version, UInt8(ascii: "c")] + module + [newline] + name + [newline, 0x71, 0]
        // EMPTY_TUPLE NEWOBJ BINPUT 1 STOP, or STOP alone for the class.
        return [[0x29, 0x81, 0x71, 1, 0x2E], [0x2E]].map { head + $0 }
    }

    /// Protocols 4 and 5 push two texts (STACK_GLOBAL), keep each thing (MEMOIZE), and say how long it all is (FRAME).
    private static func framedForms(version: UInt8) -> [[UInt8]] {
        let texts = [module, name].flatMap { text -> [UInt8] in [0x8C, UInt8(text.count)] + text + [0x94] }
        let head: [UInt8] = texts + [0x93, 0x94]
        // EMPTY_TUPLE NEWOBJ MEMOIZE STOP, or STOP alone for the class.
        let tails: [[UInt8]] = [[0x29, 0x81, 0x94, 0x2E], [0x2E]]
        return tails.map { tail in
            let frame: [UInt8] = [0x95, UInt8(head.count + tail.count), 0, 0, 0, 0, 0, 0, 0]
            return [0x80, version] + frame + head + tail
        }
    }
}

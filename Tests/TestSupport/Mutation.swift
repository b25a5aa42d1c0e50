// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// Returns a message with one to four things changed: a bit, a byte, a whole word, or the number of
    /// words.
    package func mutatedWords(using random: inout some RandomNumberGenerator) -> [UInt8] {
        // Values at which lengths, offsets and kinds of pointer turn into something else.
        let edges: [UInt8] = [0, 1, 2, 3, 4, 7, 0x7f, 0x80, 0xfc, 0xff]
        var bytes = self
        for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count >= 8 {
            let index = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1, 2: bytes[index] = edges.randomElement(using: &random) ?? 0
            case 3:
                for offset in index / 8 * 8..<index / 8 * 8 + 8 where offset < bytes.count {
                    bytes[offset] = .random(in: 0...255, using: &random)
                }
            default: bytes.removeLast(Swift.min(bytes.count, 8 * Int.random(in: 0...2, using: &random)))
            }
        }
        return bytes
    }
}

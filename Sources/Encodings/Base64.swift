// SPDX-License-Identifier: Apache-2.0

/// Base64 (RFC 4648): padded in headers and payloads, unpadded with the URL alphabet inside tokens.
package enum Base64 {
    /// The two alphabets of RFC 4648, sections 4 and 5.
    package enum Alphabet: Sendable {
        /// `+` and `/`, padded with `=`.
        case standard
        /// `-` and `_`, without padding, as JWS (RFC 7515) writes its parts.
        case url
    }

    /// Returns the text for `bytes`.
    package static func encode(_ bytes: [UInt8], _ alphabet: Alphabet = .standard) -> String {
        let digits = alphabet.digits
        var text = [UInt8](repeating: UInt8(ascii: "="), count: (bytes.count + 2) / 3 * 4)
        var end = 0
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var bits = UInt32(bytes[start]) << 16
            if count > 1 { bits |= UInt32(bytes[start + 1]) << 8 }
            if count > 2 { bits |= UInt32(bytes[start + 2]) }
            text[end] = digits[Int(bits >> 18)]
            text[end + 1] = digits[Int(bits >> 12 & 63)]
            if count > 1 { text[end + 2] = digits[Int(bits >> 6 & 63)] }
            if count > 2 { text[end + 3] = digits[Int(bits & 63)] }
            end += 4
        }
        if alphabet == .url { text.removeLast((3 - bytes.count % 3) % 3) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Returns the bytes of `text`, or nil when it is not exactly what `encode` would have written.
    ///
    /// White space, missing padding and left-over bits are refused: a token or hash that carries any of them was
    /// damaged or tampered with.
    package static func decode(_ text: String, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        let characters = Array(text.utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 4 * 3)
        var bits: UInt32 = 0
        var digitCount = 0
        for character in characters.prefix(while: { $0 != UInt8(ascii: "=") }) {
            guard let digit = alphabet.value(of: character) else { return nil }
            bits = bits << 6 | UInt32(digit)
            digitCount += 1
            if digitCount % 4 != 1 {
                let left = UInt32(6 - 2 * ((digitCount - 1) % 4))
                bytes.append(UInt8(truncatingIfNeeded: bits >> left))
            }
        }
        let padding = characters[digitCount...]
        let paddingCount = alphabet == .standard ? (4 - digitCount % 4) % 4 : 0
        guard digitCount % 4 != 1, padding.count == paddingCount,
            padding.allSatisfy({ $0 == UInt8(ascii: "=") })
        else { return nil }
        let unusedBits: UInt32 = [0, 0, 0xF, 0x3][digitCount % 4]
        return bits & unusedBits == 0 ? bytes : nil
    }
}

extension Base64.Alphabet {
    private static let shared = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    private static let standardDigits = Array((shared + "+/").utf8)
    private static let urlDigits = Array((shared + "-_").utf8)

    fileprivate var digits: [UInt8] { self == .standard ? Self.standardDigits : Self.urlDigits }

    fileprivate func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: self == .standard ? "+" : "-"): 62
        case UInt8(ascii: self == .standard ? "/" : "_"): 63
        default: nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Classes of bytes that the grammars of HTTP, URIs, TOML and JSON are made of.
extension UInt8 {
    /// Whether the byte is one of `0` to `9`.
    package var isASCIIDigit: Bool { (0x30...0x39).contains(self) }

    /// Whether the byte is one of `A` to `Z` or `a` to `z`.
    package var isASCIILetter: Bool { (0x41...0x5A).contains(self & ~0x20) }

    /// Whether the byte is an ASCII letter or digit.
    package var isASCIIAlphanumeric: Bool { isASCIILetter || isASCIIDigit }

    /// Whether the byte stands between quotes in one line of text as it is: no ASCII control character.
    package var isPrintable: Bool { self >= 0x20 && self != 0x7F }

    /// Whether the byte is a printable ASCII character other than space.
    package var isVisibleASCII: Bool { (0x21...0x7E).contains(self) }
}

/// The same of whole texts, in one call: what is sent is checked byte by byte.
extension String {
    /// Whether every byte `isPrintable`.
    package var isPrintable: Bool { hasOnly { $0.isPrintable } }

    /// Whether every byte `isVisibleASCII`.
    package var isVisibleASCII: Bool { hasOnly { $0.isVisibleASCII } }

    private func hasOnly(_ isWanted: (UInt8) -> Bool) -> Bool {
        let bytes = utf8Span.span
        for index in bytes.indices where !isWanted(bytes[index]) { return false }
        return true
    }
}

/// Reads up to 8 bytes as a number, most significant first.
package func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    var number: UInt64 = 0
    for byte in bytes { number = number << 8 | UInt64(byte) }
    return number
}

/// Returns the bytes of a number, most significant first.
package func bigEndianBytes(_ number: some FixedWidthInteger) -> [UInt8] {
    littleEndianBytes(number).reversed()
}

/// Reads up to 8 bytes as a number, least significant first.
package func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    var number: UInt64 = 0
    for byte in bytes.reversed() { number = number << 8 | UInt64(byte) }
    return number
}

/// Returns the bytes of a number, least significant first.
package func littleEndianBytes(_ number: some FixedWidthInteger) -> [UInt8] {
    stride(from: 0, to: number.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: number >> $0) }
}

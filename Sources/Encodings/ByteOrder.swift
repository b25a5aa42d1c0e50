// SPDX-License-Identifier: Apache-2.0

/// Reads up to 8 bytes as a number, most significant first.
package func bigEndian(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
}

/// Returns the bytes of a number, most significant first.
package func bigEndianBytes(_ number: some FixedWidthInteger) -> [UInt8] {
    littleEndianBytes(number).reversed()
}

/// Reads up to 8 bytes as a number, least significant first.
package func littleEndian(_ bytes: some BidirectionalCollection<UInt8>) -> UInt64 {
    bigEndian(bytes.reversed())
}

/// Returns the bytes of a number, least significant first.
package func littleEndianBytes(_ number: some FixedWidthInteger) -> [UInt8] {
    stride(from: 0, to: number.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: number >> $0) }
}

// SPDX-License-Identifier: Apache-2.0

/// One way in which a stream of bytes can arrive: the pieces that successive reads return.
package struct Feeding: Sendable, CustomStringConvertible {
    /// What is special about the way the bytes were cut.
    package let description: String
    /// The pieces; joined they are the whole.
    package let pieces: [[UInt8]]
}

/// Every way in which `bytes` are worth feeding to an incremental parser: whole, byte by byte, and cut in two at
/// every position.
///
/// Above 1,000 bytes the cuts are spread over the message, or the cost would grow with the square of its length.
package func feedings(of bytes: [UInt8]) -> [Feeding] {
    var all = [
        Feeding(description: "whole", pieces: [bytes]),
        Feeding(description: "byte by byte", pieces: bytes.map { [$0] }),
    ]
    guard bytes.count > 1 else { return all }
    for cut in stride(from: 1, to: bytes.count, by: bytes.count <= 1000 ? 1 : bytes.count / 30) {
        all.append(
            Feeding(description: "cut at \(cut)", pieces: [Array(bytes[..<cut]), Array(bytes[cut...])])
        )
    }
    return all
}

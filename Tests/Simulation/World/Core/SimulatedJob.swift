// SPDX-License-Identifier: Apache-2.0

/// What a simulated task is to do: its one argument tells its container, and its result is a function of that argument.
package struct SimulatedJob: Sendable, Hashable {
    /// The function that all simulated tasks share, as a client stores it.
    package static let function = Array("the simulated function".utf8)

    /// Which task of the run it is, from 0.
    package let number: UInt64
    /// How long its container runs, in milliseconds.
    package let milliseconds: UInt64
    /// How many bytes of filling its argument has.
    package let fillingByteCount: Int

    /// A job by its number, run time and size.
    package init(number: UInt64, milliseconds: UInt64, fillingByteCount: Int) {
        self.number = number
        self.milliseconds = milliseconds
        self.fillingByteCount = fillingByteCount
    }

    /// The bytes of the argument object.
    package var argument: [UInt8] {
        let head = head
        return [UInt8](unsafeUninitializedCapacity: head.count + fillingByteCount) { bytes, count in
            for (index, byte) in head.enumerated() { bytes[index] = byte }
            for index in 0..<fillingByteCount { bytes[head.count + index] = filling(index) }
            count = head.count + fillingByteCount
        }
    }

    private var head: [UInt8] { Array("job \(number) \(milliseconds) \(fillingByteCount) ".utf8) }

    /// Not one byte again and again, in which a compressor finds a hundred matches at each place.
    private func filling(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: number) &+ UInt8(index & 127) }

    /// Reads the bytes of an argument object; nil unless they are whole and unchanged.
    package init?(argument: [UInt8]) {
        let words = argument.split(
            separator: UInt8(ascii: " "),
            maxSplits: 4,
            omittingEmptySubsequences: false
        )
        guard words.count == 5, words[0].elementsEqual("job".utf8) else { return nil }
        let numbers = words[1...3].compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
        guard numbers.count == 3 else { return nil }
        self.init(number: numbers[0], milliseconds: numbers[1], fillingByteCount: Int(clamping: numbers[2]))
        guard self.argument == argument else { return nil }
    }

    /// What the function returns for it: another for another argument, of which whoever reads one has seen that it is whole.
    package var result: [UInt8] { Array("result \(number) \(stableHash(head, from: 1))".utf8) }
}

// SPDX-License-Identifier: Apache-2.0

/// Fails on purpose, two bytes deep and outside of its memory, which proves that fuzzer and sanitizer are at work.
enum CanaryFuzz {
    static func feed(_ input: [UInt8]) {
        guard input.starts(with: [0xCA, 0x9A]) else { return }
        let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
        byte[input.count] = 1
        byte.deallocate()
    }
}

// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Configuration

private let oddTexts = [
    "", "-", "--", "=", "-1", "1e999", "nan", "0x10", "tcp://", "tcp://:", "tcp://a:99999", "a,b,,", "a=b=c",
    ".=",
    "\u{0}", "é\u{301}", "\r\n", "config.toml", "oci_hpc", "99999999999999999999", "unix:", "http://[",
    "--=x", "-=x",
]

struct FuzzTests {
    /// A parse that returns, whatever it returns, has passed; a trap ends the process and so the test.
    private func survives(_ words: [String], _ file: [UInt8], _ random: UInt64) {
        do throws(ConfigurationError) {
            let result = try Invocation.parse(
                arguments: words,
                environment: ["OCI_REGION": oddTexts[Int(random % UInt64(oddTexts.count))]],
                subcommands: someSubcommands
            ) { _ throws(ConfigurationError) in file }
            if case .run(let settings) = result { #expect(!settings.isEmpty) }
        } catch {
            _ = error.isUsage
            #expect(!error.description.isEmpty)
            #expect(!error.description.utf8.contains(UInt8(ascii: "\n")))
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no command line traps`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let flags = Option.table.flatMap { option in
            ["--\(option.name)", "--\(option.name.prefix(Int.random(in: 1...6, using: &random)))"]
                + (option.short.map { ["-\($0)"] } ?? [])
        }
        for _ in 0..<300 {
            var words = Bool.random(using: &random) ? complete([]) : ["scaler_worker_manager", "oci_hpc"]
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                var word =
                    (Bool.random(using: &random) ? flags : oddTexts).randomElement(using: &random) ?? ""
                if Int.random(in: 0..<4, using: &random) == 0 {
                    word += "=" + (oddTexts.randomElement(using: &random) ?? "")
                }
                words.insert(word, at: Int.random(in: 1...words.count, using: &random))
            }
            survives(words, Array(quickStartFile.utf8), random.next())
        }
    }

    @Test(arguments: [4, 5, 6] as [UInt64])
    func `no file traps`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let original = Array(
            completeFile("freeform_tag = {a = 'b'}\ninstance_shape = [\"A\", '''B''']\n").utf8
        )
        let marks = Array("[]{}=.,\"'#\n\r\t \\_-+0eu\u{0}\u{7F}".utf8) + [0x80, 0xC3, 0xFF]
        for _ in 0..<300 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.remove(at: index)
                case 1: bytes.insert(marks.randomElement(using: &random) ?? 0, at: index)
                case 2: bytes[index] = UInt8.random(in: 0...255, using: &random)
                default:
                    let other = Int.random(in: 0..<bytes.count, using: &random)
                    bytes.insert(contentsOf: bytes[min(index, other)..<max(index, other)], at: index)
                }
            }
            survives(["scaler-oci-hpc", "config.toml"], bytes, random.next())
        }
    }

    @Test
    func `a file cut at any byte is read or refused`() {
        let bytes = Array(quickStartFile.utf8)
        for length in 0...bytes.count {
            survives(["scaler-oci-hpc", "config.toml"], Array(bytes[..<length]), 1)
        }
    }
}

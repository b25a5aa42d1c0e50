// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

@Suite struct OfferedSizeTests {
    private func settings(_ words: [String]) throws -> Settings? {
        let invocation = try Invocation.parse(
            arguments: complete(words),
            environment: [:],
            readFile: { _ in [] }
        )
        if case .run(let managers) = invocation { return managers.first }
        return nil
    }

    @Test func `an offer with an amount sets the instances' size`() throws {
        let settings = try #require(try settings(["-pwc", "gpu,ocpus=4,memory_gb=32"]))
        #expect(settings.instanceOCPUs == 4)
        #expect(settings.instanceMemoryGB == 32)
        #expect(settings.origins["instance-ocpus"] == .flag("-pwc"))
        #expect(
            settings.offeredSizes == [
                OfferedSize(capability: "ocpus=4", setting: "instance-ocpus", origin: .flag("-pwc")),
                OfferedSize(capability: "memory_gb=32", setting: "instance-memory-gb", origin: .flag("-pwc")),
            ]
        )
    }

    @Test func `an offer of any size, or of none, leaves it alone`() throws {
        let settings = try #require(try settings(["-pwc", "ocpus,memory_gb=0"]))
        #expect(settings.instanceOCPUs == 1)
        #expect(settings.instanceMemoryGB == 6)
        #expect(settings.origins["instance-ocpus"] == nil)
        #expect(settings.offeredSizes == [])
    }

    @Test func `an offer and a size must agree`() throws {
        let settings = try #require(try settings(["-pwc", "ocpus=4", "--instance-ocpus", "4"]))
        #expect(settings.instanceOCPUs == 4)
        #expect(settings.offeredSizes == [])
        #expect(
            throws: ConfigurationError.contradiction(
                "--per-worker-capabilities (-pwc) offers ocpus=4, which sizes every instance, and --instance-ocpus "
                    + "(--instance-ocpus) is 2.0; give one of them, or both alike"
            )
        ) {
            _ = try self.settings(["-pwc", "ocpus=4", "--instance-ocpus", "2"])
        }
    }
}

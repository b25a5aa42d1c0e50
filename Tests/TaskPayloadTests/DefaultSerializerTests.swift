// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TaskPayload

@Suite struct DefaultSerializerTests {
    @Test(arguments: PickleVector.named("serializer/"))
    func `every recorded form of the default serializer is recognised`(vector: PickleVector) throws {
        #expect(DefaultSerializer.isPickled(as: try vector.bytes))
    }

    @Test(
        arguments: PickleVector.named(
            "serializer/default-instance/pickle-5",
            "serializer/default-class/pickle-2"
        )
    )
    func `bytes that differ anywhere are taken for a serializer of the client's own`(
        vector: PickleVector
    ) throws {
        let bytes = try vector.bytes
        for index in bytes.indices where index != 1 {
            var changed = bytes
            changed[index] ^= 1
            #expect(!DefaultSerializer.isPickled(as: changed))
        }
        #expect(!DefaultSerializer.isPickled(as: []))
        #expect(!DefaultSerializer.isPickled(as: bytes.dropLast()))
        #expect(!DefaultSerializer.isPickled(as: bytes + [0x2E]))
    }
}

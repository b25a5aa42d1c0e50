// SPDX-License-Identifier: Apache-2.0

import CapnProto

/// A named ability, with an amount, that a task asks for or a worker offers (`TaskCapability`).
package struct Capability: ReadableStruct, WritableStruct, Hashable, Sendable {
    /// What it is called, for example `gpu`.
    package let name: String
    /// How much of it; -1 stands for any amount.
    package let value: Int64

    /// Creates a capability.
    package init(name: String, value: Int64) {
        self.name = name
        self.value = value
    }

    static let size = StructSize(dataWords: 1, pointers: 1)

    init(from reader: StructReader) throws(SchedulerMessageError) {
        name = try reader.string(at: 0)
        value = reader.int64(at: 0)
    }

    func write(to builder: StructBuilder) {
        builder.write(text: name, at: 0)
        builder.write(value, at: 0)
    }
}

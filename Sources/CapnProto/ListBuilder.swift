// SPDX-License-Identifier: Apache-2.0

/// A list of structs or pointers under construction; its length is fixed when it is started.
package struct ListBuilder {
    let message: MessageBuilder
    /// Byte offset in the message of the first element.
    let start: Int
    let elementSize: StructSize
    /// Number of elements.
    package let count: Int

    /// Returns the builder of the element at an index; in a list of pointers, the element's pointer 0 is the
    /// pointer.
    package func element(at index: Int) -> StructBuilder {
        // The caller chose `count`, so an index outside is its mistake.
        precondition(index >= 0 && index < count, "element \(index) of a list of \(count)")
        return StructBuilder(
            message: message,
            start: start + index * elementSize.words * WirePointer.bytesPerWord,
            size: elementSize
        )
    }
}

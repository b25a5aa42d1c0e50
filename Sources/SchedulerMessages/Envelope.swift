// SPDX-License-Identifier: Apache-2.0

package import CapnProto

// Every message is one struct, `Message`: a union tag in the first 16 bits of its data and a pointer to the
// body.
//
//   tag      body                         sent by     |  tag      body                           sent by
//   0        Task                         scheduler   |  11, -    DisconnectRequest              worker
//   1        TaskCancel                   scheduler   |  12, -    DisconnectResponse             scheduler
//   2        TaskCancelConfirm            worker      |  20, 18   ClientDisconnect               scheduler
//   3        TaskResult                   worker      |  25, 23   WorkerManagerHeartbeat         manager
//   4        TaskLog                      worker      |  26, 24   WorkerManagerHeartbeatEcho     scheduler
//   6        ObjectInstruction            both        |  27, 25   WorkerManagerCommand           scheduler
//   9        WorkerHeartbeat              worker      |  -,  26   WorkerDisconnectNotification   worker
//   10       WorkerHeartbeatEcho          scheduler   |
//
// Where two numbers stand, they are of the first and the second generation.
//
// The rest of the union is between the scheduler, its clients and its monitors. Among the tags that one
// receiver can see no number has two meanings, so decoding needs no generation. All structs are written as
// 2.9.0 lays them out: older readers ignore words and pointers behind those they know.

/// A struct that travels as the body of a `Message`.
package protocol MessageBody: Equatable, Sendable {
    /// The size of the struct in the newest known version.
    static var size: StructSize { get }

    /// Returns the number that stands for this body in a generation's union.
    func tag(in generation: WireGeneration) -> UInt16

    /// Reads the body, leaving unset what the sender's version did not know.
    init(from body: StructReader) throws(SchedulerMessageError)

    /// Writes the fields into a fresh struct of `size`.
    func write(to body: StructBuilder)
}

extension MessageBody {
    /// Returns the message for a scheduler of a generation, ready for a frame.
    package func encoded(for generation: WireGeneration) -> [UInt8] {
        let builder = MessageBuilder()
        let message = builder.startRoot(Envelope.size)
        message.write(tag(in: generation), at: Envelope.tagByte)
        write(to: message.startStructure(Self.size, at: Envelope.bodyPointer))
        return builder.finished()
    }
}

/// A body whose tag is the same in all generations.
package protocol CommonMessageBody: MessageBody {
    /// The number that stands for this body in the union.
    static var tag: UInt16 { get }
}

extension CommonMessageBody {
    /// Returns the one tag there is.
    package func tag(in generation: WireGeneration) -> UInt16 {
        Self.tag
    }

    /// Returns the message for a scheduler of any generation, ready for a frame.
    package func encoded() -> [UInt8] {
        encoded(for: .second)
    }
}

/// The `Message` struct around a body.
struct Envelope {
    static let size = StructSize(dataWords: 1, pointers: 1)
    static let tagByte = 0
    static let bodyPointer = 0

    let tag: UInt16
    private let message: StructReader

    /// Opens a message; a null root reads as tag 0 with an empty body, as the C++ library does.
    init(_ bytes: [UInt8]) throws(SchedulerMessageError) {
        do {
            message = try MessageReader(bytes).root()
        } catch {
            throw .encoding(error)
        }
        tag = message.uint16(at: Self.tagByte)
    }

    /// Reads the body as the type that the tag stands for.
    func body<Body: MessageBody>(as type: Body.Type) throws(SchedulerMessageError) -> Body {
        try Body(from: try message.field(at: Self.bodyPointer))
    }
}

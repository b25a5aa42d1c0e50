// SPDX-License-Identifier: Apache-2.0

package import CapnProto

// Every message is one struct, `Message`: a union tag in the first 16 bits of its data and a pointer to the body.
//
//   tag      body                         sent by     |  tag      body                           sent by
//   0        Task                         scheduler   |  11, -    DisconnectRequest              worker
//   1        TaskCancel                   scheduler   |  12, -    DisconnectResponse             scheduler
//   2        TaskCancelConfirm            worker      |  20, 18   ClientDisconnect               scheduler
//   3        TaskResult                   worker      |  25, 23   WorkerManagerHeartbeat         manager
//   4        TaskLog                      worker      |  26, 24   WorkerManagerHeartbeatEcho     scheduler
//   6        ObjectInstruction            both        |  27, 25   WorkerManagerCommand           scheduler
//   9        WorkerHeartbeat              worker      |  -,  26   WorkerDisconnectNotification   worker
//   10       WorkerHeartbeatEcho          scheduler   |  -,  27   WorkerShutdown                 (below)
//   -,  29   WorkerManagerDisconnect-     manager     |  -,  28   WorkerManagerShutdown          (below)
//            Notification
//
// Where two numbers stand, they are of the first and the second generation. Numbers 27 to 29 are no release's yet but
// those of Scaler's open change 947 (finos/opengris-scaler), whose structs are empty. There 27 goes from a manager to its
// workers and 28 from a parent to a manager; here whoever is connected to may send them.
//
// The rest of the union is between the scheduler, its clients and its monitors. Among the tags that one
// receiver can see no number has two meanings, so decoding needs no generation. All structs are written as
// 2.9.0 lays them out: older readers ignore words and pointers behind those they know.

/// The numbering of union tags that a scheduler speaks.
///
/// Scaler 2.7.0 removed two message types in the middle of the union and so renumbered all behind them. What
/// a scheduler sends can be told apart without knowing this; two messages that we send cannot. YMQ shows the
/// generation in the fourth byte of its greeting, which is the raw value. ZeroMQ shows nothing: there the
/// manager's heartbeat has to be tried in both.
package enum WireGeneration: UInt8, CaseIterable, Hashable, Sendable {
    /// Scaler 2.5.0 to 2.6.0.
    case first = 1
    /// Scaler 2.7.0 and later; what 2.9.0 changed are fields only.
    case second = 2
}

/// The number of a body in the union of each generation, and the size of its struct in 2.9.0.
package struct MessageLayout: Sendable {
    let firstTag: UInt16
    let secondTag: UInt16
    let size: StructSize

    /// A body that has the same number in both generations unless there is a `secondTag`.
    init(firstTag: UInt16, secondTag: UInt16? = nil, dataWords: UInt16, pointers: UInt16) {
        self.firstTag = firstTag
        self.secondTag = secondTag ?? firstTag
        size = StructSize(dataWords: dataWords, pointers: pointers)
    }
}

/// A struct that is written as the body of a `Message`.
package protocol MessageBody: Equatable, Sendable {
    /// Its numbers and its size.
    static var layout: MessageLayout { get }

    /// Writes the fields into a fresh struct of the layout's size.
    func write(to body: StructBuilder)
}

extension MessageBody {
    /// Returns the number that stands for this body in a generation's union.
    package func tag(in generation: WireGeneration) -> UInt16 {
        switch generation {
        case .first: Self.layout.firstTag
        case .second: Self.layout.secondTag
        }
    }

    /// Returns the message for a scheduler of a generation, ready for a frame.
    package func encoded(for generation: WireGeneration) -> [UInt8] {
        let builder = MessageBuilder()
        let message = builder.startRoot(Envelope.size)
        message.write(tag(in: generation), at: Envelope.tagByte)
        write(to: message.startStructure(Self.layout.size, at: Envelope.bodyPointer))
        return builder.finished()
    }
}

/// A body whose number is the same in all generations.
package protocol CommonMessageBody: MessageBody {}

extension CommonMessageBody {
    /// Returns the message for a scheduler of any generation, ready for a frame.
    package func encoded() -> [UInt8] { encoded(for: .second) }
}

struct Envelope {
    static let size = StructSize(dataWords: 1, pointers: 1)
    static let tagByte = 0
    static let bodyPointer = 0

    let tag: UInt16
    private let message: StructReader

    /// Opens a message; a null root reads as tag 0 with an empty body, as the C++ library does.
    init(_ bytes: [UInt8]) throws(SchedulerMessageError) {
        message = try root(of: bytes)
        tag = message.uint16(at: Self.tagByte)
    }

    /// Reads the body as the type that the tag stands for.
    func body<Body: ReadableStruct>(as type: Body.Type) throws(SchedulerMessageError) -> Body {
        try Body(from: try message.field(at: Self.bodyPointer))
    }
}

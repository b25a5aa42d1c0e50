// SPDX-License-Identifier: Apache-2.0
import Encodings

/// The payload of one task, as a list of pieces to be sent one behind the other.
///
/// It is the pickle that any job runner of the contract loads: `{"task_id", "function", "arguments"}`. The function is
/// the trampoline (`trampoline.py`), which the pickle compiles with `exec` and fetches by name; its arguments are the
/// client's own bytes, which nobody here looks into. As these may be hundreds of megabytes, the plan only names
/// them, and equal input gives equal bytes, as a launch retried under one retry token must.
package struct PayloadPlan: Equatable, Sendable {
    /// A piece of the payload.
    package enum Piece: Equatable, Sendable {
        /// `PayloadPlan.beginning`, first of all.
        case beginning
        /// Opcodes that the plan wrote.
        case bytes([UInt8])
        /// The client's pickled serializer, its bytes as they are.
        case serializer
        /// The client's function, its bytes as they are.
        case function
        /// The client's argument at this place, from 0, its bytes as they are.
        case argument(Int)
    }

    /// What every payload begins with, the trampoline in it: the same for every task, so that it can be compressed once.
    package static let beginning: [UInt8] = {
        var writer = PickleWriter()
        writer.write(.emptyDict)
        writer.write(.mark)
        writer.write(text: "function")
        writer.writeTrampoline()
        writer.write(text: "task_id")
        return writer.take()
    }()

    /// The payload, in order.
    package let pieces: [Piece]
    /// Length of the whole payload, in bytes.
    package let byteCount: Int

    /// What a native worker would know around a task, for the trampoline.
    package struct Context: Equatable, Sendable {
        /// The task's flags as they came: `!?i?` in Python (profiling, priority, stream_output), or nothing.
        package var flags: [UInt8]
        /// Where a client made inside the task would connect to, as Scaler writes addresses.
        package var schedulerAddress: String
        /// Where that client would find objects; empty where it is not known.
        package var storageAddress: String
        /// The name of the scheduler's transport in `SCALER_NETWORK_BACKEND`.
        package var backend: String

        /// Makes a context from its parts; the default one is that of a task without a cluster.
        package init(
            flags: [UInt8] = [],
            schedulerAddress: String = "",
            storageAddress: String = "",
            backend: String = "ymq"
        ) {
            self.flags = flags
            self.schedulerAddress = schedulerAddress
            self.storageAddress = storageAddress
            self.backend = backend
        }
    }

    /// Plans the payload of a task from the client's pickled serializer and the sizes of its other objects.
    ///
    /// Scaler's default serializer is left out, and the trampoline then uses cloudpickle itself: the object refers to
    /// Scaler, which the image need not hold.
    package init(
        taskID: [UInt8],
        context: Context = Context(),
        serializer: [UInt8],
        functionByteCount: Int,
        argumentByteCounts: [Int]
    ) {
        var writer = PickleWriter(isContinued: true)
        writer.write(text: Hexadecimal.encode(taskID))
        writer.write(text: "arguments")
        writer.write(.emptyList)
        writer.write(.mark)
        writer.write(context)
        var blobs: [(Piece, Int)] = []
        if DefaultSerializer.isPickled(as: serializer) {
            writer.write(.none)
        } else {
            blobs.append((.serializer, serializer.count))
        }
        blobs.append((.function, functionByteCount))
        blobs += argumentByteCounts.enumerated().map { (.argument($0.offset), $0.element) }
        var pieces = [Piece.beginning]
        for (blob, count) in blobs {
            writer.writeHead(ofBytes: count)
            pieces += [.bytes(writer.take()), blob]
        }
        writer.write(.appends)
        writer.write(.setItems)
        writer.write(.stop)
        pieces.append(.bytes(writer.take()))
        self.pieces = pieces
        byteCount = pieces.reduce(blobs.reduce(Self.beginning.count) { $0 + $1.1 }) { total, piece in
            if case .bytes(let bytes) = piece { total + bytes.count } else { total }
        }
    }

    /// Puts the whole payload into one array, for objects that are in memory; `serializer` counts where it is not Scaler's own.
    package func assemble(serializer: [UInt8] = [], function: [UInt8], arguments: [[UInt8]]) -> [UInt8] {
        var payload: [UInt8] = []
        payload.reserveCapacity(byteCount)
        for piece in pieces {
            switch piece {
            case .beginning: payload += Self.beginning
            case .bytes(let bytes): payload += bytes
            case .serializer: payload += serializer
            case .function: payload += function
            case .argument(let index): payload += arguments[index]
            }
        }
        // The heads name the lengths that the plan was made for: other objects would make an unreadable pickle.
        precondition(payload.count == byteCount, "objects of other sizes than planned")
        return payload
    }
}

extension PickleWriter {
    /// Pushes the dictionary that the trampoline calls `context`.
    fileprivate mutating func write(_ context: PayloadPlan.Context) {
        write(.emptyDict)
        write(.mark)
        write(text: "flags")
        write(bytes: context.flags)
        let texts = [
            ("scheduler", context.schedulerAddress), ("storage", context.storageAddress),
            ("backend", context.backend),
        ]
        for (name, text) in texts {
            write(text: name)
            write(text: text)
        }
        write(.setItems)
    }

    /// Pushes the trampoline's `run`, by way of `exec(compile(source, name, "exec"), namespace)`; only `builtins`
    /// and `operator` are imported, which every Python has.
    fileprivate mutating func writeTrampoline() {
        write(global: "getitem", of: "operator")
        write(.emptyDict)
        write(.memoize)

        write(global: "exec", of: "builtins")
        write(global: "compile", of: "builtins")
        write(bytes: Trampoline.source)
        write(text: Trampoline.fileName)
        write(text: "exec")
        write(.tuple3)
        write(.reduce)
        recall(0)
        write(.tuple2)
        write(.reduce)
        write(.pop)

        write(text: Trampoline.entryPoint)
        write(.tuple2)
        write(.reduce)
    }
}

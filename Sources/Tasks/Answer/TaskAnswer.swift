// SPDX-License-Identifier: Apache-2.0

internal import Compression
internal import Encodings
internal import EventLoop
internal import SchedulerMessages
internal import TaskPayload
internal import Transport

/// What a task is answered with: an object for the client, and whether it is a result or an exception.
@LoopActor
struct TaskAnswer {
    let outcome: TaskStatistics.Outcome
    let object: Blob
    /// What the run cost, where a container told.
    let profile: ProfileResult?
    /// What the task printed, as `PrintedPiece` reads it; empty unless the client asked for it.
    var output: [UInt8] = []
    /// Where the task failed otherwise than by an exception of its own.
    var failure: TaskFailure?

    var isSuccess: Bool { outcome == .success }
}

extension TaskAnswer {
    /// Reads what a container stored; bytes that make no sense become a failure that says so.
    ///
    /// What it takes is charged to `holding`; throws `short` alone.
    static func reading(
        _ stored: Blob,
        limit: Int,
        for holding: Holding? = nil
    ) async throws(TaskInterruption) -> TaskAnswer {
        do throws(Trouble) {
            let pickle = try await expanded(stored, limit: limit, for: holding)
            let head = try read(pickle, at: 0, TaskOutcome.headBytesMax)
            let tailStart = max(0, pickle.byteCount - TaskOutcome.tailBytesMax)
            let tail = try read(pickle, at: tailStart, TaskOutcome.tailBytesMax)
            do throws(TaskPayloadError) {
                let outcome = try TaskOutcome.parse(head: head, tail: tail, byteCount: pickle.byteCount)
                return TaskAnswer(outcome, head, pickle)
            } catch {
                throw .senseless("\(error)")
            }
        } catch {
            switch error {
            case .senseless(let reason): return TaskFailure.unreadableResult(reason).answer
            case .file(let error) where error.isFileShortage: throw .short(error)
            case .file(let error): return TaskFailure.noRoomForObject(error).answer
            }
        }
    }

    /// A result unpacks to so many times its size at most; what Python's gzip makes of zeros at level 1, as our runner does, is
    /// 229 times larger.
    private static let unpackingRatioMax = 1000
    /// Up to here any ratio will do: so much is no burden.
    private static let unpackedBytesAlwaysAllowed = 64 << 20

    /// How many bytes a compressed result of this size may unpack to, `limit` at most.
    static func unpackedBytesMax(ofStored byteCount: Int, limit: Int) -> Int {
        min(limit, max(unpackedBytesAlwaysAllowed, byteCount * unpackingRatioMax))
    }

    private enum Trouble: Error {
        case senseless(String)
        case file(TransportError)
    }

    /// The bytes as the runner had them before it compressed them.
    private static func expanded(
        _ stored: Blob,
        limit: Int,
        for holding: Holding?
    ) async throws(Trouble) -> Blob {
        guard try read(stored, at: 0, Gzip.magic.count) == Gzip.magic else { return stored }
        let decompressor = GzipDecompressor(
            outputBytesMax: unpackedBytesMax(ofStored: stored.byteCount, limit: limit)
        )
        var writer = BlobWriter(for: holding)
        var position = 0
        while position < stored.byteCount {
            let slice = try read(stored, at: position, Blob.sliceBytesMax)
            position += slice.count
            decompressor.feed(slice)
            var sinceTurn = 0
            while let piece = try next(of: decompressor) {
                do throws(TransportError) { try await writer.append(piece) } catch { throw .file(error) }
                sinceTurn += piece.count
                // A small input may hide a large output.
                guard sinceTurn > Blob.sliceBytesMax * 4 else { continue }
                sinceTurn = 0
                await yieldToOthers()
            }
            if position < stored.byteCount { await yieldToOthers() }
        }
        do throws(CompressionError) { try decompressor.finish() } catch { throw .senseless("\(error)") }
        return writer.blob
    }

    private static func next(of decompressor: GzipDecompressor) throws(Trouble) -> [UInt8]? {
        do throws(CompressionError) { return try decompressor.next() } catch { throw .senseless("\(error)") }
    }

    private static func read(_ blob: Blob, at position: Int, _ count: Int) throws(Trouble) -> [UInt8] {
        do throws(TransportError) {
            return try blob.bytes(at: position, upTo: count)
        } catch {
            throw .file(error)
        }
    }

    private init(_ outcome: TaskOutcome, _ head: [UInt8], _ pickle: Blob) {
        switch outcome {
        case .result(let profile, let output, let payload), .exception(let profile, let output, let payload):
            let isSuccess = if case .result = outcome { true } else { false }
            self.init(
                outcome: isSuccess ? .success : .exception,
                object: pickle.part(payload),
                profile: profile,
                output: Array(head[output])
            )
        case .containerError(let error):
            let exception =
                error.saysProcessDied ? FailurePickle.ExceptionName.processorDiedError : .runtimeError
            self = TaskFailure(exception, error.clientText, .instanceEnded).answer
        }
    }
}

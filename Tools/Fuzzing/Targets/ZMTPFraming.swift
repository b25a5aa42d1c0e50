// SPDX-License-Identifier: Apache-2.0

import Messaging

/// Cuts the input into what a ROUTER says, whole and as it comes in pieces, and stops the process when the two differ, when
/// more comes out than went in, or when something is not refused for ever.
///
/// The first byte says how long the pieces are. An odd one has a greeting and READY put before the rest, so that
/// messages are within reach.
enum ZMTPFramingFuzz {
    static func feed(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let rest = Array(input.dropFirst())
        let input = first & 1 == 1 ? opening + rest : rest
        let length = 1 + Int(first >> 1)
        let starts = stride(from: 0, to: input.count, by: length)
        let whole = Reading(of: [input])
        let cut = Reading(of: starts.map { Array(input[$0...].prefix(length)) })
        insist(whole == cut, "whole: \(whole), in pieces of \(length): \(cut)")
        let byteCount = whole.messages.reduce(0) { $0 + $1.count }
        insist(byteCount + whole.contexts.count <= input.count, "\(byteCount) bytes of \(input.count)")
        insist(whole.messages.allSatisfy { $0.count <= 3000 }, "a message over the limit")
        insist(whole.contexts.allSatisfy { $0.count <= 16 }, "a context over the limit")
    }
}

/// What a ROUTER says first.
private let opening: [UInt8] =
    [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1] + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)
    + [4, 0x1C] + Array("\u{5}READY\u{B}Socket-Type\0\0\0\u{6}ROUTER".utf8)

/// All that can be learned from a connection's bytes.
private struct Reading: Equatable {
    var isReady = false
    var messages: [[UInt8]] = []
    var contexts: [[UInt8]] = []
    var error: MessagingError?

    init(of pieces: [[UInt8]]) {
        var framing = ZMTPFraming(LinkLimits(messageBytesMax: 3000))
        do throws(MessagingError) {
            for piece in pieces {
                framing.feed(piece)
                while let event = try framing.next() { take(event) }
            }
        } catch {
            // How much of a wrong magic was seen depends on the pieces.
            if case .unexpectedMagic = error { self.error = .unexpectedMagic([]) } else { self.error = error }
            let again = Result<ZMTPFraming.Event?, MessagingError> { () throws(MessagingError) in
                try framing.next()
            }
            insist(again == .failure(error), "after \(error) came \(again)")
        }
    }

    private mutating func take(_ event: ZMTPFraming.Event) {
        insist(isReady != (event == .ready), "\(event) at the wrong time")
        switch event {
        case .ready: isReady = true
        case .message(let message): messages.append(message)
        case .ping(let context): contexts.append(context)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import Messaging

/// Cuts the input into hello and messages, whole and as it comes in pieces, and stops the process when the two differ,
/// or when what was understood, written again, is not what was fed.
///
/// The first byte says how long the pieces are.
enum YMQFramingFuzz {
    static func feed(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let input = Array(input.dropFirst())
        let length = 1 + Int(first)
        let starts = stride(from: 0, to: input.count, by: length)
        let whole = Reading(of: [input])
        let cut = Reading(of: starts.map { Array(input[$0...].prefix(length)) })
        insist(whole == cut, "whole: \(whole), in pieces of \(length): \(cut)")
        let written = whole.written
        insist(input.starts(with: written), "\(input) was understood as \(written)")
        if whole.error == nil {
            insist(
                whole.isInsideItem == (written.count < input.count || whole.isOpen),
                "\(whole) of \(input)"
            )
        }
    }
}

/// All that can be learned from a connection's bytes.
private struct Reading: Equatable {
    /// What the bytes understood so far are when written.
    var written: [UInt8] = []
    var messages: [[UInt8]] = []
    var isOpen = false
    var isInsideItem = false
    var error: MessagingError?

    init(of pieces: [[UInt8]]) {
        var framing = YMQFraming(LinkLimits(messageBytesMax: 3000, identityBytesMax: 300))
        do throws(MessagingError) {
            for piece in pieces {
                framing.feed(piece)
                while let event = try framing.next() { take(event) }
            }
            isInsideItem = framing.isInsideItem
        } catch {
            // How much of a wrong magic was seen depends on the pieces.
            if case .unexpectedMagic = error { self.error = .unexpectedMagic([]) } else { self.error = error }
            let again = Result<YMQFraming.Event?, MessagingError> { () throws(MessagingError) in
                try framing.next()
            }
            insist(again == .failure(error), "after \(error) came \(again)")
        }
    }

    private mutating func take(_ event: YMQFraming.Event) {
        switch event {
        case .hello(let version, let identity):
            insist(written.isEmpty, "a second hello")
            insist(identity.count <= 300, "an identity of \(identity.count) bytes")
            written += YMQFraming.hello(version, identity: identity)
        case .began(let byteCount):
            insist(!written.isEmpty && !isOpen && byteCount <= 3000, "a message of \(byteCount) bytes")
            written += YMQFraming.header(byteCount: byteCount)
            messages.append([])
            isOpen = true
        case .part(let bytes):
            insist(isOpen && !bytes.isEmpty, "a part outside of a message, or without bytes")
            written += bytes
            messages[messages.count - 1] += bytes
        case .ended:
            insist(isOpen, "an end without a beginning")
            isOpen = false
        }
    }
}

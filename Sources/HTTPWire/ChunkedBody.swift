// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// Takes a body in chunks apart (RFC 9112 section 7.1): size line, data, CR LF, ..., 0, trailers, empty line.
///
/// Unlike header lines, chunk lines must end with CR LF: the leniency of RFC 9112 section 2.2 is for start line and
/// fields, and readers that stretched it to chunk extensions have been fooled about where a body ends.
struct ChunkedBody {
    private enum Stage {
        /// Out: `data` on a size above zero, `trailers` on zero.
        case sizeLine
        /// Out: `dataEnd` when all bytes of the chunk are handed out.
        case data(bytesLeft: Int)
        /// Out: `sizeLine` after the CR LF behind the data.
        case dataEnd
        /// Out: `ended` after the empty line.
        case trailers
        /// Out: none; the bytes after the body are not ours.
        case ended
    }

    private var stage = Stage.sizeLine
    // Beside the stage, not in it: taken out of an enum to be changed it would be copied, once a line.
    private var trailers: FieldSection
    private var extensionBytesLeft: Int

    init(limits: ResponseLimits) {
        extensionBytesLeft = limits.chunkExtensionBytesMax
        trailers = FieldSection(limits)
    }

    /// Goes as far as the bytes allow: `bodyPart`, `end` or `needMore`.
    mutating func next(from buffer: inout ReceiveBuffer) throws(HTTPWireError) -> ResponseParser.Event {
        while true {
            switch stage {
            case .sizeLine:
                guard let size = try maybeReadSize(from: &buffer) else { return .needMore }
                stage = size > 0 ? .data(bytesLeft: size) : .trailers
            case .data(let bytesLeft):
                guard let part = buffer.maybeTake(atMost: bytesLeft) else { return .needMore }
                stage = part.count == bytesLeft ? .dataEnd : .data(bytesLeft: bytesLeft - part.count)
                return .bodyPart(part)
            case .dataEnd:
                guard try maybeReadDataEnd(from: &buffer) else { return .needMore }
                stage = .sizeLine
            case .trailers:
                // Read and dropped: no service we call says anything in a trailer.
                guard try trailers.maybeRead(from: &buffer) != nil else { return .needMore }
                stage = .ended
            case .ended: return .end
            }
        }
    }

    private mutating func maybeReadSize(from buffer: inout ReceiveBuffer) throws(HTTPWireError) -> Int? {
        guard let line = buffer.maybeTakeLine() else {
            guard buffer.count <= Self.digitsMax + 1 + extensionBytesLeft else {
                throw .chunkExtensionsTooLarge
            }
            return nil
        }
        guard line.last == Grammar.carriageReturn else { throw .malformedChunk }
        let digits = line.prefix { Hexadecimal.value(of: $0) != nil }
        let extensions = line.dropFirst(digits.count).dropLast()
        extensionBytesLeft -= extensions.count
        guard extensionBytesLeft >= 0 else { throw .chunkExtensionsTooLarge }
        guard ChunkExtensions.areValid(extensions) else { throw .malformedChunk }
        return try size(digits)
    }

    /// The most digits a size may have, leading zeros included: enough for 64 bits.
    private static let digitsMax = 16

    private func size(_ digits: ArraySlice<UInt8>) throws(HTTPWireError) -> Int {
        guard !digits.isEmpty, digits.count <= Self.digitsMax else { throw .malformedChunk }
        // Fifteen digits always fit; the sixteenth may overflow, and is then over any cap on the body.
        var value = 0
        for byte in digits {
            guard let digit = Hexadecimal.value(of: byte), value <= Int.max >> 4 else {
                throw .bodyTooLarge(bytesMax: .max)
            }
            value = value << 4 | Int(digit)
        }
        return value
    }

    private func maybeReadDataEnd(from buffer: inout ReceiveBuffer) throws(HTTPWireError) -> Bool {
        guard buffer.couldStart(with: Self.lineEnd) else { throw .malformedChunk }
        guard buffer.count >= Self.lineEnd.count else { return false }
        _ = buffer.maybeTakeLine()
        return true
    }

    private static let lineEnd = [Grammar.carriageReturn, Grammar.lineFeed]
}

/// What may follow the size of a chunk (RFC 9112 section 7.1.1), checked and ignored.
///
/// The grammar is `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
/// White space alone is taken as well: old servers fill the size up with spaces.
private enum ChunkExtensions {
    static func areValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes.drop(while: Grammar.isWhitespace)
        while rest.first == UInt8(ascii: ";") {
            rest = rest.dropFirst().drop(while: Grammar.isWhitespace)
            guard let first = rest.first, Grammar.isToken(first) else { return false }
            rest = rest.drop(while: Grammar.isToken).drop(while: Grammar.isWhitespace)
            guard rest.first == UInt8(ascii: "=") else { continue }
            guard let afterValue = value(rest.dropFirst().drop(while: Grammar.isWhitespace)) else {
                return false
            }
            rest = afterValue.drop(while: Grammar.isWhitespace)
        }
        return rest.isEmpty
    }

    /// What is left after a token or quoted string, nil if neither stands there.
    private static func value(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard bytes.first == UInt8(ascii: "\"") else {
            let rest = bytes.drop(while: Grammar.isToken)
            return rest.count < bytes.count ? rest : nil
        }
        var rest = bytes.dropFirst()
        while let byte = rest.popFirst(), Grammar.isFieldContent(byte) {
            if byte == UInt8(ascii: "\"") { return rest }
            guard byte == UInt8(ascii: "\\") else { continue }
            guard let escaped = rest.popFirst(), Grammar.isFieldContent(escaped) else { return nil }
        }
        return nil
    }
}

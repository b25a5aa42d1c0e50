// SPDX-License-Identifier: Apache-2.0

/// Reads field lines up to the empty line that ends a head or the trailers (RFC 9112 section 5).
///
/// A line ends with CR LF. A lone LF is taken as well, which RFC 9112 section 2.2 allows for start line and fields
/// (and only there: chunk lines must have both). A CR anywhere else is refused, also one more before the CR LF:
/// the section lets us choose between refusing it and reading it as a space, and a space is a guess.
///
/// A folded line (obs-fold, RFC 9112 section 5.2) is joined to the one before it by a single space, as a user agent
/// must; before the first field there is nothing to join it to, and section 2.2 wants it refused. So a field is
/// complete only when the next line has begun: it waits in `pending`.
struct FieldSection {
    private(set) var fields: HeaderFields = [:]
    private var pending: (name: String, value: [UInt8])?
    private var bytesLeft: Int
    private let fieldsMax: Int

    init(_ limits: ResponseLimits) {
        bytesLeft = limits.headBytesMax
        fieldsMax = limits.fieldsMax
    }

    /// Takes the next line, without its line end, out of `buffer`; nil if it has not all come yet.
    mutating func maybeTakeLine(
        from buffer: inout ReceiveBuffer
    ) throws(HTTPWireError) -> ArraySlice<UInt8>? {
        guard var line = buffer.maybeTakeLine() else {
            guard buffer.count < bytesLeft else { throw .headTooLarge }
            return nil
        }
        bytesLeft -= line.count + 1
        guard bytesLeft >= 0 else { throw .headTooLarge }
        if line.last == Grammar.carriageReturn { line.removeLast() }
        return line
    }

    /// Reads as many lines as there are; the section when its empty line came, nil if more must come.
    mutating func maybeRead(from buffer: inout ReceiveBuffer) throws(HTTPWireError) -> HeaderFields? {
        while let line = try maybeTakeLine(from: &buffer) {
            if line.isEmpty {
                finishPending()
                return fields
            }
            try accept(line)
        }
        return nil
    }

    private mutating func accept(_ line: ArraySlice<UInt8>) throws(HTTPWireError) {
        if let first = line.first, Grammar.isWhitespace(first) {
            try fold(Self.value(of: line))
            return
        }
        finishPending()
        guard fields.count < fieldsMax else { throw .tooManyFields }
        guard let colon = line.firstIndex(of: Grammar.colon) else { throw .malformedFieldLine(.missingColon) }
        // White space before the colon fails here too: it let two readers see two different names.
        let name = line[..<colon]
        guard !name.isEmpty, name.allSatisfy(Grammar.isToken) else {
            throw .malformedFieldLine(.malformedName)
        }
        pending = (Grammar.text(name), Array(try Self.value(of: line[(colon + 1)...])))
    }

    private mutating func fold(_ more: ArraySlice<UInt8>) throws(HTTPWireError) {
        guard pending != nil else { throw .malformedFieldLine(.foldedFirstLine) }
        guard !more.isEmpty else { return }
        if pending?.value.isEmpty == false { pending?.value.append(Grammar.space) }
        pending?.value.append(contentsOf: more)
    }

    private mutating func finishPending() {
        guard let field = pending else { return }
        fields.append(field.name, Grammar.text(field.value))
        pending = nil
    }

    private static func value(of bytes: ArraySlice<UInt8>) throws(HTTPWireError) -> ArraySlice<UInt8> {
        guard bytes.allSatisfy(Grammar.isFieldContent) else { throw .malformedFieldLine(.controlByte) }
        return Grammar.trimmed(bytes)
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import Messaging

@Suite struct ZMTPFramingTests {
    // MARK: - The bytes of libzmq 4.3.5

    /// As a DEALER of libzmq with the identity `Worker|t|0` opened a connection.
    private static let dealerOpening =
        "ff00000000000000 0b7f0301 4e554c4c 00000000000000000000000000000000"
        + "0000000000000000 0000000000000000 0000000000000000 0000000000000000"
        + "0433 0552454144590b536f636b65742d54797065000000064445414c4552"
        + "084964656e746974790000000a 576f726b65727c747c30"

    @Test func `a connection opens with the bytes of the real library`() {
        let opening = ZMTPFraming.opening(identity: Array("Worker|t|0".utf8))
        #expect(opening == bytes(Self.dealerOpening))
    }

    /// From 215 bytes on the READY is a long command, as the library's.
    @Test(arguments: [(214, "04ff 05"), (215, "06 0000000000000100 05"), (255, "06 0000000000000128 05")])
    func `a long identity has the command of the real library`(_ byteCount: Int, _ start: String) {
        let opening = ZMTPFraming.opening(identity: [UInt8](repeating: 0x69, count: byteCount))
        #expect(opening.dropFirst(64).starts(with: bytes(start)))
        #expect(Array(opening[1..<9]) == beBytes(byteCount + 1))
    }

    @Test(arguments: [(0, "0000"), (2, "0002"), (255, "00ff"), (256, "020000000000000100")])
    func `a message has the header of the real library`(_ byteCount: Int, _ header: String) {
        #expect(ZMTPFraming.header(byteCount: byteCount) == bytes(header))
    }

    @Test func `a PONG has the bytes of the real library`() {
        #expect(ZMTPFraming.pong(context: Array("ctx".utf8)) == bytes("0408 04504f4e47 637478"))
    }

    /// What its ROUTER sent: greeting and READY, a PING whose peer waits 1.5 s, `yo`, and a message of three frames.
    @Test func `what a ROUTER of the real library sends is understood`() throws {
        let stream = routerOpening + bytes("0407 0450494e47 000f 0002 796f 0101 61 0100 0001 62")
        let expected: [ZMTPFraming.Event] = [.ready, .ping(context: []), .message(Array("yo".utf8))]
        for feeding in feedings(of: stream) {
            #expect(try events(feeding.pieces) == expected, "\(feeding)")
        }
    }

    // MARK: - What a peer may do

    @Test func `a stream cut at any position means the same`() throws {
        let messages: [[UInt8]] = [[], [7], pattern(255), pattern(300), []]
        let stream =
            routerOpening + messages.flatMap { zmtpFrame($0) } + ping([1, 2, 3])
            + zmtpFrame(pattern(9), isLong: true)
        let expected =
            [.ready] + messages.map { ZMTPFraming.Event.message($0) } + [.ping(context: [1, 2, 3])]
            + [.message(pattern(9))]
        for feeding in feedings(of: stream) {
            #expect(try events(feeding.pieces) == expected, "\(feeding)")
        }
    }

    @Test(arguments: [(3, 0), (3, 1), (3, 255), (4, 0), (255, 9)] as [(UInt8, UInt8)])
    func `versions from 3 on are spoken with`(_ major: UInt8, _ minor: UInt8) throws {
        var opening = routerOpening
        (opening[10], opening[11]) = (major, minor)
        #expect(try events([opening]) == [.ready])
    }

    @Test func `what has no meaning for a DEALER is passed over`() throws {
        let commands = ["SUBSCRIBE", "JOIN", "PONG", "X"].flatMap { command($0, [1, 2]) }
        #expect(try events([routerOpening + commands + zmtpFrame([1])]) == [.ready, .message([1])])
    }

    @Test func `a property's name has no case, and others may stand beside it`() throws {
        let properties = property("X-Y", pattern(300)) + property("SOCKET-type", Array("ROUTER".utf8))
        let stream = greeting + command("READY", properties + property("Identity", [1]))
        #expect(try events([stream]) == [.ready])
    }

    @Test func `a command may come between the frames of a message`() throws {
        let stream =
            routerOpening + zmtpFrame([1], hasMore: true) + ping([7]) + zmtpFrame([2]) + zmtpFrame([3])
        #expect(try events([stream]) == [.ready, .ping(context: [7]), .message([3])])
    }

    @Test func `messages at the limit pass, and messages of several frames are passed over`() throws {
        let limits = LinkLimits(messageBytesMax: 1_000)
        let several =
            zmtpFrame(pattern(500), hasMore: true) + zmtpFrame([], hasMore: true) + zmtpFrame(pattern(500))
        let most = (1...64).flatMap { zmtpFrame([1], hasMore: $0 < 64) }
        let stream = routerOpening + several + zmtpFrame(pattern(1_000)) + most + zmtpFrame([5])
        #expect(try events([stream], limits) == [.ready, .message(pattern(1_000)), .message([5])])
    }

    // MARK: - What it may not

    @Test(arguments: ["HTTP/1.1 400 X", "YMQ\u{2}", "SSH-2.0", "\u{1}", "\0\0\0\0"])
    func `another protocol is known by its first byte`(_ text: String) {
        let start = Array(text.utf8.prefix(4))
        #expect(failure(Array(text.utf8)) == .unexpectedMagic(start))
    }

    static let wrongGreetings: [(index: Int, byte: UInt8, fault: ZMTPFault)] = [
        (9, 0, .version(0)), (9, 0x7E, .version(0)), (10, 0, .version(0)), (10, 1, .version(1)),
        (10, 2, .version(2)), (12, 0x50, .mechanism(Array("PULL".utf8) + [UInt8](repeating: 0, count: 16))),
        (31, 0x58, .mechanism(Array("NULL".utf8) + [UInt8](repeating: 0, count: 15) + [0x58])),
    ]

    @Test(arguments: wrongGreetings)
    func `a greeting is refused as soon as its wrong byte is there`(
        _ index: Int,
        _ byte: UInt8,
        _ fault: ZMTPFault
    ) {
        var greeting = greeting
        greeting[index] = byte
        let decided = index < 12 ? index + 1 : 32
        for count in 0..<decided { #expect(failure(Array(greeting[..<count])) == nil) }
        #expect(failure(Array(greeting[..<decided])) == .zmtp(fault))
    }

    static let wrongCommands: [(bytes: [UInt8], fault: ZMTPFault)] = [
        (zmtpFrame([1]), .earlyMessage), (zmtpFrame([1], hasMore: true), .earlyMessage),
        ([4, 0], .malformedCommand), ([4, 1, 0], .malformedCommand), ([4, 2, 5, 65], .malformedCommand),
        (command("READY"), .socketType([])),
        (command("READY", property("Socket-Type", Array("PUB".utf8))), .socketType(Array("PUB".utf8))),
        (command("READY", property("Socket-Type", [])), .socketType([])),
        (command("READY", [11]), .malformedCommand), (command("READY", [0, 0, 0, 0, 0]), .malformedCommand),
        (command("READY", property("Socket-Type", Array("ROUTER".utf8)) + [1]), .malformedCommand),
        (command("READY", property("A", [1]).dropLast()), .malformedCommand),
        (command("READY", [1, 65, 255, 255, 255, 255, 1]), .malformedCommand),
        (command("ERROR", [3] + Array("bad".utf8)), .refused(Array("bad".utf8))),
        (command("ERROR"), .malformedCommand), (command("ERROR", [3, 65]), .malformedCommand),
        (ping([]), .misplacedCommand(Array("PING".utf8))),
        (command("EVIL"), .misplacedCommand(Array("EVIL".utf8))),
    ]

    @Test(arguments: wrongCommands)
    func `a handshake is READY of a ROUTER and nothing else`(_ bytes: [UInt8], _ fault: ZMTPFault) {
        #expect(failure(greeting + bytes) == .zmtp(fault))
    }

    static let wrongTraffic: [(bytes: [UInt8], error: MessagingError)] = [
        (Array(routerOpening.dropFirst(64)), .zmtp(.misplacedCommand(Array("READY".utf8)))),
        (command("ERROR", [0]), .zmtp(.refused([]))),
        (command("PING"), .zmtp(.malformedCommand)), (command("PING", [0]), .zmtp(.malformedCommand)),
        (ping(pattern(17)), .zmtp(.malformedCommand)),
        ([5, 0], .zmtp(.flags(5))), ([7], .zmtp(.flags(7))), ([8, 0], .zmtp(.flags(8))),
        ([0xF8, 2], .zmtp(.flags(0xF8))),
        ([6, 0, 0, 0, 0, 0, 0, 0x10, 1], .messageTooLong(announced: 4097, byteCountMax: 4096)),
        ([2, 0, 0, 0, 0, 0, 0, 3, 0xE9], .messageTooLong(announced: 1_001, byteCountMax: 1_000)),
        ([3, 0x80, 0, 0, 0, 0, 0, 0, 0], .messageTooLong(announced: 1 << 63, byteCountMax: 1_000)),
        (
            [2] + [UInt8](repeating: 0xFF, count: 8),
            .messageTooLong(announced: .max, byteCountMax: 1_000)
        ),
        (
            zmtpFrame(pattern(600), hasMore: true) + [3, 0, 0, 0, 0, 0, 0, 1, 0x91],
            .tooManyFrames(count: 2, byteCount: 1_001)
        ),
        ((0..<65).flatMap { _ in zmtpFrame([], hasMore: true) }, .tooManyFrames(count: 65, byteCount: 0)),
    ]

    @Test(arguments: wrongTraffic)
    func `what breaks the rules or a limit ends the stream, at once and for ever`(
        _ bytes: [UInt8],
        _ error: MessagingError
    ) throws {
        var framing = ZMTPFraming(LinkLimits(messageBytesMax: 1_000))
        framing.feed(routerOpening + zmtpFrame([1]) + bytes)
        #expect(try framing.next() == .ready)
        #expect(try framing.next() == .message([1]))
        #expect(throws: error) { try framing.next() }
        framing.feed(zmtpFrame([2]))
        #expect(throws: error) { try framing.next() }
    }

    @Test func `a thousand commands without a message are borne, and no more`() throws {
        let thousand = (0..<ZMTPFraming.commandCountMax - 1).flatMap { _ in ping([]) }
        let answered = try events([routerOpening + thousand + zmtpFrame([1]) + thousand])
        #expect(answered.count == 2 + 2 * thousand.count / 9)
        let flood = MessagingError.zmtp(.commandFlood(count: ZMTPFraming.commandCountMax + 1))
        #expect(failure(routerOpening + thousand + ping([])) == flood)
    }

    @Test func `how far an unfinished item has come is known, and nothing between two`() throws {
        var framing = ZMTPFraming()
        #expect(framing.unfinished == nil)
        for byte in routerOpening.dropLast() {
            framing.feed([byte])
            #expect(try framing.next() == nil)
            // Between greeting and READY nothing has begun.
        }
        #expect(framing.unfinished?.byteCount == routerOpening.count - 64 - 2 - 1)
        framing.feed([0])
        #expect(try framing.next() == .ready)
        #expect(framing.unfinished == nil)
        for (piece, byteCount, announced) in [([0], 1, 0), ([5], 0, 5), ([1, 2], 2, 5)]
            as [([UInt8], Int, Int)]
        {
            framing.feed(piece)
            #expect(try framing.next() == nil)
            #expect(framing.unfinished?.byteCount == byteCount)
            #expect(framing.unfinished?.announced == announced)
        }
        framing.feed([3, 4, 5] + zmtpFrame([1], hasMore: true))
        #expect(try framing.next() == .message([1, 2, 3, 4, 5]))
        #expect(try framing.next() == nil)
        #expect(framing.unfinished?.byteCount == 1)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `mutated streams give events or a typed error, and never more bytes than were fed`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var stream =
            routerOpening + zmtpFrame(pattern(300)) + ping([1]) + zmtpFrame([2], hasMore: true)
            + zmtpFrame([3])
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0..<stream.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: stream[index] = .random(in: 0...255, using: &random)
            case 1: stream.remove(at: index)
            default: stream.insert(.random(in: 0...255, using: &random), at: index)
            }
        }
        let messages = ((try? events([stream])) ?? []).map { event -> Int in
            if case .message(let message) = event { message.count } else { 0 }
        }
        #expect(messages.reduce(0, +) <= stream.count, "seed \(seed)")
        // Byte by byte it fails the same way, but for how much of a wrong magic was seen.
        let inBytes = failure(stream.map { [$0] })
        if case .unexpectedMagic? = inBytes { return }
        #expect(failure(stream) == inBytes, "seed \(seed)")
    }
}

@Suite struct ZMTPCommandTests {
    @Test func `commands are read by their names`() throws {
        let ready = ZMTPCommand.ready(identity: [1, 2])
        #expect(try ZMTPCommand(reading: ready[...]) == .ready(socketType: Array("DEALER".utf8)))
        let pong = ZMTPCommand.pong(context: [7])
        #expect(try ZMTPCommand(reading: pong[...]) == .other(name: Array("PONG".utf8)))
        #expect(try ZMTPCommand(reading: [4] + "PING".utf8 + [0, 9, 1, 2]) == .ping(context: [1, 2]))
        #expect(try ZMTPCommand(reading: [5] + "ERROR".utf8 + [1, 65]) == .error(reason: [65]))
    }

    @Test func `a stranger's words are shown without their end of line, and in part`() {
        let words = [UInt8](repeating: 0x41, count: 200)
        #expect("\(ZMTPFault.refused(words))".count < 80)
        #expect("\(ZMTPFault.mechanism(Array("PLAIN\0\0".utf8)))".contains("'PLAIN'"))
    }
}

@Suite struct ArrivalProgressTests {
    @Test func `a message has time for each 16 KiB, and none begins anew`() {
        var arrival = ArrivalProgress(LinkLimits(progressTime: .seconds(30)))
        #expect(arrival.due(with: nil) == .never)
        let first = arrival.due(with: 0)
        #expect(arrival.due(with: LinkLimits.progressByteCount - 1) == first)
        let second = arrival.due(with: LinkLimits.progressByteCount)
        #expect(second > first)
        #expect(arrival.due(with: LinkLimits.progressByteCount + 1) == second)
        #expect(arrival.due(with: nil) == .never)
        #expect(arrival.due(with: 1) > second)
    }
}

// MARK: - Bytes

private let greeting = Array(routerOpening.prefix(64))

private func beBytes(_ number: Int) -> [UInt8] { littleEndian(number).reversed() }

private func zmtpFrame(_ body: [UInt8], hasMore: Bool = false, isLong: Bool = false) -> [UInt8] {
    let flags: UInt8 = hasMore ? 1 : 0
    return body.count > 255 || isLong
        ? [flags | 2] + beBytes(body.count) + body : [flags, UInt8(body.count)] + body
}

private func command(_ name: String, _ data: some Sequence<UInt8> = [] as [UInt8]) -> [UInt8] {
    let body = [UInt8(name.utf8.count)] + name.utf8 + data
    return body.count > 255 ? [6] + beBytes(body.count) + body : [4, UInt8(body.count)] + body
}

private func property(_ name: String, _ value: [UInt8]) -> [UInt8] {
    [UInt8(name.utf8.count)] + name.utf8 + beBytes(value.count).suffix(4) + value
}

private func ping(_ context: [UInt8]) -> [UInt8] { command("PING", [0, 0] + context) }

/// All events of a stream that comes in these pieces.
private func events(
    _ pieces: [[UInt8]],
    _ limits: LinkLimits = LinkLimits()
) throws(MessagingError) -> [ZMTPFraming.Event] {
    var framing = ZMTPFraming(limits)
    var events: [ZMTPFraming.Event] = []
    for piece in pieces {
        framing.feed(piece)
        while let event = try framing.next() { events.append(event) }
    }
    return events
}

private func failure(_ stream: [UInt8]) -> MessagingError? { failure([stream]) }

/// Why a stream is refused; of a wrong magic it depends on the pieces how much was seen.
private func failure(_ pieces: [[UInt8]]) -> MessagingError? {
    do throws(MessagingError) { _ = try events(pieces) } catch { return error }
    return nil
}

/// Reads hexadecimal digits, skipping spaces.
private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc
package import Transport

/// A name server (RFC 1035) on loopback that says what a test wants.
@LoopActor
package final class FakeNameServer {
    /// What a question is answered with.
    package enum Answer: Sendable {
        /// Those of the addresses that are of the family asked for.
        case addresses([SocketAddress])
        /// An error code: 2 is SERVFAIL, 3 is NXDOMAIN.
        case error(UInt8)
        /// Nothing, for questions of the given type (1 is A, 28 is AAAA), else the addresses.
        case silenceFor(type: UInt8, [SocketAddress])
        /// Nothing to the first so many questions, then the addresses.
        case silenceFirst(Int, [SocketAddress])
        /// "Ask again over TCP", and the addresses there.
        case truncated([SocketAddress])
        /// Bytes that make no sense.
        case garbage([UInt8])
    }

    private let fileDescriptor: Int32
    private let readiness: Readiness
    private let listener: TCPListener
    private let answers: [String: Answer]
    private var isStopped = false
    /// How many questions came over UDP.
    package private(set) var questionCount = 0

    /// Where it listens, in the form that `resolve` takes.
    package var servers: String { listener.address.description }

    /// Answers for the names in `answers`; NXDOMAIN for all others.
    package init(_ answers: [String: Answer]) throws(TransportError) {
        self.answers = answers
        listener = try loopbackListener()
        let fileDescriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = (listener.address.port ?? 0).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fileDescriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(status == 0, "bind failed: \(errno)")
        self.fileDescriptor = fileDescriptor
        readiness = Readiness(fileDescriptor)
        spawn { await self.serveDatagrams() }
        spawn { await self.serveConnections() }
    }

    /// Stops answering and gives its sockets back.
    package func stop() {
        isStopped = true
        listener.close()
        readiness.close()
        close(fileDescriptor)
    }

    private func serveDatagrams() async {
        // Woken and stopped may fall together, and then the descriptor is somebody else's by now.
        while (try? await readiness.wait(for: .read, until: .never)) != nil, !isStopped {
            var question = [UInt8](repeating: 0, count: 512)
            var sender = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &sender) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { sender in
                    let count = recvfrom(fileDescriptor, &question, question.count, 0, sender, &length)
                    guard count > 12, let reply = reply(to: Array(question.prefix(count)), overTCP: false)
                    else { return }
                    _ = sendto(fileDescriptor, reply, reply.count, 0, sender, length)
                }
            }
        }
    }

    private func serveConnections() async {
        while let stream = try? await listener.accept() {
            let message = (try? await stream.read(upTo: 512, deadline: soon)) ?? []
            if message.count > 14, let reply = reply(to: Array(message.dropFirst(2)), overTCP: true) {
                let length = [UInt8(reply.count >> 8), UInt8(reply.count & 255)]
                try? await stream.write(length + reply, deadline: soon)
            }
            await stream.finish(deadline: soon)
        }
    }

    private func reply(to question: [UInt8], overTCP: Bool) -> [UInt8]? {
        if !overTCP { questionCount += 1 }
        let (name, end) = questionName(question)
        let type = question[end + 1]
        switch answers[name] ?? .error(3) {
        case .addresses(let addresses):
            return message(question, end, type, addresses)
        case .error(let code):
            return message(question, end, type, [], code: code)
        case .silenceFor(let silent, let addresses):
            return type == silent ? nil : message(question, end, type, addresses)
        case .silenceFirst(let count, let addresses):
            return questionCount <= count ? nil : message(question, end, type, addresses)
        case .truncated(let addresses):
            return message(question, end, type, overTCP ? addresses : [], isTruncated: !overTCP)
        case .garbage(let bytes):
            return Array(question.prefix(2)) + bytes
        }
    }
}

/// The name in lower case that `question` asks for, and where its type begins.
private func questionName(_ question: [UInt8]) -> (String, Int) {
    var labels: [String] = []
    var position = 12
    while question[position] != 0 {
        let label = question[(position + 1)...].prefix(Int(question[position]))
        labels.append(String(decoding: label, as: UTF8.self).lowercased())
        position += 1 + label.count
    }
    return (labels.joined(separator: "."), position + 1)
}

private func message(
    _ question: [UInt8],
    _ end: Int,
    _ type: UInt8,
    _ addresses: [SocketAddress],
    code: UInt8 = 0,
    isTruncated: Bool = false
) -> [UInt8] {
    let records = addresses.compactMap { address -> [UInt8]? in
        switch (address, type) {
        case (.ipv4(let bytes, _), 1), (.ipv6(let bytes, _, _), 28):
            // The name as a pointer to the question, class IN, a minute to live.
            [0xC0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, UInt8(bytes.count)] + bytes
        default:
            nil
        }
    }
    // Response, recursion desired and available.
    let flags: [UInt8] = [0x81 | (isTruncated ? 2 : 0), 0x80 | code]
    let counts: [UInt8] = [0, 1, 0, UInt8(records.count), 0, 0, 0, 0]
    return question[..<2] + flags + counts + question[12..<(end + 4)] + records.joined()
}

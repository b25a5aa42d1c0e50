// SPDX-License-Identifier: Apache-2.0
//
// Happy eyeballs (RFC 8305).
//
// Rule: a host may have several addresses, of which some lead nowhere, most often all of one family.
// Consequence: the addresses are tried in turn, families alternating, each 250 ms after the one before
// (section 5) or as soon as that one has failed; the first connection made wins, the others are cancelled.
// Rejected: all at once, which floods a small server, and one after another, which costs a whole time-out
// for each dead address.

package import EventLoop

/// How long an attempt runs before the next one starts beside it, from RFC 8305 section 8.
private let connectionAttemptDelay = Duration.milliseconds(250)

/// Connects to `host`, a name or a numeric address, at `port`; throws the problem of resolution, or when every
/// address fails that of the first.
@LoopActor
package func connectTCP(
    host: String,
    port: UInt16,
    deadline: Deadline
) async throws(TransportError) -> TCPStream {
    try await connectTCP(to: resolve(host, port: port, deadline: deadline), deadline: deadline)
}

/// Connects to the first of `addresses` that answers; when every address fails, throws the problem of the first:
/// the preferred one tells most.
@LoopActor
package func connectTCP(
    to addresses: [SocketAddress],
    deadline: Deadline
) async throws(TransportError) -> TCPStream {
    precondition(!addresses.isEmpty, "resolution never succeeds without an address")
    if addresses.count == 1 { return try await connectOnce(to: addresses[0], deadline: deadline) }
    let race = ConnectionRace(alternatingFamilies(addresses), deadline)
    let outcome = await race.run()
    await race.cancelOthers()
    return try outcome.get()
}

/// The addresses with families taking turns, the family of the first one first (RFC 8305 section 4).
package func alternatingFamilies(_ addresses: [SocketAddress]) -> [SocketAddress] {
    guard let first = addresses.first else { return [] }
    let preferred = addresses.filter { $0.family == first.family }
    let others = addresses.filter { $0.family != first.family }
    var mixed: [SocketAddress] = []
    for index in 0..<max(preferred.count, others.count) {
        if index < preferred.count { mixed.append(preferred[index]) }
        if index < others.count { mixed.append(others[index]) }
    }
    return mixed
}

@LoopActor
private func connectOnce(
    to address: SocketAddress,
    deadline: Deadline
) async throws(TransportError) -> TCPStream {
    let socket = try during(.connect) { () throws(SystemCallError) in
        let socket = try Socket(for: address)
        try socket.beginConnect(to: address)
        return socket
    }
    try await socket.wait(for: .write, until: deadline, during: .connect)
    return try during(.connect) { () throws(SystemCallError) in
        try socket.takeError("connect")
        return try TCPStream(socket)
    }
}

/// Several attempts of which one wins.
@LoopActor
private final class ConnectionRace {
    private typealias Outcome = (index: Int, result: Result<TCPStream, TransportError>)

    private let addresses: [SocketAddress]
    private let deadline: Deadline
    private let outcomes = Mailbox<Outcome>()
    private var attempts: [Spawned<Void>] = []

    init(_ addresses: [SocketAddress], _ deadline: Deadline) {
        self.addresses = addresses
        self.deadline = deadline
    }

    func run() async -> Result<TCPStream, TransportError> {
        var failures: [Int: TransportError] = [:]
        startNext()
        while failures.count < addresses.count {
            do throws(WaitError) {
                let isLast = attempts.count == addresses.count
                let wait = isLast ? Deadline.never : .after(connectionAttemptDelay)
                let outcome = try await outcomes.receive(until: wait)
                guard case .failure(let error) = outcome.result else { return outcome.result }
                failures[outcome.index] = error
                startNext()
            } catch .deadlinePassed {
                startNext()
            } catch {
                return .failure(.cancelled)
            }
        }
        return .failure(failures[0] ?? .cancelled)
    }

    /// Ends the attempts still under way and waits till their sockets are closed; a stream that nobody took
    /// closes itself when the race is let go.
    func cancelOthers() async {
        for attempt in attempts { attempt.cancel() }
        for attempt in attempts { await attempt.value }
    }

    private func startNext() {
        let index = attempts.count
        if index == addresses.count { return }
        attempts.append(
            spawn { [addresses, outcomes, deadline] in
                do throws(TransportError) {
                    let stream = try await connectOnce(to: addresses[index], deadline: deadline)
                    outcomes.send((index, .success(stream)))
                } catch {
                    outcomes.send((index, .failure(error)))
                }
            }
        )
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// Happy eyeballs (RFC 8305).
//
// Rule: a host may have several addresses, of which some lead nowhere, most often all of one family.
// Consequence: the addresses are tried in turn, families alternating, each 250 ms after the one before
// (section 5) or as soon as that one has failed; the first connection made wins, the others are given up.
// Rejected: all at once, which floods a small server, and one after another, which costs a whole time-out
// for each dead address.

package import EventLoop

/// How long an attempt has the field to itself, from RFC 8305 section 8.
private let connectionAttemptDelay = Duration.milliseconds(250)

/// Connects to `host`, a name or a numeric address, at `port`.
///
/// Throws the problem of resolution, or that of the first address that failed.
@LoopActor
package func connectTCP(
    host: String,
    port: UInt16,
    deadline: Deadline
) async throws(TransportError) -> TCPStream {
    try await connectTCP(to: resolve(host, port: port, deadline: deadline), deadline: deadline)
}

/// Connects to the first of `addresses` that answers.
///
/// Throws the problem of the address that failed first, for the preferred one tells most.
@LoopActor
package func connectTCP(
    to addresses: [SocketAddress],
    deadline: Deadline
) async throws(TransportError) -> TCPStream {
    precondition(!addresses.isEmpty, "resolution never succeeds without an address")
    if addresses.count == 1 { return try await connectOnce(to: addresses[0], deadline: deadline) }
    let race = ConnectionRace(alternatingFamilies(addresses), deadline)
    let outcome = await race.run()
    await race.giveUpOthers()
    return try outcome.get()
}

/// The addresses with families taking turns, the family of the first one first (RFC 8305 section 4).
func alternatingFamilies(_ addresses: [SocketAddress]) -> [SocketAddress] {
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

/// One attempt at one address.
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
    private typealias Outcome = Result<TCPStream, TransportError>

    private var untried: ArraySlice<SocketAddress>
    private let deadline: Deadline
    private let outcomes = Mailbox<Outcome>()
    private var attempts: [Spawned<Void>] = []
    private var underWay = 0

    init(_ addresses: [SocketAddress], _ deadline: Deadline) {
        untried = addresses[...]
        self.deadline = deadline
    }

    func run() async -> Result<TCPStream, TransportError> {
        var firstFailure: TransportError?
        while true {
            startNext()
            switch await nextOutcome() {
            case .success(let stream):
                return .success(stream)
            case .failure(.cancelled):
                return .failure(.cancelled)
            case .failure(let error):
                firstFailure = firstFailure ?? error
            case nil:
                continue
            }
            if underWay == 0, untried.isEmpty, let firstFailure { return .failure(firstFailure) }
        }
    }

    /// Ends the attempts still under way and waits till their sockets are closed.
    func giveUpOthers() async {
        for attempt in attempts { attempt.cancel() }
        for attempt in attempts { await attempt.value }
        while case .success(let late)? = outcomes.poll() { late.close() }
    }

    private func startNext() {
        guard let address = untried.popFirst() else { return }
        underWay += 1
        attempts.append(
            spawn { [outcomes, deadline] in
                do throws(TransportError) {
                    outcomes.send(.success(try await connectOnce(to: address, deadline: deadline)))
                } catch {
                    outcomes.send(.failure(error))
                }
            }
        )
    }

    /// The next outcome; nil when it is time for the next address.
    private func nextOutcome() async -> Outcome? {
        let patience = untried.isEmpty ? Deadline.never : .after(connectionAttemptDelay)
        do throws(WaitError) {
            let outcome = try await outcomes.receive(until: patience)
            underWay -= 1
            return outcome
        } catch .deadlinePassed {
            return nil
        } catch {
            return .failure(.cancelled)
        }
    }
}

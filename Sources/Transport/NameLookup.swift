// SPDX-License-Identifier: Apache-2.0
//
// Name resolution that neither blocks the loop nor takes a thread: c-ares, driven by our fds and timers.
//
// Rule: getaddrinfo blocks for as long as a name server likes, and its asynchronous form is a thread.
// c-ares only needs to be told which of its sockets is ready and that time has passed. It says which sockets
// it has through a callback, which comes before it closes one, so no closed descriptor is ever watched.
// Consequence: one channel for each lookup. Reading three small files each time is cheap beside a
// connection, and a changed resolv.conf takes effect at once. Both families are asked for at the same
// time; once one has answered, the other gets a moment more (RFC 8305 section 3).

internal import CCares
internal import EventLoop
internal import Glibc

/// One lookup of one name.
@LoopActor
final class NameLookup {
    private let host: String
    private let port: UInt16
    /// Nil once ended.
    private var channel: ares_channel?
    private var sockets: [Int32: Readiness] = [:]
    private var addresses: [Int32: [SocketAddress]] = [:]
    private var problems: [ResolutionProblem] = []
    private var answersMissing = 2
    /// Rings when c-ares has been told something, so that there may be an answer or another time-out.
    private let progress = Wakeup()

    init(_ host: String, port: UInt16, servers: String?) throws(TransportError) {
        self.host = host
        self.port = port
        var options = ares_options()
        options.sock_state_cb = socketStateChanged
        options.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()
        var status = ares_init_options(&channel, &options, ARES_OPT_SOCK_STATE_CB)
        if status == ARES_SUCCESS, let servers { status = ares_set_servers_ports_csv(channel, servers) }
        if status != ARES_SUCCESS {
            end()
            throw .unresolved(host: host, .serversFailed(words(for: status)))
        }
    }

    /// Waits for both answers, `resolutionDelay` for the second; `end` must follow.
    func run(
        _ deadline: Deadline,
        _ resolutionDelay: Duration
    ) async -> Result<[SocketAddress], TransportError> {
        ask(AF_INET6)
        ask(AF_INET)
        var limit = deadline
        var isLimited = false
        while answersMissing > 0 {
            if !addresses.isEmpty, !isLimited {
                isLimited = true
                limit = min(deadline, .after(resolutionDelay))
            }
            if let error = await step(until: limit) {
                if isLimited, error == .deadlinePassed { break }
                return .failure(TransportError(error, .resolve))
            }
        }
        // IPv6 first, as RFC 6724 would mostly have it.
        let found = (addresses[AF_INET6] ?? []) + (addresses[AF_INET] ?? [])
        return found.isEmpty ? .failure(.unresolved(host: host, worstProblem)) : .success(found)
    }

    /// Closes the channel's sockets, which ends the watching of them.
    func end() {
        guard let channel else { return }
        self.channel = nil
        ares_destroy(channel)
    }

    /// Waits until c-ares has had something to do; nil unless waiting ended without.
    private func step(until limit: Deadline) async -> WaitError? {
        let next = nextTimeout()
        do throws(WaitError) {
            try await progress.wait(until: min(limit, next))
        } catch .deadlinePassed where next < limit {
            ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD)
        } catch {
            return error
        }
        return nil
    }

    private func nextTimeout() -> Deadline {
        var time = timeval()
        guard ares_timeout(channel, nil, &time) != nil else { return .never }
        return .after(.seconds(time.tv_sec) + .microseconds(time.tv_usec))
    }

    private func ask(_ family: Int32) {
        var hints = ares_addrinfo_hints()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        ares_getaddrinfo(channel, host, nil, &hints, answered, Unmanaged.passUnretained(self).toOpaque())
    }

    /// The reason to give when neither family has an address: a temporary failure comes before a definite answer.
    private var worstProblem: ResolutionProblem {
        for problem in problems {
            if case .serversFailed = problem { return problem }
        }
        return problems.contains(.addressless) ? .addressless : problems.first ?? .nameUnknown
    }

    fileprivate func record(_ found: [SocketAddress], _ status: Int32) {
        answersMissing -= 1
        progress.ring()
        if let first = found.first {
            addresses[first.family] = found.map { $0.replacingPort(port) }
        } else if let problem = ResolutionProblem(status: status) {
            problems.append(problem)
        }
    }

    fileprivate func socketChanged(_ fileDescriptor: Int32, isReading: Bool, isWriting: Bool) {
        guard isReading || isWriting else {
            sockets.removeValue(forKey: fileDescriptor)?.close()
            return
        }
        if sockets[fileDescriptor] == nil {
            let readiness = Readiness(fileDescriptor)
            sockets[fileDescriptor] = readiness
            spawn { await self.watch(fileDescriptor, readiness, .read) }
        }
        if isWriting, let readiness = sockets[fileDescriptor] {
            spawn { await self.watch(fileDescriptor, readiness, .write) }
        }
    }

    /// Tells c-ares whenever the socket is ready: for reading till it is closed, for writing once.
    private func watch(_ fileDescriptor: Int32, _ readiness: Readiness, _ interest: Interest) async {
        repeat {
            do throws(WaitError) {
                try await readiness.wait(for: interest, until: .never)
            } catch {
                return
            }
            guard let channel, sockets[fileDescriptor] === readiness else { return }
            let isReading = interest == .read
            ares_process_fd(
                channel,
                isReading ? fileDescriptor : ARES_SOCKET_BAD,
                isReading ? ARES_SOCKET_BAD : fileDescriptor
            )
            progress.ring()
        } while interest == .read
    }
}

extension ResolutionProblem {
    /// The problem that an ARES_ status stands for; nil for one that only says that the lookup was ended.
    fileprivate init?(status: Int32) {
        switch status {
        case ARES_ENOTFOUND: self = .nameUnknown
        case ARES_ENODATA, ARES_SUCCESS: self = .addressless
        case ARES_EBADNAME, ARES_EFORMERR: self = .malformed
        case ARES_EDESTRUCTION: return nil
        default: self = .serversFailed(words(for: status))
        }
    }
}

private func words(for status: Int32) -> String { String(cString: ares_strerror(status)) }

/// Called by c-ares before it uses a socket, changes its interest or closes it.
private func socketStateChanged(
    lookup: UnsafeMutableRawPointer?,
    fileDescriptor: Int32,
    isReading: Int32,
    isWriting: Int32
) {
    guard let lookup else { return }
    let owner = Unmanaged<NameLookup>.fromOpaque(lookup).takeUnretainedValue()
    LoopActor.assumeIsolated {
        owner.socketChanged(fileDescriptor, isReading: isReading != 0, isWriting: isWriting != 0)
    }
}

/// Called by c-ares, once for each family; the answer is ours to free.
private func answered(
    lookup: UnsafeMutableRawPointer?,
    status: Int32,
    _: Int32,
    answer: UnsafeMutablePointer<ares_addrinfo>?
) {
    guard let lookup else { return }
    var found: [SocketAddress] = []
    let owner = Unmanaged<NameLookup>.fromOpaque(lookup).takeUnretainedValue()
    var node = answer?.pointee.nodes
    while let current = node {
        var storage = sockaddr_storage()
        let size = min(Int(current.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
        if let address = current.pointee.ai_addr { memcpy(&storage, address, size) }
        if let address = SocketAddress(storage) { found.append(address) }
        node = current.pointee.ai_next
    }
    if let answer { ares_freeaddrinfo(answer) }
    LoopActor.assumeIsolated { owner.record(found, status) }
}

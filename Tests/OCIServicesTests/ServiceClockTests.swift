// SPDX-License-Identifier: Apache-2.0

import Encodings
import EventLoop
import HTTPClient
import OCISigning
import TestSupport
import Testing
import Transport

@testable import OCIServices

@Suite struct ServiceClockTests {
    @Test func `accepted answers tell the time, each one anew, but for small differences`() {
        var clock = ServiceClock()
        let answers: [(serverTime: Int?, hostTime: Int, offset: Int)] = [
            (1029, 1000, 0), (1600, 1000, 600), (1710, 1100, 600), (nil, 1100, 600), (1200, 1200, 0),
            (500, 1200, -700),
        ]
        for (serverTime, hostTime, offset) in answers {
            clock.accepted(serverTime: serverTime, hostTime: hostTime)
            #expect(clock.offsetSeconds == offset)
        }
    }

    @Test func `the time in a refusal is tried once, and kept only if it is accepted`() {
        var clock = ServiceClock()
        var isWorthATry = clock.refused(serverTime: 5000, hostTime: 1000)
        #expect(isWorthATry)
        #expect(clock.offsetSeconds == 4000)
        #expect(clock.confirmedSeconds == 0)
        clock.accepted(serverTime: nil, hostTime: 1001)
        #expect(clock.confirmedSeconds == 4000)

        isWorthATry = clock.refused(serverTime: 9000, hostTime: 1000)
        #expect(isWorthATry)
        #expect(clock.offsetSeconds == 8000)
        isWorthATry = clock.refused(serverTime: 9000, hostTime: 1000)
        #expect(isWorthATry, "with the time that is known")
        #expect(clock.offsetSeconds == 4000)
    }

    @Test(arguments: [nil, 1010, 90_000, -90_000, .min, .max])
    func `a time that is absent, ours or more than a day off changes nothing`(serverTime: Int?) {
        var clock = ServiceClock()
        _ = clock.refused(serverTime: serverTime, hostTime: 1000)
        #expect(clock.offsetSeconds == 0)
        clock.accepted(serverTime: serverTime, hostTime: 1000)
        #expect(clock.offsetSeconds == 0)
    }

    @Test(arguments: [(nil, false), (1010, false), (90_000, true), (.min, true)])
    func `a refusal with a time that cannot be believed says nothing of the credentials`(
        serverTime: Int?,
        isWorthATry: Bool
    ) {
        var clock = ServiceClock()
        let isWorthAnother = clock.refused(serverTime: serverTime, hostTime: 1000)
        #expect(isWorthAnother == isWorthATry)
    }

    /// A process has one clock, so this runs in a process of its own.
    @Test func `a signature bears the date of the loop's clock`() async {
        await #expect(processExitsWith: .success) {
            LoopClock.replace(wall: { 1_000_000_000_000_000_000 })
            try await onLoop {
                let service = try ScriptedService([answer(200, #"{"items":[]}"#)])
                _ = try await service.instances.list(deadline: soon)
                let date = service.requests[0].field("date")
                precondition(date == "Sun, 09 Sep 2001 01:46:40 GMT")
                precondition(service.requests[0].field("authorization")?.contains("date") == true)
                service.stop()
            }
        }
    }

    @Test(arguments: [200, 401])
    func `a body that comes slowly is no sign that the clock is off`(_ status: Int) async {
        await #expect(processExitsWith: .success) { [status] in
            VirtualTime(epochSeconds: 1_000_000_000) { preconditionFailure($0) }.install()
            EventLoop.run {
                let isDone = Latch()
                SimulatedProcess(random: SeededRandom(seed: 1)).run {
                    spawn {
                        do { try await Self.callSlowly(status) } catch { preconditionFailure("\(error)") }
                        isDone.open()
                    }
                }
                try? await isDone.wait()
            }
        }
    }

    @LoopActor private static func callSlowly(_ status: Int) async throws {
        let service = SlowService(status)
        let calls = ServiceCalls(
            exchange: SignedExchange(
                client: HTTPClient(connector: service),
                endpoints: try #require(Endpoints(baseURL: "http://slow.test/")),
                userAgent: "test"
            ),
            credentials: APIKeyCredentials(
                SigningIdentity(keyID: try .token("abc"), key: try #require(testKey)),
                tenancyID: nil
            ),
            requestsPerSecondMax: 1000
        ) { _ in }
        let instances = ContainerInstances(calls: calls, compartmentID: "c")
        _ = try? await instances.list(deadline: .after(.seconds(300)))
        precondition(calls.clockOffsetSeconds == 0, "\(calls.clockOffsetSeconds)")
        precondition(service.requestCount == 1, "\(service.requestCount)")
    }
}

/// Answers with the right time, and takes long to send the body.
@LoopActor
private final class SlowService: Connector, ByteStream {
    let isIdleAndOpen = true
    private(set) var requestCount = 0
    private let status: Int
    private var parts: [String] = []

    init(_ status: Int) { self.status = status }

    func connect(
        to origin: HTTPOrigin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream { self }

    func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        requestCount += 1
        let date = HTTPDate.format(secondsSinceEpoch: Int(LoopClock.epochSeconds))
        let body = #"{"items":[]}"#
        parts = [
            "HTTP/1.1 \(status) X\r\ndate: \(date)\r\ncontent-length: \(body.count)\r\n\r\n", body,
        ]
    }

    func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        if parts.count == 1 { try? await sleep(for: .seconds(45)) }
        return parts.isEmpty ? [] : Array(parts.removeFirst().utf8)
    }

    func finish(deadline: Deadline) async {}

    func close() {}
}

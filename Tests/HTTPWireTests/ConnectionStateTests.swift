// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPWire

/// RFC 9112 section 9.3.
@Suite struct ConnectionStateTests {
    private static let request = RequestHead(method: "GET", target: "/", headers: ["host": "h"])

    @Test(
        arguments: [
            ("1.1", "", nil), ("1.1", "Connection: keep-alive\r\n", nil),
            ("1.1", "Connection: close\r\n", .peerAskedToClose),
            ("1.1", "connection: CLOSE\r\n", .peerAskedToClose),
            ("1.1", "Connection: x, Close ,y\r\n", .peerAskedToClose),
            ("1.1", "Connection: x\r\nConnection: close\r\n", .peerAskedToClose),
            ("1.1", "Connection: closed\r\n", nil),
            ("1.1", "Connection: keep-alive, close\r\n", .peerAskedToClose),
            ("1.1", "Connection: upgrade\r\n", nil),
            ("1.1", "Proxy-Connection: close\r\n", nil), ("1.0", "", .versionWithoutKeepAlive),
            ("1.0", "Connection: Keep-Alive\r\n", nil), ("1.0", "Connection: x,keep-alive\r\n", nil),
            ("1.0", "Connection: close\r\n", .peerAskedToClose),
            ("1.0", "Connection: keep-alive, close\r\n", .peerAskedToClose),
            ("1.0", "Keep-Alive: timeout=5\r\n", .versionWithoutKeepAlive),
        ] as [(String, String, ConnectionState.CloseReason?)]
    )
    func `the answer's version and Connection options decide about reuse`(
        version: String,
        fields: String,
        reason: ConnectionState.CloseReason?
    ) {
        ResponseCase.accept(
            fields,
            "HTTP/\(version) 200 OK\r\nContent-Length: 0\r\n\(fields)\r\n",
            then: reason
        ).check()
    }

    @Test func `a connection carries one request after another`() {
        var state = ConnectionState.idle
        for _ in 0..<3 {
            #expect(state.isReusable)
            state.requestStarted(Self.request)
            #expect(!state.isReusable)
            state.requestSent()
            state.headReceived(ResponseHead(status: 200), .length(3))
            state.responseEnded(extraByteCount: 0)
        }
        #expect(state == .idle)
    }

    @Test func `an answer before the request was sent to its end closes`() {
        var state = ConnectionState.idle
        state.requestStarted(Self.request)
        state.headReceived(ResponseHead(status: 413), .length(0))
        state.responseEnded(extraByteCount: 0)
        #expect(state.closeReason == .requestUnfinished)
    }

    @Test func `our own Connection close is obeyed`() {
        var state = ConnectionState.idle
        state.requestStarted(RequestHead(method: "GET", target: "/", headers: ["Connection": "Close"]))
        state.requestSent()
        state.headReceived(ResponseHead(status: 200), .length(0))
        state.responseEnded(extraByteCount: 0)
        #expect(state.closeReason == .weAskedToClose)
    }

    @Test func `a failed exchange closes and stays closed`() {
        var state = ConnectionState.idle
        state.requestStarted(Self.request)
        state.failed()
        state.requestSent()
        state.headReceived(ResponseHead(status: 200), .length(0))
        state.responseEnded(extraByteCount: 0)
        #expect(state == .closing(.failed))
    }

    @Test(
        arguments: [
            ("timeout=5, max=1000", 5), ("max=3,Timeout=60", 60), ("timeout=", nil), ("timeout=-1", nil),
            ("max=5", nil), ("", nil),
            ("timeout=99999999999999999999", nil),
        ] as [(String, Int?)]
    )
    func `the server's idle time is read where it tells one`(field: String, seconds: Int?) {
        #expect(ResponseHead(status: 200, headers: ["Keep-Alive": field]).keepAliveSeconds == seconds)
    }
}

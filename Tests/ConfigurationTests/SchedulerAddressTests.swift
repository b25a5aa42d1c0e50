// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

struct SchedulerAddressTests {
    @Test(arguments: [
        ("tcp://127.0.0.1:8516", SchedulerAddress.tcp(host: "127.0.0.1", port: 8516), "tcp://127.0.0.1:8516"),
        ("tcp://scheduler.example:1", .tcp(host: "scheduler.example", port: 1), "tcp://scheduler.example:1"),
        ("tcp://::1:65535", .tcp(host: "::1", port: 65535), "tcp://::1:65535"),
        ("tcp://[::1]:80", .tcp(host: "::1", port: 80), "tcp://::1:80"),
        ("tcp://fe80::1%eth0:80", .tcp(host: "fe80::1%eth0", port: 80), "tcp://fe80::1%eth0:80"),
        ("tcp://127.0.0.1:8516/", .tcp(host: "127.0.0.1", port: 8516), "tcp://127.0.0.1:8516"),
        ("ipc:///run/scaler.sock", .ipc(path: "/run/scaler.sock"), "ipc:///run/scaler.sock"),
        ("tls://127.0.0.1:8516", .tls(host: "127.0.0.1", port: 8516), "tls://127.0.0.1:8516"),
        ("tls://[::1]:8516/", .tls(host: "::1", port: 8516), "tls://::1:8516"),
        ("ws://a:1", .webSocket(host: "a", port: 1, path: "/", isSecure: false), "ws://a:1/"),
        ("ws://::1:1/x", .webSocket(host: "::1", port: 1, path: "/x", isSecure: false), "ws://::1:1/x"),
        (
            "wss://a:1/x/y?z", .webSocket(host: "a", port: 1, path: "/x/y?z", isSecure: true),
            "wss://a:1/x/y?z"
        ),
    ])
    func `addresses read and print as Scaler writes them`(
        _ text: String,
        _ address: SchedulerAddress,
        _ printed: String
    ) throws {
        #expect(try SchedulerAddress(text) == address)
        #expect(address.description == printed)
        #expect(try SchedulerAddress(printed) == address)
    }

    @Test(arguments: [
        ("", "'' is no address"), ("127.0.0.1:1", "'127.0.0.1:1' is no address"),
        ("udp://a:1", "'udp://a:1' has an unknown scheme"), ("tcp://", "'tcp://' has no port"),
        ("tcp://a", "'tcp://a' has no port"), ("tcp://:1", "'tcp://:1' has no usable host"),
        ("tcp://a b:1", "'tcp://a b:1' has no usable host"),
        ("tcp://u@h:1", "'tcp://...@h:1' has no usable host"),
        ("tcp://a:", "'tcp://a:' has no port number after the last colon"),
        ("tcp://a:x", "'tcp://a:x' has no port number after the last colon"),
        ("tcp://a:+1", "'tcp://a:+1' has no port number after the last colon"),
        ("tcp://a:0", "'tcp://a:0' has a port outside 1 to 65535"),
        ("tcp://a:65536", "'tcp://a:65536' has a port outside 1 to 65535"),
        ("tcp://a:1/path", "'tcp://a:1/path' has no port number after the last colon"),
        ("ipc://", "'ipc://' names no usable path"), ("tls://a", "'tls://a' has no port"),
        ("tls://a:1/x", "'tls://a:1/x' has no port number after the last colon"),
        ("ws://:1/x", "'ws://:1/x' has no usable host"), ("wss://a/x", "'wss://a/x' has no port"),
        ("ws://a:1/a b", "'ws://a:1/a b' has a path that no request can name"),
        ("ws://a:1/\u{e9}", "'ws://a:1/\u{e9}' has a path that no request can name"),
        ("inproc://x", "inproc:// is not supported: it leads nowhere outside of the process that binds it"),
    ])
    func `what is no address says why`(_ text: String, _ problem: String) {
        #expect { try SchedulerAddress(text) } throws: { ($0 as? ValueFault)?.problem == problem }
    }

    @Test func `a host that is longer than a name can be is refused, and not repeated`() throws {
        let longest = String(repeating: "a", count: 253)
        #expect(try SchedulerAddress("tcp://\(longest):1") == .tcp(host: longest, port: 1))
        #expect {
            try SchedulerAddress("tcp://\(longest)a:1")
        } throws: {
            guard let fault = $0 as? ValueFault else { return false }
            return fault.problem.hasSuffix(" has a host of more than 253 bytes") && fault.problem.count < 200
        }
    }

    @Test(arguments: [
        ("127.0.0.1:9464", StatusAddress.tcp(host: "127.0.0.1", port: 9464)),
        ("::1:0", .tcp(host: "::1", port: 0)),
        ("[::1]:0", .tcp(host: "::1", port: 0)), ("/run/s", .unix(path: "/run/s")),
        ("unix:/run/s", .unix(path: "/run/s")),
    ])
    func `status addresses read and print`(_ text: String, _ address: StatusAddress) throws {
        #expect(try StatusAddress(text) == address)
        #expect(try StatusAddress(address.description) == address)
    }

    @Test(arguments: [
        "", ":1", "9464", "host", "host:70000", "unix:relative", "http://127.0.0.1:1", "unix:/a\nb", "/a\0b",
    ])
    func `what is no status address is refused`(_ text: String) {
        #expect(throws: ValueFault.self) { try StatusAddress(text) }
    }

    @Test func `a path that the kernel would cut is refused`() throws {
        let longest = "/" + String(repeating: "é", count: 53)
        #expect(try StatusAddress("unix:\(longest)") == .unix(path: longest))
        #expect {
            try StatusAddress("unix:\(longest)s")
        } throws: {
            ($0 as? ValueFault)?.problem == "the path of the socket is longer than 107 bytes"
        }
    }
}

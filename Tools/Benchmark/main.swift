// SPDX-License-Identifier: Apache-2.0

import Encodings
import EventLoop
import Glibc
import HTTPClient
import HTTPWire
import OCISigning
import Transport

/// One measurement: the same request again and again, by the daemon's own HTTP client, TLS and signer.
struct Measurement {
    let origin: HTTPOrigin
    let certificatesPath: String
    /// The private key to sign with; requests go unsigned without one.
    let keyPath: String?
    let method: String
    let target: String
    let bodyByteCount: Int
    let requestCount: Int

    /// Reads `URL CA KEY|- METHOD BODY-BYTES COUNT`; nil for anything else.
    init?(_ arguments: [String]) {
        guard arguments.count == 6, let (origin, target) = HTTPOrigin.parse(arguments[0]),
            let bodyByteCount = Int(arguments[4]), let requestCount = Int(arguments[5])
        else { return nil }
        self.origin = origin
        self.target = target
        certificatesPath = arguments[1]
        keyPath = arguments[2] == "-" ? nil : arguments[2]
        method = arguments[3]
        self.bodyByteCount = bodyByteCount
        self.requestCount = requestCount
    }

    /// Makes one request to connect and warm up, then the measured ones; prints what they took as `name value` lines.
    @LoopActor
    func run() async throws {
        let client = HTTPClient(
            connector: StreamConnector(
                try TLSContext(.certificates(path: certificatesPath)),
                proxies: .direct
            )
        )
        let signer = try keyPath.map { try Signer(keyPath: $0, authority: origin.authority) }
        let request = request(signedBy: signer)
        try await send(request, client)
        let start = Usage.now
        for _ in 0..<requestCount { try await send(request, client) }
        let end = Usage.now
        print("seconds \(end.seconds - start.seconds)")
        print("cpu_seconds \(end.cpuSeconds - start.cpuSeconds)")
        print("peak_kilobytes \(end.peakKilobytes)")
        print("connections \(client.connectionCount)")
        guard let signer else { return }
        let signingStart = Usage.now
        for _ in 0..<200 { _ = signer.key.sign(Array("date: Thu, 05 Jan 2023 21:31:40 GMT".utf8)) }
        print("signature_cpu_seconds \((Usage.now.cpuSeconds - signingStart.cpuSeconds) / 200)")
    }

    @LoopActor
    private func request(signedBy signer: Signer?) -> HTTPRequest {
        var request = HTTPRequest(
            method: method,
            target: target,
            headers: ["accept": "application/json", "user-agent": "bench"],
            body: bodyByteCount == 0 ? nil : Blob([UInt8](repeating: 0x61, count: bodyByteCount))
        )
        request.bodyBytesMax = .max
        // As curl with its output going nowhere: every byte is received and decrypted, none is kept.
        request.bodyUse = .stream { _ in }
        if let signer {
            request.sign = { [method, target] fields in signer.sign(method, target, &fields) }
        }
        return request
    }

    @LoopActor
    private func send(_ request: HTTPRequest, _ client: HTTPClient) async throws {
        let response = try await client.request(request, to: origin)
        guard response.head.isSuccess else { throw Refused(status: response.status) }
    }
}

/// The server did not answer with success.
struct Refused: Error {
    let status: Int
}

/// Signs as the daemon does.
struct Signer: Sendable {
    let key: RSAKey
    let keyID: KeyIdentity
    let authority: String

    init(keyPath: String, authority: String) throws {
        key = try RSAKey(pem: try readFile(keyPath, byteCountMax: 1 << 16))
        keyID = try .apiKey(
            tenancyID: "ocid1.tenancy.oc1..aaaaaaaaba3pv6wkcr4jqae5f44n2b2m2yt2j6rx32uzr4h25vqstifsfdsq",
            userID: "ocid1.user.oc1..aaaaaaaat5nvwcna5j6aqzjcaty5eqbb6qt2jvpkanghtgdaqedqw3rynjq",
            fingerprint: key.fingerprint
        )
        self.authority = authority
    }

    func sign(_ method: String, _ target: String, _ fields: inout HeaderFields) {
        let text: SigningString
        do {
            text = try SigningString(
                method: method,
                target: target,
                host: authority,
                date: HTTPDate.format(secondsSinceEpoch: Int(LoopClock.epochSeconds)),
                coverage: .head
            )
        } catch {
            preconditionFailure("the benchmark's own request cannot be signed: \(error)")
        }
        for field in text.fields { fields.set(field.name, to: field.value) }
        let authorization = AuthorizationHeader.value(for: text, keyID: keyID.text) { key.sign($0) }
        fields.set("authorization", to: authorization)
    }
}

/// What the process has used so far.
struct Usage {
    let seconds: Double
    let cpuSeconds: Double
    let peakKilobytes: Int

    static var now: Usage {
        Usage(
            seconds: seconds(of: CLOCK_MONOTONIC),
            cpuSeconds: seconds(of: CLOCK_PROCESS_CPUTIME_ID),
            peakKilobytes: peakKilobytes
        )
    }

    /// The most memory this program had resident; getrusage(2) tells that of the program that started it, if larger.
    private static var peakKilobytes: Int {
        let text = (try? readFile("/proc/self/status", byteCountMax: 1 << 16)) ?? []
        let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("VmHWM:")
        }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    private static func seconds(of clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

guard let measurement = Measurement(Array(CommandLine.arguments.dropFirst())) else {
    print("usage: Bench URL CA KEY|- METHOD BODY-BYTES COUNT")
    exit(2)
}
exit(
    EventLoop.run {
        do {
            try await measurement.run()
            return 0
        } catch {
            print("failed: \(error)")
            return 1
        }
    }
)

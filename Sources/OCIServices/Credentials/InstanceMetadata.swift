// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import HTTPClient
internal import HTTPWire
internal import OCIProfile
internal import Transport

/// The metadata service of a compute instance (version 2), which knows the instance's region and certificates.
@LoopActor
final class InstanceMetadata {
    /// The service's address, and the one on hosts without IPv4 (as in the Python SDK).
    static let baseURLs = ["http://169.254.169.254/opc/v2", "http://[fd00:c1::a9fe:a9fe]/opc/v2"]
    /// Certificates and keys have some 2 KB each.
    private static let bytesMax = 64 * 1024
    private static let attemptTimeout: Duration = .seconds(10)

    private let client: HTTPClient
    private let bases: [Endpoints.Location]

    /// The service at `baseURL`, the value of `OCI_METADATA_BASE_URL`, or where it is on every instance.
    init(client: HTTPClient, baseURL: String?) throws(OCIError) {
        self.client = client
        bases = (baseURL.map { [$0] } ?? Self.baseURLs).compactMap { text in
            Endpoints(baseURL: text)?.location(of: .core)
        }
        guard !bases.isEmpty else {
            throw .configuration("OCI_METADATA_BASE_URL is no URL of the form http://host/path")
        }
    }

    /// The text at `path`, without white space around it; a 404 is tried again like a busy server: it comes while
    /// the instance is still being set up (Python SDK).
    func text(_ path: String, deadline: Deadline) async throws(OCIError) -> String {
        var random = LoopRandom()
        var failureCount = 0
        while true {
            let (answer, problem) = await attempt(path, deadline)
            if let answer {
                let text = answer.drop { $0 <= 0x20 }
                let end = text.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? text.endIndex
                return String(decoding: text[..<end], as: UTF8.self)
            }
            failureCount += 1
            if isCancelled { throw .cancelled }
            let error = OCIError.unreachable(
                "the instance metadata service did not answer for \(path): \(problem); instance_principal works on "
                    + "OCI compute instances only"
            )
            let delay = RetryPolicy().delay(after: failureCount, of: error, random: &random)
            try await pause(for: delay, after: error, until: deadline)
        }
    }

    /// Asks each address in turn; the next only if the one before could not be reached.
    private func attempt(_ path: String, _ deadline: Deadline) async -> (answer: [UInt8]?, problem: String) {
        var problem = "no address"
        for base in bases {
            var request = HTTPRequest(
                method: "GET",
                target: base.target + path,
                headers: ["authorization": "Bearer Oracle"]
            )
            request.deadline = min(deadline, .after(Self.attemptTimeout))
            request.bodyBytesMax = Self.bytesMax
            do throws(HTTPError) {
                let response = try await client.request(request, to: base.origin)
                return (response.head.isSuccess ? response.bytes : nil, "status \(response.status)")
            } catch {
                problem = "\(error)"
            }
        }
        return (nil, problem)
    }
}

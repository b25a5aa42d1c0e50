// SPDX-License-Identifier: Apache-2.0

import JSON
import OCISigning
import Transport

@testable import HTTPWire
@testable import OCIServices

/// Reads the input as the answer of a service to each of our calls, success or failure, as its first byte says.
///
/// A failure must become one line of bounded length, whatever the service, or a proxy before it, has sent.
enum ServiceAnswersFuzz {
    static func feed(_ input: [UInt8]) {
        guard let choice = input.first else { return }
        let body = Array(input.dropFirst())
        if choice & 1 == 0 { readFailure(body, choice) } else { readSuccess(body) }
    }

    private static let statuses = [
        400, 401, 403, 404, 409, 412, 413, 417, 429, 500, 501, 502, 503, 504, 302, 999,
    ]

    private static func readFailure(_ body: [UInt8], _ choice: UInt8) {
        let text = String(decoding: body, as: UTF8.self)
        let failure = ServiceFailure(
            operation: .createContainerInstance,
            scope: "compartment id ocid1.compartment.oc1..a",
            head: ResponseHead(
                status: statuses[Int(choice >> 1) % statuses.count],
                headers: ["opc-request-id": text, "retry-after": text, "date": text]
            ),
            body: body,
            now: 1_000_000_000
        )
        let line = "\(OCIError.service(failure))"
        insist(line.unicodeScalars.count < 3000, "a line of \(line.unicodeScalars.count)")
        insist(line.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, line)
        if let delay = failure.retryAfter {
            insist(delay >= .zero && delay <= .seconds(3600), "\(delay)")
        }
        _ = failure.kind.isRetryable
    }

    private static func readSuccess(_ body: [UInt8]) {
        let answer = ServiceAnswer(
            operation: .getContainerInstance,
            head: ResponseHead(status: 200, headers: [:]),
            content: Blob(body)
        )
        _ = try? answer.decode { object throws(JSONError) in try ContainerInstance(object) }
        _ = try? answer.decode { object throws(JSONError) in try Container(object) }
        _ = try? ObjectPage(answer, countMax: 1000)
        _ = try? answer.decodeItems { object throws(JSONError) in try ContainerInstance(object) }
        _ = try? answer.decodeItems { object throws(JSONError) in try InstanceShape(object) }
        _ = try? answer.decodeItems { object throws(JSONError) in try WorkRequestError(object) }
        _ = RegionSources.metadata(in: body)
        let text = String(decoding: body, as: UTF8.self)
        _ = Timestamp(text)
        _ = SecurityToken.claims(of: text).map { try? JSONObject(reading: $0) }
    }
}

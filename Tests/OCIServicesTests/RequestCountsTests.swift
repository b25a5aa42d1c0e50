// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OCIServices

@Suite struct RequestCountsTests {
    @Test(arguments: [
        (400, "400"), (404, "404"), (418, "4xx"), (429, "429"), (500, "5xx"), (599, "5xx"), (302, "none"),
        (999, "none"),
    ])
    func `a status that says what to do is told by itself, and any other with its like`(
        _ status: Int,
        _ label: String
    ) {
        let failure = ServiceFailure(operation: .listObjects, status: status, code: nil, message: "")
        #expect(AnswerCode(.service(failure)).label == label)
    }

    @Test func `no answer has a code, too`() {
        #expect(AnswerCode(OCIError.cancelled).label == "none")
        #expect(
            AnswerCode(OCIError.malformedAnswer(operation: .listObjects, opcRequestID: nil, reason: "")).label
                == "none"
        )
    }

    @Test func `answers are counted by operation and code, and their time is summed up`() {
        var counts = RequestCounts()
        counts.add(.listObjects, isRetry: false)
        counts.add(.success, to: .listObjects, after: .milliseconds(250))
        counts.add(.listObjects, isRetry: true)
        counts.add(.status(429), to: .listObjects, after: .milliseconds(500))
        counts.add(.deleteObject, isRetry: false)
        counts.add(.none, to: .deleteObject, after: .seconds(2))
        let lines = counts.byCode.map { "\($0.operation.name) \($0.code.label) \($0.count)" }
        #expect(lines == ["DeleteObject none 1", "ListObjects 2xx 1", "ListObjects 429 1"])
        #expect(counts.time(of: .listObjects) == (0.75, 2))
        #expect(counts.time(of: .deleteObject) == (2, 1))
        #expect(counts[.listObjects] == 2 && counts.retryCount == 1)
    }
}

// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing
import Transport

@testable import HTTPWire
@testable import OCIServices

/// What can be read from an answer, and what is said of one that cannot.
@Suite struct ServiceAnswerTests {
    private func answer(_ body: String, _ headers: HeaderFields = [:]) -> ServiceAnswer {
        ServiceAnswer(
            operation: .listPolicies,
            head: ResponseHead(status: 200, headers: headers),
            content: Blob(Array(body.utf8))
        )
    }

    private func names(_ body: String) throws(OCIError) -> [String] {
        try answer(body).decodeItems { object throws(JSONError) in try object.string("name") }
    }

    @Test(arguments: [nil, "", "abc"] as [String?])
    func `the next page is what the header names, and an empty name is none`(token: String?) {
        let headers = token.map { ["opc-next-page": $0] as HeaderFields }
        #expect(answer("[]", headers ?? [:]).nextPage == (token == "abc" ? "abc" : nil))
    }

    @Test func `a list is read from the body itself or from its items`() throws {
        #expect(try names(#"[{"name":"a"},{"name":"b"}]"#) == ["a", "b"])
        #expect(try names(#"{"items":[{"name":"a"}],"name":"not this"}"#) == ["a"])
    }

    @Test(arguments: ["", "7", "{", #"[{"name":1}]"#, #"{"items":7}"#])
    func `what is no list says which call was answered with it`(body: String) {
        let error = #expect(throws: OCIError.self) { _ = try names(body) }
        guard case .malformedAnswer(.listPolicies, nil, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a malformed answer is told with the request id that support asks for`() {
        let error = answer("{}", ["opc-request-id": "r1"]).malformed("why")
        #expect(
            "\(error)"
                == "ListPolicies was answered with something unreadable: why (opc-request-id r1)"
        )
        #expect("\(answer("{}").malformed("why"))".hasSuffix("(opc-request-id none)"))
    }

    @Test func `an object is read as one, and a body that is not in memory is empty`() throws {
        let name = try answer(#"{"name":"a"}"#).decode { object throws(JSONError) in try object.string("name")
        }
        #expect(name == "a")
        #expect(try answer("[true]").json() == .array([.bool(true)]))
        #expect(
            ServiceAnswer(operation: .getObject, head: ResponseHead(status: 204), content: Blob([])).body
                .isEmpty
        )
    }
}

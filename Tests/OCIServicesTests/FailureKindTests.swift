// SPDX-License-Identifier: Apache-2.0

import OCIServices
import Testing

@Suite struct FailureKindTests {
    static let answers: [(Int, String?, String, FailureKind)] = [
        (400, "CannotParseRequest", "", .badRequest),
        (400, "InvalidParameter", "", .badRequest),
        (400, "MissingParameter", "", .badRequest),
        (400, "LimitExceeded", "The following service limits were exceeded: ...", .limitExceeded),
        (400, "QuotaExceeded", "", .quotaExceeded),
        (400, "RelatedResourceNotAuthorizedOrNotFound", "", .relatedResourceNotAuthorizedOrNotFound),
        (400, "InternalError", "Out of host capacity.", .outOfHostCapacity),
        (401, "NotAuthenticated", "", .notAuthenticated),
        (401, nil, "", .notAuthenticated),
        (403, "NotAllowed", "", .notAuthorized),
        (403, "NotAuthorized", "", .notAuthorized),
        (403, "SignUpRequired", "", .notAuthorized),
        (404, "NotAuthorizedOrNotFound", "", .notAuthorizedOrNotFound),
        (404, "BucketNotFound", "", .notAuthorizedOrNotFound),
        (404, "NamespaceNotFound", "", .notAuthorizedOrNotFound),
        (404, "NotFound", "", .notFound),
        (404, "ObjectNotFound", "", .notFound),
        (404, nil, "<html>no such page</html>", .unexpected),
        (405, "MethodNotAllowed", "", .badRequest),
        (408, nil, "", .serverBusy),
        (409, "Conflict", "", .conflict),
        (409, "ResourceLocked", "", .conflict),
        (409, "NotAuthorizedOrResourceAlreadyExists", "", .conflict),
        (409, "IncorrectState", "", .incorrectState),
        (409, "ExternalServerIncorrectState", "", .incorrectState),
        (409, "LockConflict", "", .incorrectState),
        (409, "InvalidatedRetryToken", "", .invalidatedRetryToken),
        (412, "NoEtagMatch", "", .preconditionFailed),
        (412, "IfNoneMatchFailed", "", .preconditionFailed),
        (412, nil, "", .preconditionFailed),
        (413, "RequestEntityTooLarge", "", .payloadTooLarge),
        (422, "UnprocessableEntity", "", .badRequest),
        (429, "TooManyRequests", "", .throttled),
        (429, nil, "slow down", .throttled),
        (500, "InternalError", "Out of host capacity.", .outOfHostCapacity),
        (500, "InternalError", "OUT OF HOST CAPACITY in AD-2", .outOfHostCapacity),
        (500, "InternalError", "boom", .serverBusy),
        (500, nil, "", .serverBusy),
        (501, "MethodNotImplemented", "", .notImplemented),
        (502, nil, "<html>bad gateway</html>", .serverBusy),
        (503, "ServiceUnavailable", "", .serverBusy),
        (504, nil, "", .serverBusy),
        (599, nil, "", .serverBusy),
        (302, nil, "", .unexpected),
        (304, nil, "", .unexpected),
    ]

    @Test(arguments: answers)
    func `each answer calls for its reaction`(status: Int, code: String?, message: String, kind: FailureKind)
    {
        #expect(FailureKind(status: status, code: code, message: message) == kind)
    }

    @Test func `only what passes by itself is retried in place`() {
        let retried = FailureKind.allCases.filter(\.isRetryable)
        #expect(retried == [.throttled, .serverBusy, .incorrectState])
        #expect(retried.filter(\.isCapacity).isEmpty)
    }
}

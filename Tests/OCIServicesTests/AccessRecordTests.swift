// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OCIServices

@Suite struct AccessRecordTests {
    private func refusal(_ status: Int, _ code: String, of operation: Operation) -> OCIError {
        .service(ServiceFailure(operation: operation, status: status, code: code, message: ""))
    }

    @Test func `a refused signature is always a loss, a missing policy only of what was allowed before`() {
        var record = AccessRecord()
        let refusals = [(401, "NotAuthenticated", true), (403, "NotAuthorized", false)]
        for (status, code, isLoss) in refusals + [(404, "NotAuthorizedOrNotFound", false)] {
            #expect(record.isLoss(refusal(status, code, of: .putObject), of: .putObject) == isLoss)
        }
        _ = record.succeeded(.putObject)
        for (status, code, _) in refusals + [(404, "NotAuthorizedOrNotFound", false)] {
            #expect(record.isLoss(refusal(status, code, of: .putObject), of: .putObject))
            #expect(record.isLoss(refusal(status, code, of: .getObject), of: .getObject) == (status == 401))
        }
    }

    @Test func `an instance that may be gone is no loss`() {
        var record = AccessRecord()
        for operation in [Operation.getContainerInstance, .deleteContainerInstance, .getContainer] {
            _ = record.succeeded(operation)
            #expect(!record.isLoss(refusal(404, "NotAuthorizedOrNotFound", of: operation), of: operation))
            #expect(record.isLoss(refusal(403, "NotAuthorized", of: operation), of: operation))
        }
    }

    @Test func `what never was of any use, or will be without us, is no loss`() {
        var record = AccessRecord()
        _ = record.succeeded(.createContainerInstance)
        let others: [OCIError] = [
            refusal(400, "InvalidParameter", of: .createContainerInstance),
            refusal(404, "RelatedResourceNotAuthorizedOrNotFound", of: .createContainerInstance),
            refusal(500, "InternalError", of: .createContainerInstance), .cancelled,
            .authentication(.unreachable("no token service")),
        ]
        for error in others { #expect(!record.isLoss(error, of: .createContainerInstance), "\(error)") }
        let session = OCIError.authentication(.refused("the session is over"))
        #expect(record.isLoss(session, of: .createContainerInstance))
    }

    @Test func `what one place refuses is no loss of creates, and a refused signature is`() {
        var record = AccessRecord()
        _ = record.succeeded(.createContainerInstance)
        let refusals = [
            (401, "NotAuthenticated", true), (403, "NotAuthorized", false),
            (404, "NotAuthorizedOrNotFound", false),
        ]
        for (status, code, isLoss) in refusals {
            let error = refusal(status, code, of: .createContainerInstance)
            #expect(record.isLoss(error, of: .createContainerInstance) == isLoss)
        }
    }

    @Test func `what was refused is lost until it is carried out itself`() {
        var record = AccessRecord()
        record.refused(.putObject, refusal(403, "NotAuthorized", of: .putObject))
        record.refused(.listObjects, refusal(404, "NotAuthorizedOrNotFound", of: .listObjects))
        var isRegained = record.succeeded(.getObject)
        #expect(!isRegained)
        isRegained = record.succeeded(.putObject)
        #expect(!isRegained)
        isRegained = record.succeeded(.listObjects)
        #expect(isRegained)
        isRegained = record.succeeded(.listObjects)
        #expect(!isRegained, "told once")
    }

    @Test func `a signature is accepted again with any call`() {
        var record = AccessRecord()
        record.refused(.putObject, refusal(401, "NotAuthenticated", of: .putObject))
        record.refused(.putObject, .authentication(.refused("the session is over")))
        let isRegained = record.succeeded(.getObject)
        #expect(isRegained)
    }

    @Test func `access is lost as long as a call waits for it`() {
        var record = AccessRecord()
        #expect(!record.isLost)
        record.waitBegan()
        record.waitBegan()
        record.waitEnded()
        #expect(record.isLost)
        record.waitEnded()
        #expect(!record.isLost)
    }
}

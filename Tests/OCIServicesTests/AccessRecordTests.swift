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

    @Test func `access is regained with the first success after the last call that waited`() {
        var record = AccessRecord()
        #expect(!record.isLost)
        record.waitBegan()
        record.waitBegan()
        record.waitEnded()
        var isRegained = record.succeeded(.putObject)
        #expect(record.isLost && !isRegained)
        record.waitEnded()
        isRegained = record.succeeded(.putObject)
        #expect(!record.isLost && isRegained)
        isRegained = record.succeeded(.putObject)
        #expect(!isRegained, "told once")
    }
}

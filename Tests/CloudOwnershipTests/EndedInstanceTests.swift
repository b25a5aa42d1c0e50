// SPDX-License-Identifier: Apache-2.0

import OCIServices
import Testing

@testable import CloudOwnership

@Suite struct EndedInstanceTests {
    private func ended(
        _ exitCode: Int?,
        _ state: LifecycleState = .inactive,
        _ details: String? = nil,
        container: String? = nil
    ) -> EndedInstance {
        EndedInstance(
            id: "ocid1.i",
            state: state.name,
            details: details,
            exitCode: exitCode,
            containerDetails: container
        )
    }

    @Test func `an exit code tells the cause, else the service's words`() {
        let table: [(EndedInstance, EndedInstance.Cause)] = [
            (ended(137), .outOfMemory), (ended(74), .storageUnreachable), (ended(0), .nothingStored),
            (ended(139), .signal(11)), (ended(1), .ended), (ended(1, .failed, "image"), .ended),
            (ended(nil, .failed, "Out of host capacity."), .noRoom),
            (ended(nil, .failed), .notStarted),
            (ended(nil, .inactive, nil, container: "Manifest unknown"), .notStarted),
            (ended(nil), .unknown),
        ]
        for (instance, cause) in table { #expect(instance.cause == cause, "\(instance)") }
    }

    @Test func `the text for the client says state, details, exit code and the last output`() {
        #expect(
            ended(nil).text == "Container instance ocid1.i ended without a result: state INACTIVE. "
                + "Check that the image exists and can be pulled from the subnet."
        )
        let killed = EndedInstance(
            id: "ocid1.i",
            state: nil,
            details: "gone",
            exitCode: 137,
            containerDetails: "OOM",
            lastOutput: "bye"
        )
        #expect(
            killed.text
                == "Container instance ocid1.i ended without a result: state unknown (gone), exit code 137 "
                + "(OOM). It was killed, as a rule for want of memory: raise --instance-memory-gb. "
                + "Its last output:\nbye"
        )
    }

    @Test func `the same words about instance and container are told once to the client`() {
        #expect(ended(1, .failed, "x", container: "x").text.contains("state FAILED (x), exit code 1. "))
    }
}

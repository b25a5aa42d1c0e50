// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite struct DescriptorLimitTests {
    @Test func `the limit is raised to the hard one, and never lowered`() {
        let before = DescriptorLimit.current
        let raised = DescriptorLimit.raise()
        #expect(raised >= before)
        #expect(DescriptorLimit.current == raised)
        #expect(!DescriptorLimit.isReached)
    }

    @Test func `an open descriptor is counted until it is closed`() throws {
        // Other tests open and close some meanwhile.
        let descriptors = (0..<500).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
        let count = try #require(DescriptorLimit.openCount)
        for descriptor in descriptors { close(descriptor) }
        #expect(count >= 500)
        #expect(try #require(DescriptorLimit.openCount) < count)
    }

    @Test(arguments: [28, 122, 24, 23, 12]) func `a file waits for room, descriptors and memory`(
        _ number: Int32
    ) {
        // ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM
        #expect(TransportError.systemCall(SystemCallError(call: "x", number: number), .file).isFileShortage)
        #expect(
            !TransportError.systemCall(SystemCallError(call: "x", number: number), .connect).isFileShortage
        )
    }

    @Test func `a connection without a descriptor is tried again, a broken disk is not waited for`() {
        #expect(TransportError.systemCall(SystemCallError(call: "socket", number: 24), .connect).isRetryable)
        let broken = TransportError.systemCall(SystemCallError(call: "pwrite", number: 5), .file)
        #expect(!broken.isFileShortage && !broken.isRetryable)
    }
}

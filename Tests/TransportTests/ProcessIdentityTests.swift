// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import Transport

@Suite struct ProcessIdentityTests {
    @Test func `the process knows itself and its machine`() {
        #expect(ProcessIdentity.processID == getpid())
        #expect(!ProcessIdentity.hostName.isEmpty)
        #expect(ProcessIdentity.homeDirectory?.hasPrefix("/") == true)
    }

    @Test func `the environment is read one by one and as a whole`() {
        setenv("SCALER_TEST_VARIABLE", "a=b", 1)
        #expect(environmentVariable("SCALER_TEST_VARIABLE") == "a=b")
        #expect(environmentVariables()["SCALER_TEST_VARIABLE"] == "a=b")
        #expect(environmentVariable("SCALER_TEST_UNSET") == nil)
    }

    /// What is forbidden stays forbidden, so this runs in a process of its own.
    @Test func `dumps of memory can be forbidden`() async {
        await #expect(processExitsWith: .success) {
            precondition(ProcessIdentity.forbidDumps())
            // The kernel then hides the process's memory from others by giving its files to root.
            var status = stat()
            precondition(stat("/proc/self/mem", &status) == 0 && status.st_uid == 0)
        }
    }
}

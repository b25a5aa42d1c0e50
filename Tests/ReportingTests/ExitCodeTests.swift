// SPDX-License-Identifier: Apache-2.0

import Configuration
import OCIServices
import Reporting
import Testing

@Suite struct ExitCodeTests {
    @Test func `a mistake on the command line is 2, one in a value 78`() {
        #expect(ConfigurationError.strayWord("x", command: "up").exitCode == 2)
        #expect(ConfigurationError.contradiction("x").exitCode == 78)
    }

    @Test func `what is wrong with the identity decides the code`() {
        #expect(OCIError.authentication(.configuration("x")).exitCode == 78)
        #expect(OCIError.authentication(.refused("x")).exitCode == 77)
        #expect(OCIError.authentication(.unreachable("x")).exitCode == 69)
        #expect(OCIError.unknownAvailabilityDomain("x", known: []).exitCode == 78)
        #expect(OCIError.cancelled.exitCode == 69)
    }

    @Test func `a signal counts from 128`() {
        #expect(ExitCode.signal(15) == 143)
    }
}

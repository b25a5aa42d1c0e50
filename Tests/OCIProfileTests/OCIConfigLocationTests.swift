// SPDX-License-Identifier: Apache-2.0
import OCIProfile
import Testing

@Suite struct OCIConfigLocationTests {
    private func candidates(_ explicit: String?, _ environment: [String: String]) -> [String] {
        OCIConfigLocation.candidates(explicit: explicit, environment: environment, home: "/home/u")
    }

    @Test func `a file that was asked for is the only one`() {
        let environment = ["OCI_CONFIG_FILE": "/c", "OCI_CLI_CONFIG_FILE": "~/cli"]
        #expect(candidates("~/asked", environment) == ["/home/u/asked"])
        #expect(candidates(nil, environment) == ["/home/u/cli"])
    }

    @Test func `the file at home comes before OCI_CONFIG_FILE, as in the SDKs`() {
        #expect(candidates(nil, ["OCI_CONFIG_FILE": "/c"]) == ["/home/u/.oci/config", "/c"])
        #expect(
            candidates(nil, ["OCI_CONFIG_FILE": "", "OCI_CLI_CONFIG_FILE": ""]) == ["/home/u/.oci/config"]
        )
    }

    @Test func `only a tilde that stands alone at the front is the home`() {
        let expand = { OCIConfigLocation.expandingTilde($0, home: "/home/u") }
        #expect(
            ["~", "~/a", "~v/a", "/a/~", "$HOME/a", ""].map(expand) == [
                "/home/u", "/home/u/a", "~v/a", "/a/~", "$HOME/a", "",
            ]
        )
    }

    @Test func `the profile is the one asked for, or the environment's, or DEFAULT`() {
        let environment = ["OCI_CLI_PROFILE": "CLI"]
        #expect(OCIConfigLocation.profileName(explicit: "A", environment: environment) == "A")
        #expect(OCIConfigLocation.profileName(explicit: nil, environment: environment) == "CLI")
        #expect(OCIConfigLocation.profileName(explicit: nil, environment: [:]) == "DEFAULT")
    }
}

// SPDX-License-Identifier: Apache-2.0

import SchedulerLink
import Testing

@testable import Daemon

@Suite struct StatusCheckTests {
    private func lines(_ managers: [Metrics], starting: [String] = [], turn: Duration = .zero) -> [String] {
        StatusCheck.all(managers, starting: starting, recentTurn: turn).map(\.line)
    }

    @Test func `each thing has a line, and all is well where the scheduler, OCI and the storage answer`() {
        var metrics = exampleMetrics("m")
        metrics.cloud.silence = .seconds(12.7)
        metrics.storage.address = "tcp://h:1"
        metrics.storage.connectionCount = 1
        #expect(
            lines([metrics], turn: .microseconds(2100)) == [
                "[+] loop: the longest turn of late took 3 ms\n", "[+] manager m: registered\n",
                "[+] oci m: the last good call was 12 s ago\n", "[+] storage m: connected to tcp://h:1\n",
            ]
        )
    }

    @Test func `only a scheduler that does not answer, or OCI at the start, makes the process unready`() {
        var metrics = exampleMetrics("m", isRegistered: false, isAccessLost: true)
        metrics.cloud.trouble = "PutObject got no answer"
        metrics.storage.isNeeded = true
        metrics.storage.requestCount = 3
        metrics.links.silence = .seconds(40)
        let checks = StatusCheck.all([metrics], starting: ["n"], recentTurn: .seconds(2))
        #expect(checks.map(\.isGood) == [false, false, false, false, false])
        #expect(checks.filter(\.isRequired).map(\.managerID) == ["m", "n"])
        let lines = checks.map(\.line)
        #expect(lines[0].hasPrefix("[!] loop: the longest turn of late took 2000 ms; see whether the disk"))
        #expect(
            lines[1].hasPrefix("[-] manager m: no answer from the scheduler, which last answered 40 s ago; ")
        )
        #expect(lines[2] == "[!] oci m: no good call yet; PutObject got no answer\n")
        #expect(
            lines[3].hasPrefix("[!] storage m: no connection to an address that the scheduler has not told")
        )
        #expect(lines[3].contains("3 requests wait; check that"))
        #expect(lines[4] == "[-] manager n: waiting for OCI\n")
    }
}

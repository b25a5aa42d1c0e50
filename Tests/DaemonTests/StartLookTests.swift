// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import OCIProfile
import OCIServices
import TestCloud
import TestSupport
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(1))) struct StartLookTests {
    @Test func `a subnet that is not found is a notice with what to do, and takes no access away`()
        async throws
    {
        try await onLoop {
            let cloud = TestCloud()
            cloud.calls.waitsForAccess = true
            var settings = Settings(schedulerAddress: .ipc(path: "/nonexistent"))
            settings.subnetIDs = ["ocid1.subnet.absent"]
            settings.compartmentID = "c"
            // Of another registry nothing can be known.
            settings.containerImage = "docker.io/library/python:3"
            let look = StartLook(
                settings: settings,
                calls: cloud.calls,
                region: Region.resolve("iad"),
                tenancyID: nil,
                log: cloud.log.logger
            )
            await look.run()
            let told = cloud.log.facts(of: "notice the subnet was not found")
            #expect(told.map { $0["subnet"] } == ["ocid1.subnet.absent"])
            let step = told.first?["next_step"]
            #expect(step?.contains("to use virtual-network-family in compartment id c'") == true)
            #expect(!cloud.calls.isAccessLost)
        }
    }

    @Test func `where OCI does not answer, nothing is said`() {
        let settings = Settings(schedulerAddress: .ipc(path: "/nonexistent"))
        #expect(StartFinding(of: .failure(.deadlinePassed(.getSubnet)), settings) == .nothing)
        #expect(StartFinding(of: .failure(.deadlinePassed(.listContainerRepositories))) == .nothing)
    }

    @Test func `an image is warned of only where it cannot be pulled for certain`() {
        for standing in [.otherRegistry, .otherTenancy, .present(isPublic: false)] as [ImageStanding] {
            #expect(StartFinding(of: .success(standing)) == .nothing)
        }
        guard case .notice(let why, let remedy) = StartFinding(of: .success(.absent("it is empty"))) else {
            Issue.record("no notice")
            return
        }
        #expect(why == "it is empty" && remedy.contains("build-image"))
        guard case .warning(_, let push) = StartFinding(of: .success(.otherRegion("us-ashburn-1"))) else {
            Issue.record("no warning")
            return
        }
        #expect(push.contains("push it to us-ashburn-1.ocir.io"))
    }
}

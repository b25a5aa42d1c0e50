// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Commands

@Suite struct ImagePlanTests {
    private func plan(
        _ login: ImagePlan.Login = .signedToken,
        packages: String? = nil,
        python: String? = "3.12"
    ) -> ImagePlan {
        ImagePlan(
            image: "iad.ocir.io/ns/runner:1",
            platform: "linux/amd64",
            python: python,
            baseImage: nil,
            packages: packages,
            login: login,
            isPushed: true
        )
    }

    @Test func `the commands log in, build and push`() {
        let plan = plan()
        #expect(
            plan.loginArguments == ["login", "iad.ocir.io", "--username", "BEARER_TOKEN", "--password-stdin"]
        )
        #expect(
            plan.buildArguments(context: "/tmp/x")
                == [
                    "build", "--platform", "linux/amd64", "--tag", "iad.ocir.io/ns/runner:1", "--build-arg",
                    "PYTHON_VERSION=3.12", "/tmp/x",
                ]
        )
        #expect(self.plan(python: nil).buildArguments(context: ".").contains("PYTHON_VERSION="))
        #expect(plan.pushArguments == ["push", "iad.ocir.io/ns/runner:1"])
        #expect(self.plan(.none).loginArguments == nil)
    }

    @Test func `what a shell would read is quoted where the commands are printed`() {
        let lines = plan(.authToken(user: "ns/o'neil"), packages: "numpy 'x'>1").commandLines(
            engine: "podman",
            context: "."
        )
        #expect(lines[0].hasSuffix(#"podman login iad.ocir.io --username 'ns/o'\''neil' --password-stdin"#))
        #expect(lines[0].hasPrefix("printf %s \"$OCI_AUTH_TOKEN\" | "))
        #expect(lines[1].contains(#"'PACKAGES=numpy '\''x'\''>1'"#))
    }

    @Test(arguments: [
        (["CI.Standard.E4.Flex"], "linux/amd64"), (["CI.Standard.A1.Flex"], "linux/arm64"),
        (["CI.Standard.A2.Flex"], "linux/arm64"), (["CI.Standard.Alpha.Flex"], "linux/amd64"),
    ])
    func `Ampere's shapes run images of their own`(_ shapes: [String], _ platform: String) {
        #expect(ImagePlan.platform(shapes: shapes) == platform)
    }

    @Test func `no image runs in shapes of both kinds`() {
        #expect(ImagePlan.platform(shapes: ["CI.Standard.E4.Flex", "CI.Standard.A1.Flex"]) == nil)
        #expect(ImagePlan.platform(shapes: ["CI.Standard.A1.Flex", "CI.Standard.A2.Flex"]) == "linux/arm64")
        #expect(ImagePlan.platform(shapes: []) == "linux/amd64")
    }

    @Test(arguments: [
        ("3.12", "3.12"), ("3.12.4", "3.12"), ("3.9", "3.9"), ("3.8", nil), ("2.7", nil), ("3", nil),
        ("3.x", nil),
        ("3.12-slim", nil), ("", nil), ("3.12.1.1", nil),
    ])
    func `a version of Python is read to its minor number`(_ text: String, _ version: String?) {
        #expect(ImagePlan.minorVersion(text) == version)
    }
}

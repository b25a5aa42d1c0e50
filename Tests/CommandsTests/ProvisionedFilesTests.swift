// SPDX-License-Identifier: Apache-2.0

import Configuration
import JSON
import Testing

@testable import Commands

@Suite struct ProvisionedFilesTests {
    private var settings: Settings {
        get throws {
            var settings = Settings(schedulerAddress: .tcp(host: "127.0.0.1", port: 8516))
            settings.workerManagerID = "wm"
            settings.objectStorageNamespace = "ns"
            settings.objectStorageBucket = "bucket"
            settings.compartmentID = "ocid1.c"
            settings.availabilityDomains = ["Uocm:AD-1"]
            settings.subnetIDs = ["ocid1.s"]
            settings.containerImage = "iad.ocir.io/ns/runner:1"
            return settings
        }
    }

    private func read(_ text: String) throws -> [Settings] {
        let invocation = try Invocation.parse(
            arguments: ["scaler-oci-hpc", "config.toml"],
            environment: [:],
            readFile: { _ in Array(text.utf8) }
        )
        guard case .run(let managers) = invocation else { return [] }
        return managers
    }

    @Test func `the configuration file reads back as what was provisioned`() throws {
        var wanted = try settings
        wanted.availabilityDomains = ["Uocm:AD-1", "Uocm:AD-2"]
        wanted.jobTimeout = .milliseconds(90_500)
        wanted.imagePullSecretID = "ocid1.vaultsecret"
        wanted.authType = .instancePrincipal
        let text = ProvisionedFiles.configuration(wanted)
        let got = try #require(try read(text).first)
        #expect(got.availabilityDomains == wanted.availabilityDomains)
        #expect(got.subnetIDs == wanted.subnetIDs)
        #expect(got.jobTimeout == wanted.jobTimeout)
        #expect(got.imagePullSecretID == wanted.imagePullSecretID)
        #expect(got.authType == wanted.authType)
        #expect(got.objectStorageAddress == .tcp(host: "127.0.0.1", port: 8517))
        let sections = try ScalerSections(Array(text.utf8), path: "config.toml")
        #expect(sections.objectStorageServer == .tcp(host: "127.0.0.1", port: 8517))
        #expect(sections.scheduler?.bindAddress == .tcp(host: "127.0.0.1", port: 8516))
    }

    @Test func `a shell reads the variables as they are`() throws {
        var wanted = try settings
        wanted.containerImage = #"a"b$c`d\e"#
        let text = ProvisionedFiles.environment(wanted)
        #expect(text.contains(##"export OCI_CONTAINER_IMAGE="a\"b\$c\`d\\e""##))
        #expect(text.contains(##"export SCALER_OCI_CONTAINER_IMAGE="a\"b\$c\`d\\e""##))
        #expect(text.contains("export SCALER_OCI_NAMESPACE=\"ns\"\n"))
        #expect(text.split(separator: "\n").count == 15)
    }

    @Test func `what is saved reads back as settings, with the keys of Scaler's provisioner`() throws {
        let names = ProvisionedNames(prefix: "p", namespace: "ns", region: "r", bucket: nil)
        let saved = ProvisionedFiles.saved(try settings, names, tenancyID: "ocid1.t")
        #expect(saved["tenancy_id"] == "ocid1.t")
        #expect(saved["instance_ocpus"] == "1.0")
        #expect(saved["dynamic_group_name"] == "p-dg")
        let scan = try ArgumentScan([], options: Option.table)
        let got = try Invocation.settings(
            scan: scan,
            environment: ["OCI_SUBNET_ID": "stronger"],
            saved: saved.settings(path: "x.json"),
            required: ["compartment-id", "subnet-id"]
        )
        #expect(got.compartmentID == "ocid1.c")
        #expect(got.objectStorageBucket == names.bucket)
        #expect(got.subnetIDs == ["stronger"])
        #expect(got.origins["compartment-id"] == .file(path: "x.json", line: 1))
    }

    @Test func `JSON for people reads back as the same value`() throws {
        let value = JSON.object(present: [
            ("empty", .object([])),
            ("list", .array([.integer(1), .array([]), .strings([("a", "b\n\"c\"")])])),
            ("flag", .bool(true)), ("none", .null),
        ])
        let text = value.pretty
        #expect(try JSON.read(Array(text.utf8)) == value)
        #expect(text.hasPrefix("{\n  \"empty\": {},\n  \"list\": [\n    1,\n    [],\n    {\n"))
    }
}

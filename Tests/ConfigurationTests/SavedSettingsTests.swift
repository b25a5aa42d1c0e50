// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

@Suite struct SavedSettingsTests {
    @Test func `keys of the file become options, and unknown keys are left alone`() throws {
        let entry = ManagerEntry(
            saved: ["compartment_id": "ocid1.compartment.oc1..a", "policy_id": "ocid1.policy.oc1..b"],
            path: "saved.json"
        )
        #expect(entry.path == "saved.json")
        #expect(entry.given.keys.sorted() == ["compartment-id"])
        #expect(entry.given["compartment-id"]?.texts == ["ocid1.compartment.oc1..a"])
        #expect(entry.given["compartment-id"]?.origin == .file(path: "saved.json", line: 1))
    }

    @Test func `a subcommand's own flag is read under the option's name`() throws {
        let scan = try Self.scan(["--region", "eu-paris-1"]).renaming(["region": "oci-region"])
        #expect(scan.texts("oci-region") == ["eu-paris-1"])
        #expect(!scan.has("region"))
    }

    @Test func `a flag that was not given renames nothing`() throws {
        let scan = try Self.scan(["--oci-region", "eu-paris-1"]).renaming(["region": "oci-region"])
        #expect(scan.texts("oci-region") == ["eu-paris-1"])
    }

    @Test func `both names at once contradict each other, even with one value`() throws {
        let scan = try Self.scan(["--region", "eu-paris-1", "--oci-region", "eu-paris-1"])
        let expected = ConfigurationError.contradiction(
            "--region and --oci-region are the same setting; give one of them"
        )
        #expect(throws: expected) { try scan.renaming(["region": "oci-region"]) }
        #expect(throws: expected) { try scan.replacing("region", by: "oci-region", text: "x") }
    }

    @Test func `a replaced flag has the new text alone, and none appears where none was given`() throws {
        let scan = try Self.scan(["--region", "5"]).replacing("region", by: "oci-region", text: "300")
        #expect(scan.texts("oci-region") == ["300"])
        let empty = try Self.scan([]).replacing("region", by: "oci-region", text: "300")
        #expect(!empty.has("oci-region") && !empty.has("region"))
    }

    /// Flag, environment, saved value, and the region that comes of them.
    @Test(
        arguments: [
            ("flag", "environment", "saved", "flag"), (nil, "environment", "saved", "environment"),
            (nil, nil, "saved", "saved"), (nil, nil, nil, "us-ashburn-1"),
        ] as [(String?, String?, String?, String)]
    )
    func `saved settings stand behind flag and environment, and before the default`(
        _ flag: String?,
        _ environment: String?,
        _ saved: String?,
        _ expected: String
    ) throws {
        let settings = try Invocation.settings(
            scan: Self.scan(flag.map { ["--oci-region", $0] } ?? []),
            environment: environment.map { ["OCI_REGION": $0] } ?? [:],
            saved: saved.map { ManagerEntry(saved: ["oci_region": $0], path: "saved.json") },
            required: []
        )
        #expect(settings.region == expected)
    }

    @Test func `a required setting may come from what was saved`() throws {
        let required = ["compartment-id"]
        let saved = ManagerEntry(saved: ["compartment_id": "ocid1.compartment.oc1..a"], path: "saved.json")
        let settings = try Invocation.settings(
            scan: Self.scan([]),
            environment: [:],
            saved: saved,
            required: required
        )
        #expect(settings.compartmentID == "ocid1.compartment.oc1..a")
        #expect(throws: ConfigurationError.self) {
            try Invocation.settings(scan: Self.scan([]), environment: [:], saved: nil, required: required)
        }
    }

    private static func scan(_ arguments: [String]) throws -> ArgumentScan {
        let own = Option.invocation("region", placeholder: "REGION").help("The same as --oci-region.")
        return try ArgumentScan(arguments, options: Option.table + [own])
    }
}

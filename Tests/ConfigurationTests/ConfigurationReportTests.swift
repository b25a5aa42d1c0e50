// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// The text of `--print-config`.
private func report(
    _ words: [String],
    environment: [String: String] = [:],
    file: String? = nil
) throws -> String {
    let result = try invocation(words + ["--print-config"], environment: environment, file: file)
    guard case .printConfig(let text) = result else {
        Issue.record("not a report: \(result)")
        return ""
    }
    return text
}

struct ConfigurationReportTests {
    @Test
    func `every value stands beside its origin`() throws {
        let text = try report(
            ["scaler-oci-hpc", "config.toml", "--base", "5", "-gc", "9"],
            environment: ["OCI_REGION": "r"],
            file: quickStartFile
        )
        for line in [
            "base_concurrency = 5  # --base-concurrency", "oci_region = \"r\"  # environment OCI_REGION",
            "availability_domain = [\"AD-1\"]  # config.toml:15", "heartbeat_interval_seconds = 2  # default",
            "# ca_bundle is not set  # default",
            "# garbage_collect_interval_seconds has no effect: there is no garbage collector  # -gc",
            "scheduler_address = \"tcp://127.0.0.1:8516\"  # config.toml:8",
        ] {
            #expect(text.contains("\n\(line)\n"))
        }
    }

    @Test
    func `secrets are masked`() throws {
        let text = try report(
            complete(["--image-pull-username", "u"]),
            environment: ["OCI_IMAGE_PULL_PASSWORD": "hush"]
        )
        #expect(!text.contains("hush"))
        #expect(text.contains("# image_pull_password = \"********\"  # environment OCI_IMAGE_PULL_PASSWORD"))
    }

    @Test
    func `read back as a file, the report gives the same settings`() throws {
        let words = [
            "-wmi", "quo\"te\\ #x", "-pwc", "gpu,cpu=4", "--instance-shape", "A,B", "--freeform-tag",
            "k=a, b",
            "--defined-tag", "N.K=", "-dts", "0.25", "--status-address", "unix:/s", "--oci-endpoint",
            "http://h:1",
            "-osa", "ipc:///x", "-ll", "error", "--log-format", "json", "--on-exit", "leave", "--owner-id",
            "o",
        ]
        var before = try onlySettings(complete(words))
        var after = try onlySettings(["scaler-oci-hpc", "config.toml"], file: report(complete(words)))
        before.origins = [:]
        after.origins = [:]
        #expect(before == after)
    }

    @Test
    func `several managers are several entries`() throws {
        let file = completeFile("") + "\n" + completeFile("").replacing("\"wm\"", with: "\"wm2\"")
        let text = try report(["scaler-oci-hpc", "config.toml"], file: file)
        #expect(text.split(separator: "\n").count { $0 == "[[worker_manager]]" } == 2)
        #expect(try allSettings(["scaler-oci-hpc", "config.toml"], file: text).count == 2)
    }
}

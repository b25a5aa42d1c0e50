// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

struct ConfigurationFileTests {
    private let words = ["scaler-oci-hpc", "config.toml"]

    @Test
    func `a single table and an array of inline tables are entries, too`() throws {
        let single = completeFile("").replacing("[[worker_manager]]", with: "[worker_manager]")
        #expect(try onlySettings(words, file: single).workerManagerID == "wm")
        let lines = completeFile("").split(separator: "\n").dropFirst()
        let inline = "worker_manager = [{\(lines.joined(separator: ", "))}]"
        #expect(try onlySettings(words, file: inline).workerManagerID == "wm")
    }

    @Test
    func `other sections, other types and whatever they hold are skipped`() throws {
        let file =
            "[scheduler]\nnonsense = 2020-01-01\n[[worker_manager]]\ntype = \"symphony\"\nbogus = true\n"
            + "[[worker_manager]]\nno_type = 1\n" + completeFile("") + "\n[webgui]\nport = 1\n"
        #expect(try onlySettings(words, file: file).workerManagerID == "wm")
    }

    @Test(arguments: ["worker_config", "worker-config", "logging_config", "container_instance_config"])
    func `the sub-tables of the all-in-one command are read`(_ name: String) throws {
        let file = completeFile(
            "[worker_manager.\(name)]\nheartbeat_interval_seconds = 3\nlogging_level = \"ERROR\""
        )
        let settings = try onlySettings(words, file: file)
        #expect(settings.heartbeatInterval == .seconds(3))
        #expect(settings.loggingLevel == .error)
        #expect(settings.origins["heartbeat-interval-seconds"] == .file(path: "config.toml", line: 12))
    }

    @Test
    func `native TOML values mean what their texts mean`() throws {
        let native = try onlySettings(
            words,
            file: completeFile(
                """
                base_concurrency = 0x10
                job_timeout_seconds = 1.5
                death_timeout_seconds = 60
                instance_memory_gb = 8
                hard_processor_suspend = false
                instance_shape = ["A", "B"]
                logging_paths = ["/a", "/b"]
                freeform_tag = { team = "x", "cost center" = "y" }
                defined_tag.Ops.Cost = "42"
                """
            )
        )
        let texts = try onlySettings(
            words,
            file: completeFile(
                """
                base_concurrency = "16"
                job_timeout_seconds = "1.5"
                death_timeout_seconds = "60"
                instance_memory_gb = "8"
                hard_processor_suspend = "false"
                instance_shape = "A,B"
                logging_paths = "/a,/b"
                freeform_tag = ["team=x", "cost center=y"]
                defined_tag = "Ops.Cost=42"
                """
            )
        )
        #expect(native == texts)
        #expect(native.instanceShapes == ["A", "B"])
        #expect(native.freeformTags.map(\.key) == ["team", "cost center"])
        #expect(native.definedTags == [DefinedTagSetting(namespace: "Ops", key: "Cost", value: "42")])
    }

    @Test
    func `a file over the size limit is refused unread`() {
        let file = "# " + String(repeating: "x", count: ConfigurationFile.bytesMax)
        #expect(
            complaint(words, file: file)
                == "78: config.toml: larger than 1048576 bytes; check the path and its permissions"
        )
    }
}

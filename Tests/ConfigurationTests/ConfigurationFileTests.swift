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

    @Test func `a key that is not known is told with the nearest, and stops nothing`() throws {
        let file = completeFile(
            "children_bind_address = 1\nbase_concurency = 5\n[worker_manager.other]\na = 1"
        )
        let settings = try onlySettings(words, file: file)
        #expect(settings.baseConcurrency == 100)
        #expect(
            settings.unknownKeys.map(\.description) == [
                "config.toml:11: unknown key 'children_bind_address'; see --help",
                "config.toml:12: unknown key 'base_concurency'; did you mean base_concurrency?",
                "config.toml:13: unknown key 'other'; see --help",
            ]
        )
        guard case .printConfig(let report) = try invocation(words + ["--print-config"], file: file) else {
            Issue.record("no report")
            return
        }
        #expect(report.hasSuffix("# config.toml:13: unknown key 'other'; see --help\n"))
        #expect(try onlySettings(words, file: completeFile("")).unknownKeys == [])
    }

    @Test func `a key that is not known is fatal where that is asked for, or a setting is missing for it`() {
        let file = completeFile("bogus = 1")
        #expect(
            complaint(words + ["--strict-config"], file: file)
                == "78: config.toml:11: unknown key 'bogus'; see --help"
        )
        #expect(complaint(words + ["--strict-config"], file: completeFile("")) == nil)
        let misspelt = completeFile("").replacing("subnet_id", with: "subnet_idd")
        #expect(
            complaint(words, file: misspelt)
                == "78: config.toml:9: unknown key 'subnet_idd'; did you mean subnet_id?"
        )
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

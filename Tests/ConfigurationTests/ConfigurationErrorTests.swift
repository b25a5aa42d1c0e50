// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// The words after a complete command line, and the exit code and line that must come of them.
private let fromFlags: [([String], String)] = [
    (["--bogus"], "2: unknown flag '--bogus'; see --help"),
    (["--base-concurency", "5"], "2: unknown flag '--base-concurency'; did you mean --base-concurrency?"),
    (["-wx", "x"], "2: unknown flag '-wx'; see --help"),
    (
        ["--object-storage", "x"],
        "2: '--object-storage' is short for several flags; write out one of --object-storage-address, "
            + "--object-storage-namespace, --object-storage-bucket, --object-storage-prefix"
    ),
    (["--base-concurrency"], "2: --base-concurrency needs a value; write --base-concurrency N"),
    (["-bc", "--oci-region", "x"], "2: -bc needs a value; write -bc N"),
    (["-lp"], "2: -lp needs a value; write -lp PATH ..."),
    (["--version=3"], "2: --version is a switch and takes no value; write just --version"),
    (
        ["tcp://127.0.0.1:1"],
        "2: unexpected argument 'tcp://127.0.0.1:1'; one scheduler address is enough, flags begin with --"
    ),
    (
        ["provison"],
        "2: 'provison' is neither a scheduler address such as tcp://127.0.0.1:8516, a .toml file nor a "
            + "subcommand; did you mean provision?"
    ),
    (["-c", "a.toml", "b.toml"], "2: two configuration files, 'a.toml' and 'b.toml'; give one"),
    (["-c", "a.toml"], "78: a.toml: No such file or directory; check the path and its permissions"),
    (["-bc", "many"], "2: -bc: 'many' is not a whole number; give a whole number from 1 to 2147483647"),
    (["-bc", "0"], "78: -bc: 0 is out of range; give a whole number from 1 to 2147483647"),
    (["-bc", "-5"], "78: -bc: -5 is out of range; give a whole number from 1 to 2147483647"),
    (["-bc", "2.5"], "2: -bc: '2.5' is not a whole number; give a whole number from 1 to 2147483647"),
    (
        ["-bc", "99999999999999999999"],
        "2: -bc: '99999999999999999999' is not a whole number; give a whole number from 1 to 2147483647"
    ),
    (["-dts", "0"], "78: -dts: '0' is out of range; give a number from 0.001 to 1000000000"),
    (["-sdc", "-1"], "78: -sdc: '-1' is out of range; give a number from 0 to 1000000000"),
    (["-dts", "1e300"], "78: -dts: '1e300' is out of range; give a number from 0.001 to 1000000000"),
    (["-dts", "nan"], "2: -dts: 'nan' is not a number; give a number from 0.001 to 1000000000"),
    (["-dts", "soon"], "2: -dts: 'soon' is not a number; give a number from 0.001 to 1000000000"),
    (
        ["--instance-ocpus", "0"],
        "78: --instance-ocpus: '0' is out of range; give a number from 0.001 to 1000000"
    ),
    (
        ["--max-requests-per-second", "1e-308"],
        "78: --max-requests-per-second: '1e-308' is out of range; give a number from 0.001 to 1000000"
    ),
    (["-tts", "x"], "2: -tts: 'x' is not such a number; give a number from 0 on"),
    (["-wmi", ""], "78: -wmi: the value is empty; give a value"),
    (["--compartment-id="], "78: --compartment-id: the value is empty; give a value"),
    (["-wmi", "a\nb"], "2: -wmi: 'a?b' holds a control character; remove it"),
    (["--subnet-id", "a,,b"], "78: --subnet-id: the value is empty; give a value"),
    (
        ["--on-exit", "stay"], "2: --on-exit: 'stay' is no choice; give one of delete, leave"
    ),
    (["-pwc", "=4"], "2: -pwc: '=4' has no name; write e.g. gpu,cpu=4"),
    (["-pwc", "cpu=x"], "2: -pwc: the value of 'cpu' is not a whole number; write e.g. gpu,cpu=4"),
    (["--freeform-tag", "x"], "2: --freeform-tag: 'x' is no tag; write KEY=VALUE"),
    (
        ["--freeform-tag", "scaler-owner=x"],
        "2: --freeform-tag: 'scaler-owner' is reserved; choose a key that does not begin with scaler-"
    ),
    (
        ["--defined-tag", "K=x"],
        "2: --defined-tag: 'K=x' names no namespace and key; write NAMESPACE.KEY=VALUE"
    ),
    (
        ["--owner-id", "a/b"],
        "2: --owner-id: 'a/b' is not a plain name; use letters, digits, '-', '_' and '.'"
    ),
    (
        ["--oci-endpoint", "localhost:1"],
        "2: --oci-endpoint: 'localhost:1' is no base URL; write https://HOST or https://HOST:PORT"
    ),
    (
        ["--oci-endpoint", "https://user:sekret@host"],
        "2: --oci-endpoint: 'https://...@host' is no base URL; write https://HOST or https://HOST:PORT"
    ),
    (
        ["-osa", "tcp://user:sekret@host:1"],
        "2: -osa: 'tcp://...@host:1' has no usable host; write tcp://HOST:PORT, e.g. tcp://127.0.0.1:8516"
    ),
    (
        ["--status-address", "user:sek@ret@host:1"],
        "2: --status-address: '...@host:1' has no usable host; write HOST:PORT, e.g. 127.0.0.1:9464, or unix:/PATH"
    ),
    (
        ["--image-pull-password", "my", "sekret"],
        "2: --image-pull-password takes one word, and another one follows; put a value that has blanks between quotes"
    ),
    (
        ["--image-pull-password", "-sekret"],
        "2: --image-pull-password needs a value; write --image-pull-password SECRET"
    ),
    (
        ["--image-pull-pasword=sekret"],
        "2: unknown flag '--image-pull-pasword'; did you mean --image-pull-password?"
    ),
    (
        ["--image-pull-password=sekret\u{7}"],
        "2: --image-pull-password: the value cannot be used; remove it"
    ),
    (
        ["--object-storage-prefix", "/a"],
        "2: --object-storage-prefix: '/a' begins with a slash; drop that slash"
    ),
    (
        ["-osa", "127.0.0.1:1"],
        "2: -osa: '127.0.0.1:1' is no address; write tcp://HOST:PORT, e.g. tcp://127.0.0.1:8516"
    ),
    (
        ["-wsa", "inproc://x"],
        "2: -wsa: inproc:// is not supported: it leads nowhere outside of the process that binds it; bind the "
            + "scheduler to a tcp:// or ipc:// address too and give that"
    ),
    (
        ["-wsa", "tls://127.0.0.1:1", "--network-backend", "zmq"],
        "78: --network-backend zmq cannot reach tls://127.0.0.1:1, since Scaler has TLS and WebSockets over YMQ only; "
            + "leave the backend to auto, or give a tcp:// address of the scheduler"
    ),
    (
        ["--image-pull-username", "u"],
        "78: --image-pull-username and --image-pull-password belong together; give both or neither"
    ),
    (
        [
            "--image-pull-username", "u", "--image-pull-password", "p", "--image-pull-secret-id", "o",
        ],
        "78: --image-pull-secret-id and --image-pull-username exclude each other; give one of them"
    ),
]

/// Lines added to a complete entry (its own are lines 1 to 10), and what must come of them.
private let fromFile: [(String, String)] = [
    (
        "base-concurrency = 1\nbase_concurrency = 2",
        "78: config.toml:12: 'base_concurrency' is already given on line 11; remove one"
    ),
    (
        "base_concurrency = 2.5",
        "78: config.toml:11: base_concurrency: the decimal number 2.5 is of the wrong type; give a whole number"
    ),
    (
        "base_concurrency = true",
        "78: config.toml:11: base_concurrency: the boolean true is of the wrong type; give a whole number"
    ),
    (
        "base_concurrency = 'x'",
        "78: config.toml:11: base_concurrency: 'x' is not a whole number; give a whole number from 1 to 2147483647"
    ),
    (
        "oci_region = 5",
        "78: config.toml:11: oci_region: the whole number 5 is of the wrong type; give a string"
    ),
    (
        "per_worker_capabilities = { gpu = 1 }",
        "78: config.toml:11: per_worker_capabilities: a table is of the wrong type; give a string"
    ),
    (
        "instance_shape = ['a', 1]",
        "78: config.toml:11: instance_shape: the whole number 1 is of the wrong type; give a string or an array "
            + "of strings"
    ),
    ("instance_shape = []", "78: config.toml:11: instance_shape: the list is empty; give one or more"),
    (
        "job_timeout_seconds = 2020-01-01",
        "78: config.toml:11: job_timeout_seconds: the date or time 2020-01-01 is of the wrong type; give a number"
    ),
    (
        "image_pull_password = 5",
        "78: config.toml:11: image_pull_password: the value is of the wrong type; give a string"
    ),
    (
        "hard_processor_suspend = 1",
        "78: config.toml:11: hard_processor_suspend: the whole number 1 is of the wrong type; give true or false"
    ),
    (
        "freeform_tag = { a = 1 }",
        "78: config.toml:11: freeform_tag: the whole number 1 is of the wrong type; give an array of strings or "
            + "a table of strings"
    ),
    (
        "image_pull_password = sekret",
        "78: config.toml:11:23: this is not a value; put text between quotes; the file must be TOML 1.0"
    ),
    ("x = ", "78: config.toml:11:5: a value is expected here; the file must be TOML 1.0"),
    (
        "[worker_manager.worker_config]\nio_threads = 0",
        "78: config.toml:12: io_threads: '0' is not such a number; give a number from 1 on"
    ),
]

struct ConfigurationErrorTests {
    @Test(arguments: fromFlags)
    func `a wrong command line is one line and an exit code`(_ words: [String], _ line: String) {
        #expect(complaint(complete(words)) == line)
    }

    @Test(arguments: fromFile)
    func `a wrong file is one line with its place`(_ lines: String, _ line: String) {
        #expect(complaint(["scaler-oci-hpc", "config.toml"], file: completeFile(lines)) == line)
    }

    @Test(arguments: [
        "sekret", "'sekret", "\"sekret", "\"\"\"sekret", "\"a\"sekret", "\"sekret\\q\"", "\"sekret\\u0001\"",
        "[\"sekret\"]", "{ a = \"sekret\" }", "{ sekret", "5sekret", "2020-01-01sekret", "true sekret",
        "sekret = 1",
    ])
    func `a secret that the file spells wrongly is not in the line`(_ value: String) {
        let file = completeFile("image_pull_password = \(value)")
        let line = complaint(["scaler-oci-hpc", "config.toml"], file: file)
        #expect(line?.contains("sekret") == false, "\(line ?? "no complaint")")
    }

    @Test func `an address and a file may follow a secret`() throws {
        let words = ["--image-pull-username", "u", "--image-pull-password", "p", "tcp://127.0.0.1:8516"]
        let settings = try onlySettings(["scaler-oci-hpc"] + requiredFlags + words)
        #expect(settings.schedulerAddress == .tcp(host: "127.0.0.1", port: 8516))
        #expect(settings.imagePullPassword == "p")
        let line = complaint(["scaler-oci-hpc", "--image-pull-password", "p", "other.toml"])
        #expect(line?.hasPrefix("78: other.toml: ") == true)
    }

    @Test(arguments: [
        (["SCALER_NETWORK_BACKEND": "tcp"], "'tcp' is no choice; give one of auto, zmq, ymq"),
        (["OCI_IMAGE_PULL_PASSWORD": "hush\u{1}"], "the value cannot be used; remove it"),
    ])
    func `a wrong variable is exit code 78 and names the variable`(
        _ environment: [String: String],
        _ text: String
    )
        throws
    {
        let name = try #require(environment.keys.first)
        #expect(
            complaint(complete([]), environment: environment) == "78: environment variable \(name): \(text)"
        )
    }

    @Test
    func `everything that is missing is named at once, with its variable`() {
        #expect(
            complaint(["scaler-oci-hpc"])
                == "78: missing SCHEDULER_ADDRESS, --worker-manager-id, --object-storage-namespace "
                + "(OCI_OBJECT_STORAGE_NAMESPACE), --object-storage-bucket (OCI_OBJECT_STORAGE_BUCKET), "
                + "--compartment-id (OCI_COMPARTMENT_ID), --availability-domain (OCI_AVAILABILITY_DOMAIN), "
                + "--subnet-id (OCI_SUBNET_ID), --container-image (OCI_CONTAINER_IMAGE); give each as a flag, "
                + "environment variable or key of a TOML file (--help lists them); "
                + "scaler-oci-hpc provision makes what tasks need, and such a file"
        )
        let file = quickStartFile.replacing("subnet_id = \"ocid1.subnet.oc1..example\"\n", with: "")
        #expect(
            complaint(["scaler-oci-hpc", "config.toml"], file: file)
                == "78: config.toml:6: missing --subnet-id (OCI_SUBNET_ID); give it as a flag, environment variable "
                + "or key of a TOML file (--help lists them)"
        )
    }

    @Test(arguments: [
        (
            "",
            "78: config.toml: no [[worker_manager]] with type = \"oci_hpc\"; add one, as in the Quick Start"
        ),
        (
            "worker_manager = 5",
            "78: config.toml: no [[worker_manager]] with type = \"oci_hpc\"; add one, as in the Quick Start"
        ),
        (
            "[[worker_manager]]\ntype = \"symphony\"\n[[worker_manager]]\ntype = \"oci_raw\"\n",
            "78: config.toml: no [[worker_manager]] with type = \"oci_hpc\" among 'symphony', 'oci_raw'; add one, "
                + "as in the Quick Start"
        ),
    ])
    func `a file without a manager of ours says so`(_ file: String, _ line: String) {
        #expect(complaint(["scaler-oci-hpc", "config.toml"], file: file) == line)
    }

    @Test
    func `two managers of one name at one scheduler are refused`() {
        let file = completeFile("") + "\n" + completeFile("")
        #expect(
            complaint(["scaler-oci-hpc", "config.toml"], file: file)
                == "78: config.toml:12: a second manager is called 'wm' at one scheduler; give each its own "
                + "worker_manager_id"
        )
    }

    @Test(arguments: [
        (["scaler_worker_manager"], "no worker manager is named"),
        (["scaler_worker_manager", "symphony"], "'symphony' is no worker manager of this program"),
        (["scaler_worker_manager", "list"], "'list' is no worker manager of this program"),
    ])
    func `under the replaced command's name only its own kind of manager is served`(
        _ words: [String],
        _ text: String
    ) {
        #expect(
            complaint(words)
                == "2: \(text); write scaler_worker_manager oci_hpc, then flags and the scheduler's address"
        )
    }

    @Test
    func `no line holds a line break or an endless text, whatever was typed`() throws {
        let hostile = String(repeating: "x\u{1B}[2J\n\u{202E}", count: 5000)
        for words in [
            ["--\(hostile)"], [hostile], ["-bc", hostile], ["-c", hostile], ["-osa", "tcp://\(hostile)"],
        ] {
            let line = try #require(complaint(complete(words)))
            #expect(line.unicodeScalars.count < 500)
            #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202E })
        }
    }
}

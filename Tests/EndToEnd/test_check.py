# SPDX-License-Identifier: Apache-2.0
"""Each thing that can be wrong yields its own line, with why and remedy, and exit code 1; what is right yields 0."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

from cloud import DAEMON, CloudTestCase
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support import BACKEND, Cluster, Options


class CheckTestCase(CloudTestCase):
    """The settings are those of the local OCI itself, whose bucket and image are there from the start."""

    def check(self, *arguments: str, environment: dict[str, str] | None = None):
        names = (
            "OCI_COMPARTMENT_ID", "OCI_AVAILABILITY_DOMAIN", "OCI_SUBNET_ID", "OCI_CONTAINER_IMAGE",
            "OCI_OBJECT_STORAGE_NAMESPACE", "OCI_OBJECT_STORAGE_BUCKET",
        )  # fmt: skip
        variables = {name: self.cloud[name] for name in names}
        return self.run_command("check", *arguments, environment=environment or self.environment(**variables))

    def outcomes(self, *arguments: str, **options) -> dict[str, dict[str, Any]]:
        """The results by name, from the JSON; the exit code must fit them."""
        done = self.check("--json", *arguments, **options)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual(document["ok"], done.returncode == 0)
        return {one["name"]: one for one in document["checks"]}

    def assert_complaint(
        self, outcomes: dict[str, Any], name: str, what: str, why: str, remedy: str, outcome: str = "failed"
    ) -> None:
        self.assertEqual(outcomes[name]["outcome"], outcome, outcomes[name])
        for key, pattern in (("what", what), ("why", why), ("remedy", remedy)):
            self.assertRegex(outcomes[name][key], pattern)

    def assert_only_failure(self, outcomes: dict[str, dict[str, Any]], name: str) -> None:
        self.assertEqual([one["name"] for one in outcomes.values() if one["outcome"] == "failed"], [name])


class AllIsWell(CheckTestCase):
    def test_every_phase_passes_and_leaves_nothing(self):
        path = f"/n/{self.cloud['OCI_OBJECT_STORAGE_NAMESPACE']}/b/{self.cloud['OCI_OBJECT_STORAGE_BUCKET']}/l"
        rule = {"name": "r", "action": "DELETE", "timeAmount": 7, "timeUnit": "DAYS", "isEnabled": True}
        self.send("PUT", path, {"items": [rule]})
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stdout)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[-1], "16 passed, 1 skipped")
        self.assertEqual([line.split()[0] for line in lines[:-1]], ["ok"] * 16 + ["skip"])
        self.assertRegex(done.stdout, r"container +created, ran a task and stored its result in \d+ s")
        self.cluster.await_nothing_left()

    def test_one_phase_alone(self):
        self.assertEqual(
            set(self.outcomes("--phase", "storage")),
            {"credentials", "key-permissions", "signature", "clock", "bucket", "bucket-lifecycle", "objects"},
        )
        outcomes = self.outcomes("--phase", "scheduler", "--scheduler", "tcp://127.0.0.1:9", "--test", "map")
        self.assertEqual(set(outcomes), {"scheduler", "python", "task-map"})

    def test_what_settings_are_missing_for_is_skipped_and_told(self):
        unknown = self.directory / "unknown.toml"
        unknown.write_text('[[worker_manager]]\ntype = "oci_hpc"\nsubnetid = "x"\n')
        compartment = self.cloud["OCI_COMPARTMENT_ID"]
        for more in ([], ["--config", str(unknown)]):
            with self.subTest(more):
                done = self.run_command("check", "--json", "--compartment-id", compartment, *more)
                self.assertEqual(done.returncode, 0, done.stderr)
                outcomes = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
                for name in ("signature", "compartment", "instances"):
                    self.assertEqual(outcomes[name]["outcome"], "passed", outcomes[name])
                for name, lacking in [
                    ("namespace", "give --object-storage-namespace"),
                    ("subnet", "give --subnet-id"),
                    ("image", "give --container-image"),
                    ("bucket", "give --object-storage-bucket"),
                    ("objects", "needs the bucket"),
                    ("container", "give --availability-domain, --subnet-id, --container-image, "),
                ]:
                    self.assertEqual(outcomes[name]["outcome"], "skipped", outcomes[name])
                    self.assertIn(lacking, outcomes[name]["detail"])
        self.assertIn("unknown key 'subnetid'; did you mean subnet_id?", done.stderr)


class Wrong(CheckTestCase):
    """Bad settings: nothing is wrong with the cloud."""

    def test_a_key_that_oci_does_not_know(self):
        config = self.config_with_new_key()
        outcomes = self.outcomes(environment=self.with_config(config))
        self.assert_complaint(
            outcomes,
            "signature",
            "does not accept the credentials",
            "401 NotAuthenticated",
            "fingerprint is registered",
        )
        self.assertNotIn("bucket", outcomes)

    def test_a_fingerprint_of_another_key(self):
        text = self.config_with_new_key().read_text()
        config = self.directory / "other"
        config.write_text(re.sub("fingerprint=.*", "fingerprint=" + ":".join(["00"] * 16), text))
        outcomes = self.outcomes(environment=self.with_config(config))
        self.assert_complaint(
            outcomes, "credentials", "no credentials", "the fingerprint in the profile", "oci-profile"
        )

    def config_with_new_key(self) -> Path:
        """A configuration file whose key is sound and registered nowhere."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path = self.directory / "key.pem"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        mark = ":".join(f"{byte:02x}" for byte in hashlib.md5(public, usedforsecurity=False).digest())
        lines = Path(self.cloud["OCI_CONFIG_FILE"]).read_text().partition("[SESSION]")[0]
        lines = re.sub("key_file=.*", f"key_file={path}", re.sub("fingerprint=.*", f"fingerprint={mark}", lines))
        config = self.directory / "config"
        config.write_text(lines)
        for one in (path, config):
            one.chmod(0o600)
        return config

    def with_config(self, config: Path) -> dict[str, str]:
        names = [name for name in self.cloud if name.startswith("OCI_") and "EMULATOR" not in name]
        return {**self.environment(**{name: self.cloud[name] for name in names}), "OCI_CONFIG_FILE": str(config)}

    def test_a_key_that_others_can_read(self):
        config = self.directory / "config"
        config.write_text(Path(self.cloud["OCI_CONFIG_FILE"]).read_text())
        config.chmod(0o644)
        outcomes = self.outcomes("--phase", "storage", environment=self.with_config(config))
        self.assert_complaint(
            outcomes, "key-permissions", "others can read", "permissions on .* are too open", "chmod 600", "warned"
        )

    def test_names_that_mean_nothing(self):
        table = [
            (
                ["--availability-domain", "AD-9"],
                "availability-domain",
                "no availability domain AD-9",
                "give one of Uocm:",
            ),
            (["--subnet-id", "ocid1.subnet.oc1..no"], "subnet", "does not exist in region", "check --subnet-id"),
            (["--compartment-id", "ocid1.compartment.oc1..no"], "compartment", "does not exist", "--compartment-id"),
            (["--instance-shape", "CI.Nothing"], "shape", "has CI.Standard.A1.Flex, ", "give another --instance-shape"),
            (["--instance-memory-gb", "2000"], "shape", "1 to 1024 GB of memory, not 2000", "--instance-memory-gb"),
            (["--object-storage-namespace", "else"], "namespace", "the caller's own is emulatedns", "emulatedns"),
            (["--object-storage-bucket", "none"], "bucket", "it does not exist", "run scaler-oci-hpc provision"),
            (
                ["--container-image", "us-phoenix-1.ocir.io/emulatedns/x:1"],
                "image",
                "its registry is us-phoenix-1",
                "push it",
            ),
            (["--container-image", "iad.ocir.io/emulatedns/x:1"], "image", "there is no repository x", "build-image"),
            (
                ["--container-image", "iad.ocir.io/emulatedns/scaler-job-runner:9"],
                "image",
                "has latest only",
                "build-image",
            ),
        ]
        for arguments, name, why, remedy in table:
            with self.subTest(arguments):
                phase = "storage" if name == "bucket" else "connectivity"
                self.assert_complaint(self.outcomes("--phase", phase, *arguments), name, ".", why, remedy)

    def test_an_image_that_the_check_cannot_ask_for_is_left_out(self):
        outcomes = self.outcomes("--phase", "connectivity", "--container-image", "docker.io/library/python:3.12")
        self.assertEqual(outcomes["image"]["outcome"], "skipped")

    def test_a_lifecycle_that_is_shorter_than_a_task(self):
        path = f"/n/{self.cloud['OCI_OBJECT_STORAGE_NAMESPACE']}/b/{self.cloud['OCI_OBJECT_STORAGE_BUCKET']}/l"
        outcomes = self.outcomes("--phase", "storage")
        self.assert_complaint(
            outcomes, "bucket-lifecycle", "no lifecycle rule", "crash leaves behind", "deletes them after 7", "warned"
        )
        rule = {"name": "short", "action": "DELETE", "timeAmount": 1, "timeUnit": "DAYS", "isEnabled": True}
        self.send("PUT", path, {"items": [rule]})
        self.addCleanup(self.client().call, "DELETE", path)
        outcomes = self.outcomes("--phase", "storage", "--job-timeout-seconds", "90000")
        self.assert_only_failure(outcomes, "bucket-lifecycle")
        self.assert_complaint(
            outcomes, "bucket-lifecycle", "shorter than a task may run", "after 1 days", "raise the rule to 2 days"
        )
        outcomes = self.outcomes("--phase", "storage", "--job-timeout-seconds", "86400")
        self.assertEqual(outcomes["bucket-lifecycle"]["outcome"], "passed")

    def test_what_cannot_be_asked_for_at_all(self):
        broken = self.directory / "broken.toml"
        broken.write_text("[[worker_manager]\n")
        unknown = self.directory / "unknown.toml"
        unknown.write_text('[[worker_manager]]\ntype = "oci_hpc"\nsubnetid = "x"\n')
        table = [
            (["--config", str(broken)], 78, "broken.toml:1:18: "),
            (["--strict-config", "--config", str(unknown)], 78, "unknown key 'subnetid'; did you mean subnet_id?"),
            (["--config", "none.toml"], 78, "none.toml: file failed: open: No such file"),
            (["--config", "none.json"], 78, "there is no none.json: provision has not run here; run"),
            (["--phase", "none"], 2, "--phase: 'none' is no choice; give one of all, connectivity"),
            (["--test", "none"], 2, "--test: 'none' is no choice; give one of all, sqrt"),
            (["--timeout", "0"], 2, "--timeout: '0' is no number of seconds"),
            (["--phase", "scheduler"], 78, "missing --scheduler"),
        ]
        for arguments, code, line in table:
            with self.subTest(arguments):
                done = self.check(*arguments)
                self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
                self.assertIn(line, done.stderr)
        for arguments in ([str(broken)], ["up", str(broken)]):
            with self.subTest(arguments):
                done = self.run_command(*arguments)
                self.assertEqual((done.returncode, done.stderr.count("\n")), (78, 1))


class Refused(CheckTestCase):
    """The cloud says no, or nothing, in each of its ways."""

    emulator = ["--instance-limit", "50"]

    def test_a_policy_that_is_missing(self):
        table = [
            ("CreateContainerInstance 404 code=NotAuthorizedOrNotFound", "lifecycle", "container",
             "'Allow group <group> to manage compute-container-family in compartment id ocid1"),
            ("ListContainerInstances 403 code=NotAuthorized", "connectivity", "instances",
             "inspect compute-container-family"),
            ("PutObject 404 code=BucketNotFound by=user", "storage", "objects", "manage objects"),
            ("GetBucket 404 code=BucketNotFound", "storage", "bucket", "to read buckets"),
            ("GetSubnet 404 code=NotAuthorizedOrNotFound", "connectivity", "subnet", "use virtual-network-family"),
            ("ListContainerRepositories 403 code=NotAuthorized", "connectivity", "image", "read repos"),
        ]  # fmt: skip
        for fault, phase, name, remedy in table:
            with self.subTest(fault):
                self.faults(fault)
                outcomes = self.outcomes("--phase", phase)
                self.assert_only_failure(outcomes, name)
                self.assert_complaint(outcomes, name, ".", ".", remedy)
        self.cluster.await_nothing_left()

    def test_a_clock_that_is_wrong(self):
        self.faults("* skew seconds=900")
        outcomes = self.outcomes("--phase", "storage")
        self.assert_complaint(outcomes, "clock", r"(899|900|901) s behind OCI's", "beyond 300 s", "set-ntp true")
        self.faults("* skew seconds=-120")
        outcomes = self.outcomes("--phase", "storage")
        self.assert_complaint(outcomes, "clock", r"1[12]\d s ahead of", "bears the time", "timedatectl", "warned")

    def test_a_cloud_that_cannot_be_reached(self):
        names = [name for name in self.cloud if name.startswith("OCI_") and "EMULATOR" not in name]
        environment = self.environment(**{name: self.cloud[name] for name in names})
        environment["OCI_ENDPOINT"] = "https://127.0.0.1:9"
        outcomes = self.outcomes(environment=environment)
        self.assert_complaint(outcomes, "signature", ".", "got no answer from https://127.0.0.1:9", "HTTPS_PROXY")

    def test_limits_that_leave_no_room(self):
        outcomes = self.outcomes("--phase", "connectivity")
        self.assert_complaint(
            outcomes, "limits", "room for 50 of 100 instances", "50 are free", "lower --base-concurrency", "warned"
        )
        self.faults("CreateContainerInstance limit")
        outcomes = self.outcomes("--phase", "lifecycle")
        self.assert_complaint(outcomes, "container", "cannot be created", "400 LimitExceeded", "ask for an increase")
        self.faults("CreateContainerInstance capacity")
        outcomes = self.outcomes("--phase", "lifecycle")
        self.assert_complaint(outcomes, "container", ".", "Out of host capacity", "name more availability domains")

    def test_containers_that_do_not_come_to_their_end(self):
        table = [
            ("Container pull-failure", "did not start", "Failed to pull image", "subnet reaches the registry"),
            (
                "Container stuck seconds=600",
                "still being created after 4 s",
                "image cannot be pulled",
                "limits of Container",
            ),
            (
                "PutObject 404 by=resource code=BucketNotFound",
                "could not store its result",
                "exit code 74",
                "dynamic group",
            ),
            ("Container kill seconds=0", "was killed", "exit code 137", "--instance-memory-gb"),
        ]
        for fault, what, why, remedy in table:
            with self.subTest(fault):
                self.faults(fault)
                outcomes = self.outcomes("--phase", "lifecycle", "--timeout", "4" if "stuck" in fault else "60")
                self.assert_complaint(outcomes, "container", what, why, remedy)
        self.faults()
        self.cluster.await_nothing_left()


class SchedulerPhase(unittest.TestCase):
    """The one class with a whole cluster: tasks go through a real client and scheduler."""

    def run_check(self, cluster, *arguments):
        command = [str(DAEMON), "check", "--phase", "scheduler", "--json", "--scheduler", cluster.address, *arguments]
        done = subprocess.run(
            command, env={**os.environ, **cluster.environment}, check=False, capture_output=True, text=True, timeout=180
        )
        return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["checks"]}

    def test_tasks_come_back_and_a_missing_manager_is_told(self):
        with Cluster(Options(backend=BACKEND)) as cluster:
            python = ["--python", sys.executable, "--object-storage-address", cluster.storage_address]
            code, outcomes = self.run_check(cluster, *python)
            self.assertEqual(code, 0, outcomes)
            self.assertEqual([one["outcome"] for one in outcomes.values()], ["passed"] * 8)
            own = platform.python_version()
            detail = f"the client has Python {own}, and its tasks {own}"
            self.assertEqual(outcomes["python"]["detail"], detail)
            self.assertIn(f"speaks {BACKEND}", outcomes["scheduler"]["detail"])
            other = "zmq" if BACKEND == "ymq" else "ymq"
            code, outcomes = self.run_check(cluster, *python, "--network-backend", other, "--test", "sqrt")
            self.assertEqual((code, outcomes["scheduler"]["outcome"]), (1, "failed"))
            code, outcomes = self.run_check(cluster, "--python", "no-such-python")
            self.assertEqual((code, outcomes["client"]["why"]), (1, "there is no no-such-python"))
            self.assertIn("pip install 'opengris-scaler[zmq]'", outcomes["client"]["remedy"])
            cluster.daemon.stop()
            code, outcomes = self.run_check(cluster, *python, "--test", "sqrt", "--timeout", "3")
            self.assertEqual((code, outcomes["task-sqrt"]["outcome"]), (1, "failed"))
            self.assertIn("check that a manager is connected", outcomes["task-sqrt"]["remedy"])
            assert cluster.scheduler is not None
            cluster.scheduler.stop()
            code, outcomes = self.run_check(cluster, *python)
            self.assertEqual((code, outcomes["scheduler"]["outcome"]), (1, "failed"))
            self.assertIn("Connection refused", outcomes["scheduler"]["why"])


if __name__ == "__main__":
    unittest.main()

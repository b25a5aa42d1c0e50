# SPDX-License-Identifier: Apache-2.0
"""The Quick Start of Scaler's documentation by both programs, each with what the other one's provisioner made.

Scaler's own provisioner and manager are as installed, but for the one value that `python_manager.py` mends.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cluster"))

import harness

from cluster import DAEMON
from processes import Process, free_port

HERE = Path(__file__).resolve().parent
PROVISIONER = (sys.executable, "-m", "scaler.worker_manager.proxy.oci.tools.provision_infrastructure")
#: The documents have 50; Scaler's manager makes one instance after the other.
TASKS = 10
CLIENT = """
import sys
import cloudpickle
from scaler import Client

def heavy_computation(x):
    return x ** 2

with Client(address=sys.argv[1]) as client:
    print(client.map(heavy_computation, range(int(sys.argv[2]))))
"""


@unittest.skipUnless(DAEMON.exists(), "Tools/build-release makes the daemon")
class QuickStartBothWays(unittest.TestCase):
    def setUp(self) -> None:
        self.emulator = harness.EmulatorProcess("--fast")
        self.addCleanup(self.emulator.close)
        given = self.emulator.environment
        self.work = Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-both-"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCI_", "SCALER_"))}
        self.environment = {
            **kept,
            "HOME": str(self.work),
            "OCI_CONFIG_FILE": given["OCI_CONFIG_FILE"],
            "HTTPS_PROXY": given["OCI_EMULATOR_PROXY"],
            "NO_PROXY": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": given["OCI_CA_BUNDLE"],
            "OCI_CA_BUNDLE": given["OCI_CA_BUNDLE"],
            "SCALER_NETWORK_BACKEND": "ymq",
        }
        self.where = ["--compartment-id", given["OCI_COMPARTMENT_ID"], "--region", "us-ashburn-1"]
        self.what = ["--availability-domain", given["OCI_AVAILABILITY_DOMAIN"], "--subnet-id", given["OCI_SUBNET_ID"]]
        self.image = ["--image", given["OCI_CONTAINER_IMAGE"]]

    def run_to_its_end(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL,
            check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def start(self, name: str, *command: str, environment: dict[str, str] | None = None) -> Process:
        process = Process(name, list(command), self.work, environment or self.environment)
        self.addCleanup(process.end)
        return process

    def quick_start(self, manager: Sequence[str], variables: dict[str, str]) -> None:
        """Starts Scaler's services and a manager, and has the documents' client run its tasks."""
        bin_directory = Path(sys.executable).parent
        ports = free_port(), free_port()
        storage, scheduler = (f"tcp://127.0.0.1:{port}" for port in ports)
        self.start("storage", str(bin_directory / "scaler_object_storage_server"), storage).await_listening(ports[0])
        arguments = [scheduler, "--object-storage-address", storage]
        self.start("scheduler", str(bin_directory / "scaler_scheduler"), *arguments).await_listening(ports[1])
        command = [*manager, scheduler, "--worker-manager-id", "wm-oci-hpc", "--object-storage-address", storage]
        running = self.start("manager", *command, environment={**self.environment, **variables})
        try:
            ran = self.run_to_its_end(sys.executable, "-c", CLIENT, scheduler, str(TASKS))
        except AssertionError:
            print(running.tail(40), file=sys.stderr)
            raise
        self.assertIn(str([number**2 for number in range(TASKS)]), ran)
        running.stop(signal.SIGTERM)
        report = self.emulator.report()
        self.assertEqual((report["instances"]["created"], report["instances"]["left"]), (TASKS, 0))

    def test_this_daemon_runs_with_what_scalers_provisioner_made(self) -> None:
        self.run_to_its_end(*PROVISIONER, "provision", *self.where, *self.what, *self.image)
        environment_file = next(path for path in self.work.iterdir() if path.name.endswith(".env"))
        variables = dict(re.findall(r'^export (\w+)="(.*)"$', environment_file.read_text(), re.MULTILINE))
        self.quick_start([str(DAEMON)], variables)
        self.run_to_its_end(*PROVISIONER, "cleanup", *self.where)

    def test_scalers_manager_runs_with_what_this_program_made(self) -> None:
        self.run_to_its_end(str(DAEMON), "provision", *self.where, *self.what, *self.image)
        made = json.loads((self.work / ".scaler_oci_config.json").read_text())
        variables = {
            "OCI_REGION": made["oci_region"],
            "OCI_COMPARTMENT_ID": made["compartment_id"],
            "OCI_AVAILABILITY_DOMAIN": made["availability_domain"],
            "OCI_SUBNET_ID": made["subnet_id"],
            "OCI_CONTAINER_IMAGE": made["container_image"],
            "OCI_OBJECT_STORAGE_NAMESPACE": made["object_storage_namespace"],
            "OCI_OBJECT_STORAGE_BUCKET": made["object_storage_bucket"],
        }
        self.quick_start([sys.executable, str(HERE / "python_manager.py"), "oci_hpc"], variables)
        self.run_to_its_end(str(DAEMON), "cleanup", *self.where, "--yes")


if __name__ == "__main__":
    unittest.main()

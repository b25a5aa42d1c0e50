# SPDX-License-Identifier: Apache-2.0
"""Scaler end to end on the emulator: its scheduler, its object storage, its OCI manager, its client."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cluster"))

import harness

from processes import free_port

HERE = Path(__file__).resolve().parent
TASKS = 6
CLIENT = """
import os, sys
sys.path.insert(0, os.environ["MODULES"])
from scaler import Client
from scaler_tasks import heavy_computation, refuse
with Client(address=sys.argv[1]) as client:
    print(sum(client.map(heavy_computation, range(int(sys.argv[2])))))
    try:
        client.submit(refuse, 1).result(timeout=90)
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0])
"""


class PythonManager(unittest.TestCase):
    def setUp(self) -> None:
        self.emulator = harness.EmulatorProcess("--fast")
        self.addCleanup(self.emulator.close)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.addCleanup(self.end_processes)
        given = self.emulator.environment
        self.environment = {
            **os.environ,
            **given,
            "HTTPS_PROXY": given["OCI_EMULATOR_PROXY"],
            "REQUESTS_CA_BUNDLE": given["OCI_CA_BUNDLE"],
            "HOME": str(self.emulator.state),  # so that no ~/.oci/config of the developer's wins
            "SCALER_NETWORK_BACKEND": "zmq",
        }

    def end_processes(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def start(self, name: str, *command: str) -> None:
        log = (self.emulator.state / f"{name}.log").open("w")
        self.processes.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=subprocess.STDOUT))
        log.close()

    def wait_until_listening(self, port: int) -> None:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            self.assertIsNone(self.processes[-1].poll(), "a Scaler process ended at once")

    def test_tasks_run_as_container_instances_and_nothing_is_left(self) -> None:
        bin_directory = Path(sys.executable).parent
        storage, scheduler = f"tcp://127.0.0.1:{free_port()}", f"tcp://127.0.0.1:{free_port()}"
        self.start("storage", str(bin_directory / "scaler_object_storage_server"), storage)
        self.wait_until_listening(int(storage.rpartition(":")[2]))
        self.start("scheduler", str(bin_directory / "scaler_scheduler"), scheduler, "--object-storage-address", storage)
        self.wait_until_listening(int(scheduler.rpartition(":")[2]))
        given = self.environment
        self.start(
            "manager", sys.executable, str(HERE / "python_manager.py"), "oci_hpc", scheduler,
            "--worker-manager-id", "wm", "--object-storage-address", storage,
            "--object-storage-namespace", given["OCI_OBJECT_STORAGE_NAMESPACE"],
            "--object-storage-bucket", given["OCI_OBJECT_STORAGE_BUCKET"],
            "--compartment-id", given["OCI_COMPARTMENT_ID"], "--subnet-id", given["OCI_SUBNET_ID"],
            "--availability-domain", given["OCI_AVAILABILITY_DOMAIN"],
            "--container-image", given["OCI_CONTAINER_IMAGE"], "--base-concurrency", "10",
        )  # fmt: skip
        # Its manager unpickles tasks, so their module must be importable there too; hence by value in a module.
        modules = self.emulator.state / "modules"
        modules.mkdir()
        (modules / "scaler_tasks.py").write_text(
            "import sys, cloudpickle\n"
            "def heavy_computation(x):\n    return x ** 2\n"
            "def refuse(x):\n    raise LookupError('refused')\n"
            "cloudpickle.register_pickle_by_value(sys.modules[__name__])\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", CLIENT, scheduler, str(TASKS)],
            env={**given, "MODULES": str(modules)}, check=False, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        logs = (self.emulator.state / "manager.log").read_text()[-3000:]
        self.assertEqual(ran.returncode, 0, ran.stderr[-3000:] + logs)
        lines = ran.stdout.strip().splitlines()
        self.assertEqual(lines[-2], str(sum(number**2 for number in range(TASKS))), ran.stdout)
        self.assertIn("LookupError: refused", lines[-1])
        report = self.emulator.report()
        self.assertEqual(report["instances"]["created"], TASKS + 1)
        self.assertEqual((report["instances"]["left"], report["refusals"]), (0, {}))
        self.assertEqual(report["tasks"]["exit_codes"], {"0": TASKS, "1": 1})


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""Everything from one file: Scaler's own programs beside the managers, and the command that is replaced."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import unittest
from pathlib import Path

from cloud import DAEMON, CloudTestCase
from scaler import Client
from support import BACKEND, await_that

from processes import Process, free_port, free_scheduler_ports

FILE = """
[object_storage_server]
bind_address = "tcp://127.0.0.1:{storage}"

[scheduler]
bind_address = "tcp://127.0.0.1:{scheduler}"
object_storage_address = "tcp://127.0.0.1:{storage}"
logging_level = "DEBUG"

[[worker_manager]]
type = "oci_hpc"
scheduler_address = "tcp://127.0.0.1:{scheduler}"
object_storage_address = "tcp://127.0.0.1:{storage}"
worker_manager_id = "wm"
object_storage_namespace = "{OCI_OBJECT_STORAGE_NAMESPACE}"
object_storage_bucket = "{OCI_OBJECT_STORAGE_BUCKET}"
compartment_id = "{OCI_COMPARTMENT_ID}"
availability_domain = "AD-1"
subnet_id = "{OCI_SUBNET_ID}"
container_image = "{OCI_CONTAINER_IMAGE}"

[[worker_manager]]
type = "baremetal_native"
scheduler_address = "tcp://127.0.0.1:{scheduler}"
worker_manager_id = "native"
max_task_concurrency = 1
logging_paths = ["native.log"]

[gui]
monitor_address = "tcp://127.0.0.1:{monitor}"
gui_address = "127.0.0.1:{gui}"
"""


def serves(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Up(CloudTestCase):
    skips_second_backend = False

    def setUp(self) -> None:
        super().setUp()
        self.ports = dict(zip(("scheduler", "storage"), free_scheduler_ports(), strict=True), gui=free_port())
        self.ports["monitor"] = self.ports["scheduler"] + 2
        (self.directory / "config.toml").write_text(FILE.format(**self.ports, **self.cloud))

    def start(self, *arguments: str, program: Path = DAEMON, path: str = str(Path(sys.executable).parent)) -> Process:
        environment = self.environment(PATH=f"{path}:/usr/bin:/bin", SCALER_NETWORK_BACKEND=BACKEND)
        process = Process("up", [str(program), *arguments], self.directory, environment)
        self.addCleanup(process.stop)
        return process

    def up(self) -> Process:
        process = self.start("up", str(self.directory / "config.toml"))
        process.await_output("registered with the scheduler", 60)
        return process

    def started(self) -> dict[str, int]:
        """Scaler's programs that run with this test's file, by name; their parent may be gone."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = [word.decode(errors="replace") for word in path.read_bytes().split(b"\0")]
            except OSError:
                continue
            names = [Path(word).name for word in words if Path(word).name.startswith("scaler_")]
            if names and str(self.directory / "config.toml") in words:
                found[names[0]] = int(path.parent.name)
        return found

    def test_everything_starts_works_and_stops_in_order(self):
        up = self.up()
        checked = self.run_command(
            "check", "--config", str(self.directory / "config.toml"), "--phase", "scheduler", "--test", "map",
            "--python", sys.executable,
        )  # fmt: skip
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        children = self.started()
        programs = ["scaler_gui", "scaler_object_storage_server", "scaler_scheduler", "scaler_worker_manager"]
        self.assertEqual(sorted(children), programs)
        await_that(lambda: serves(self.ports["gui"]), 60, "the web interface")
        self.assertEqual(up.stop(signal.SIGTERM), 0)
        await_that(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()), 5, "their end")
        output = up.output()
        self.assertLess(output.index("ObjectStorageServer: started"), output.index("registered with the scheduler"))
        self.assertIn("DEBUG", output, "the scheduler reads its own section")
        self.cluster.await_nothing_left()

    def test_one_that_ends_takes_the_others_along(self):
        up = self.up()
        children = self.started()
        os.kill(children["scaler_scheduler"], signal.SIGKILL)
        self.assertEqual(up.process.wait(40), 69)
        self.assertIn("scaler_scheduler ended with signal 9; stopping everything", up.output())
        self.assertFalse(Path(f"/proc/{children['scaler_object_storage_server']}").exists())

    def test_a_scheduler_that_a_client_shuts_down_ends_everything_in_order_where_that_is_asked_for(self):
        up = self.start("up", str(self.directory / "config.toml"), "--exit-with-scheduler")
        up.await_output("registered with the scheduler", 60)
        Client(address=f"tcp://127.0.0.1:{self.ports['scheduler']}").shutdown()
        self.assertEqual(up.process.wait(60), 0, up.output())
        self.assertEqual(self.started(), {})

    def test_nothing_outlives_a_kill_that_cannot_be_caught(self):
        up = self.up()
        self.assertEqual(len(self.started()), 4)
        up.stop(signal.SIGKILL)
        await_that(lambda: not self.started(), 5, "their end")

    def test_a_program_that_is_not_there_is_told(self):
        # Everything but Scaler is found there.
        missing = self.start("up", str(self.directory / "config.toml"), path="/nothing")
        self.assertEqual(missing.process.wait(20), 69)
        self.assertIn("there is no scaler_object_storage_server in PATH; install it", missing.output())

    def test_a_program_that_does_not_start_is_told(self):
        text = (self.directory / "config.toml").read_text()
        (self.directory / "config.toml").write_text(text.replace('logging_level = "DEBUG"', 'logging_level = "LOUD"'))
        wrong = self.start("up", str(self.directory / "config.toml"))
        self.assertEqual(wrong.process.wait(60), 69)
        self.assertIn("scaler_scheduler ended at its start; what it said stands above", wrong.output())
        self.assertEqual(self.started(), {})

    def test_a_file_without_a_name_is_asked_for(self):
        done = self.run_command("up")
        self.assertEqual(done.returncode, 78)
        self.assertIn("up starts what a configuration file says; give it one", done.stderr)
        done = self.run_command("up", "--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("scaler-oci-hpc up [--config] config.toml", done.stdout)

    def test_a_file_alone_runs_its_managers(self):
        self.start_scaler()
        manager = self.start(str(self.directory / "config.toml"))
        manager.await_output("registered with the scheduler .*manager=wm", 60)
        self.assertEqual(self.started(), {})
        self.assertEqual(manager.stop(signal.SIGTERM), 0)

    def test_a_manager_ends_with_its_scheduler_where_that_is_asked_for(self):
        self.start_scaler()
        # Without a worker nothing tells of a shutdown, and the silence does.
        manager = self.start(
            str(self.directory / "config.toml"), "--exit-with-scheduler", "--death-timeout-seconds", "4"
        )
        manager.await_output("registered with the scheduler .*manager=wm", 60)
        Client(address=f"tcp://127.0.0.1:{self.ports['scheduler']}").shutdown()
        self.assertEqual(manager.process.wait(60), 0, manager.output())
        self.assertIn("the scheduler is gone; ending with it", manager.output())

    def test_a_link_takes_the_place_of_the_python_command(self):
        link = self.directory / "scaler_worker_manager"
        link.symlink_to(DAEMON)
        self.start_scaler()
        manager = self.start(
            "oci_hpc",
            "--config",
            str(self.directory / "config.toml"),
            "--worker-manager-id",
            "wm-by-link",
            program=link,
        )
        manager.await_output("registered with the scheduler .*manager=wm-by-link", 60)
        self.assertEqual(manager.stop(signal.SIGTERM), 0)
        wrong = self.run_command("native", program=str(link))
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("'native' is no worker manager of this program", wrong.stderr)
        real = self.directory / "real"
        real.mkdir()
        program = real / "scaler_worker_manager"
        program.write_text('#!/bin/sh\necho "real: $*"\nexit 7\n')
        program.chmod(0o755)
        path = f"{self.directory}:{real}:/usr/bin:/bin"
        handed = self.run_command("native", "--help", program=str(link), environment=self.environment(PATH=path))
        self.assertEqual((handed.returncode, handed.stdout), (7, "real: native --help\n"))
        copy = real / "scaler_worker_manager"
        copy.unlink()
        shutil.copy(DAEMON, copy)
        mutual = self.run_command("native", program=str(link), environment=self.environment(PATH=path))
        self.assertEqual(mutual.returncode, 2, mutual.stderr)

    def start_scaler(self) -> None:
        """Scaler's own two programs, as `up` starts them."""
        bin_directory = Path(sys.executable).parent
        storage = f"tcp://127.0.0.1:{self.ports['storage']}"
        variables = {"SCALER_NETWORK_BACKEND": BACKEND}
        server = Process(
            "storage", [str(bin_directory / "scaler_object_storage_server"), storage], self.directory, variables
        )
        self.addCleanup(server.stop)
        server.await_listening(self.ports["storage"])
        address = f"tcp://127.0.0.1:{self.ports['scheduler']}"
        command = [str(bin_directory / "scaler_scheduler"), address, "--object-storage-address", storage]
        scheduler = Process("scheduler", command, self.directory, variables)
        self.addCleanup(scheduler.stop)
        scheduler.await_listening(self.ports["scheduler"])


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""A local OCI and a user's directory, for tests of the subcommands: what is run is what a person would type."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path
from typing import Any

from support import BACKEND, Cluster, Options  # puts the cluster tools on the path

from cluster import DAEMON, EMULATOR, ROOT

# What a person has before anything is provisioned: a key, and how to reach this cloud.
ACCESS = ("OCI_ENDPOINT", "OCI_CA_BUNDLE", "OCI_CONFIG_FILE")
READS = ("Get", "List", "Head", "Issue")


def signing_client() -> Any:
    """The client of the local OCI's own tests, which shares no code with either side."""
    path = ROOT / "Tools" / "oci-emulator" / "tests" / "support.py"
    specification = importlib.util.spec_from_file_location("emulator_support", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["emulator_support"] = module
    specification.loader.exec_module(module)
    return module.Client


class CloudTestCase(unittest.TestCase):
    """A test class with a cloud of its own, and for each test a new directory to work in."""

    maxDiff = 4000
    emulator: list[str] = []
    cluster: Cluster
    cloud: dict[str, str]
    #: nothing here depends on the scheduler's transport, so the second round of all tests leaves it out
    skips_second_backend = True

    @classmethod
    def setUpClass(cls) -> None:
        if cls.skips_second_backend and BACKEND == "ymq":
            raise unittest.SkipTest("the same over either transport")
        cls.cluster = Cluster(Options(emulator=["--fast", *cls.emulator]))
        cls.cluster.start_emulator()
        cls.addClassCleanup(cls.cluster.stop)
        cls.cloud = cls.cluster.environment

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-user-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.addCleanup(self.faults)

    # MARK: what a person does

    def environment(self, **changes: str) -> dict[str, str]:
        """Without the daemon's own variables, which would win over everything that is provisioned."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCI_", "SCALER_"))}
        access = {name: self.cloud[name] for name in ACCESS}
        return {**kept, **access, "HOME": str(self.directory), **changes}

    def run_command(self, *arguments: str, environment: dict[str, str] | None = None, **options):
        """Runs the program to its end; its exit code and what it printed are the result's."""
        return subprocess.run(
            [options.pop("program", str(DAEMON)), *arguments],
            cwd=self.directory,
            env=environment or self.environment(),
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )

    def run_at_terminal(
        self, *arguments: str, answer: str | signal.Signals, environment: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Runs the program at a terminal of its own, and types or sends `answer` when asked; its exit code and talk."""
        terminal, other = pty.openpty()
        with subprocess.Popen(
            [str(DAEMON), *arguments],
            cwd=self.directory,
            env=environment or self.environment(),
            stdin=other,
            stdout=other,
            stderr=other,
        ) as process:
            os.close(other)
            talk = ""
            is_answered = False
            while True:
                try:
                    part = os.read(terminal, 4096).decode()
                except OSError:  # how the end of the other side shows
                    break
                talk += part
                if not is_answered and "[y/N] " in talk:
                    is_answered = True
                    if isinstance(answer, str):
                        os.write(terminal, answer.encode())
                    else:
                        process.send_signal(answer)
            os.close(terminal)
            return process.wait(60), talk

    def provision(self, *arguments: str, **options):
        return self.run_command(
            "provision",
            "--compartment-id",
            self.cloud["OCI_COMPARTMENT_ID"],
            "--region",
            "us-ashburn-1",
            "--availability-domain",
            "AD-1",
            "--subnet-id",
            self.cloud["OCI_SUBNET_ID"],
            *arguments,
            **options,
        )

    def provisioned(self, *arguments: str) -> dict[str, Any]:
        """Provisions, and gives back what was saved; cleaned up at the end of the test."""
        done = self.provision(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(self.run_command, "cleanup", "--yes")
        return json.loads((self.directory / ".scaler_oci_config.json").read_text())

    # MARK: what the cloud knows

    def faults(self, *rules: str) -> None:
        """Replaces the faults in force; none by default."""
        body = json.dumps({"faults": rules}).encode()
        request = urllib.request.Request(
            self.cloud["OCI_EMULATOR_URL"] + "/faults", body, {"content-type": "application/json"}, method="PUT"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertEqual(len(json.load(answer)), len(rules))

    def report(self) -> dict[str, Any]:
        return self.cluster.report()

    def counts(self) -> dict[str, int]:
        """Requests so far, by operation."""
        return self.report()["requests"]["by_operation"]

    def writes_since(self, before: dict[str, int]) -> dict[str, int]:
        """Requests since then that were no reads."""
        return {
            name: count - before.get(name, 0)
            for name, count in self.counts().items()
            if count != before.get(name, 0) and not name.startswith(READS)
        }

    def client(self) -> Any:
        """A client that signs as the user; it may do anything."""
        client = signing_client()(self.cloud)
        self.addCleanup(client.connection.close)
        return client

    def get(self, target: str) -> Any:
        """The JSON answer of a read, which must succeed."""
        reply = self.client().call("GET", target)
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json

    def send(self, method: str, target: str, body: dict[str, Any]) -> Any:
        reply = self.client().call(method, target, body)
        self.assertLess(reply.status, 300, reply.body)
        return reply.json if reply.body else None

    def tenancy(self) -> str:
        lines = Path(self.cloud["OCI_CONFIG_FILE"]).read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("tenancy="))


__all__ = ["DAEMON", "EMULATOR", "ROOT", "CloudTestCase", "signing_client"]

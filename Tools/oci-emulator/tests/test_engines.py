# SPDX-License-Identifier: Apache-2.0
"""The podman and docker runtimes, with a stand-in for the engine's command: what it is told, and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from support import COMMAND, EmulatorProcess

ENGINE = """#!/bin/sh
echo "$@" >> {log}
case "$1" in
    info) exit {info} ;;
    run) exit 9 ;;
esac
"""


class Engines(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def install(self, info: int) -> dict[str, str]:
        engine = self.directory / "podman"
        engine.write_text(ENGINE.format(log=self.directory / "calls", info=info))
        engine.chmod(0o755)
        return {"PATH": f"{self.directory}:{os.environ['PATH']}"}

    def test_the_engine_runs_the_image_with_limits_variables_and_credentials(self) -> None:
        with mock.patch.dict(os.environ, self.install(0)):
            emulator = EmulatorProcess("--fast", "--runtime", "podman")
        self.addCleanup(emulator.close)
        client = emulator.client()
        self.addCleanup(client.connection.close)
        body = client.create_body({"A": "b"})
        body["containers"][0].update(imageUrl="busybox:1", command=["echo", "x"], arguments=["y"])
        view = client.wait_for(client.create(body).json["id"], "INACTIVE")
        self.assertEqual(client.container(view["containers"][0]["containerId"]).json["exitCode"], 9)
        told = (self.directory / "calls").read_text().splitlines()[1]
        for text in (
            "--env A=b",
            f"--memory {6 << 30}",
            "--cpus 2",
            "--entrypoint echo busybox:1 x y",
            "--network host",
            "--env OCI_RESOURCE_PRINCIPAL_RPST=",
            f"--env OCI_ENDPOINT={emulator.environment['OCI_ENDPOINT']}",
        ):
            self.assertIn(text, told)

    def test_an_engine_that_does_not_answer_is_told_at_once(self) -> None:
        words = [sys.executable, str(COMMAND), "serve", "--runtime", "podman", "--state-dir", str(self.directory / "s")]
        ran = subprocess.run(
            words, env={**os.environ, **self.install(1)}, check=False, capture_output=True, text=True, timeout=30
        )
        self.assertEqual(ran.returncode, 1)
        self.assertIn("podman does not answer", ran.stderr)


if __name__ == "__main__":
    unittest.main()

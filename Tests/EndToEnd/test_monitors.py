# SPDX-License-Identifier: Apache-2.0
"""What Scaler's own monitors show of a worker: the installed scaler_top, in a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
import unittest
from pathlib import Path

import cloudpickle
from support import BACKEND, ClusterTestCase, await_that

cloudpickle.register_pickle_by_value(sys.modules[__name__])

TOP = Path(sys.executable).with_name("scaler_top")


def wait_for(seconds):
    time.sleep(seconds)


class Screen:
    """A program in a terminal of 60 rows and 240 columns, and what it last drew."""

    def __init__(self, command: list[str]):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 240, 0, 0))
        os.set_blocking(self.master, False)
        environment = {**os.environ, "TERM": "xterm", "SCALER_NETWORK_BACKEND": BACKEND}
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=slave, stdout=slave, stderr=slave, env=environment
        )
        os.close(slave)
        self.drawn = ""

    def text(self) -> str:
        """All that was drawn so far, without the orders to the terminal."""
        try:
            while piece := os.read(self.master, 65536):
                self.drawn += piece.decode(errors="replace")
        except (BlockingIOError, OSError):
            pass
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x0f", " ", self.drawn)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


class Monitors(ClusterTestCase):
    options = {"emulator": ["--fast"]}

    def test_scaler_top_shows_a_running_task_as_running(self):
        screen = Screen([str(TOP), f"tcp://127.0.0.1:{self.cluster.monitor_port}"])
        self.addCleanup(screen.stop)
        future = self.client().submit(wait_for, 60)
        # The last column is the worker's: initialized, has a task, declines more; it is 000 where nothing runs.
        await_that(lambda: re.search(r"Worker\|oci-hpc-.*? 11[01]\b", screen.text()), 40, "a working one")
        self.assertRegex(screen.text(), r"running +1\b")
        future.cancel()


if __name__ == "__main__":
    unittest.main()

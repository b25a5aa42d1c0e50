# SPDX-License-Identifier: Apache-2.0
"""The daemon as a service of systemd: what it tells it, when it gives a sign of life, how it logs to the journal."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import BACKEND, Cluster, Options

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tools" / "cluster"))
from system_calls import allowed, groups

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "Tools" / "packaging" / "scaler-oci-hpc@.service"
WATCHDOG_SECONDS = 3.0


class ServiceManager:
    """The service manager's end of sd_notify(3): takes the daemon's messages in their order."""

    def __init__(self) -> None:
        self.address = f"scaler-oci-hpc-test-{os.getpid()}-{id(self)}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{self.address}")
        self.lines: list[str] = []

    def __enter__(self) -> ServiceManager:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def starter(self, *variables: str) -> tuple[str, ...]:
        """A command that starts the daemon as systemd does a unit of Type=notify with a watchdog."""
        interval = f"WATCHDOG_USEC={int(WATCHDOG_SECONDS * 1e6)}"
        return ("env", f"NOTIFY_SOCKET=@{self.address}", interval, *variables)

    def next(self, seconds: float = 20) -> list[str]:
        """The lines of the next message."""
        self._socket.settimeout(seconds)
        lines = self._socket.recv(4096).decode().split("\n")
        self.lines += lines
        return lines

    def await_line(self, pattern: str) -> None:
        """Takes messages until one has a line that matches."""
        for _ in range(200):
            if any(re.fullmatch(pattern, line) for line in self.next()):
                return
        raise AssertionError(f"no {pattern!r} in {self.lines}")

    def drain(self) -> list[str]:
        """What has arrived already."""
        taken: list[str] = []
        with contextlib.suppress(BlockingIOError, TimeoutError):
            while True:
                taken += self.next(seconds=0)
        return taken

    @property
    def steps(self) -> list[str]:
        """The lines that tell a step of the daemon's life."""
        return [line for line in self.lines if re.match("READY|STOPPING|RELOADING", line)]


@unittest.skipIf(BACKEND == "ymq", "the same over either transport")
class Service(unittest.TestCase):
    def setUp(self) -> None:
        self.manager = ServiceManager()
        self.addCleanup(self.manager.__exit__)
        self.cluster = Cluster(Options(backend=BACKEND, daemon_starter=self.manager.starter()))
        self.addCleanup(self.cluster.stop)

    def test_a_life_is_told_in_order(self):
        self.cluster.start()
        self.manager.await_line("READY=1")
        before = self.manager.lines.index("READY=1")
        self.assertIn("STATUS=waiting for OCI", self.manager.lines[:before])
        self.assertIn("EXTEND_TIMEOUT_USEC=30000000", self.manager.lines[:before])
        self.cluster.daemon.process.send_signal(signal.SIGHUP)
        self.manager.await_line("RELOADING=1")
        self.manager.await_line("READY=1")
        self.assertEqual(self.cluster.daemon.stop(), 0)
        self.manager.await_line("STOPPING=1")
        self.manager.drain()
        self.assertEqual(self.manager.steps, ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"])
        self.assertIn("STATUS=no tasks; 0 of 100 slots in use", self.manager.lines)

    def test_no_sign_of_life_comes_from_a_process_that_stands_still(self):
        self.cluster.start()
        self.manager.await_line("READY=1")
        for _ in range(3):
            self.manager.await_line("WATCHDOG=1")
        self.cluster.daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.cluster.daemon.process.send_signal, signal.SIGCONT)
        # It may have sent one just before.
        os.waitid(os.P_PID, self.cluster.daemon.pid, os.WSTOPPED)
        self.manager.drain()
        with self.assertRaises(TimeoutError):
            self.manager.next(seconds=WATCHDOG_SECONDS)
        self.cluster.daemon.process.send_signal(signal.SIGCONT)
        self.manager.await_line("WATCHDOG=1")

    def test_while_the_cloud_is_away_the_start_talks_and_asks_for_more_time(self):
        self.cluster.start_emulator()
        self.cluster.start_storage()
        self.cluster.start_scheduler()
        self.cluster.set_faults("* outage")
        daemon = self.cluster.launch_daemon()
        daemon.await_output("INFO starting; looking at OCI first", 10)
        # A connection that was accepted just before the outage is cut, and any other refused.
        daemon.await_output("WARNING OCI is not reachable; trying again error=", 10)
        self.manager.await_line("EXTEND_TIMEOUT_USEC=30000000")
        self.manager.await_line("EXTEND_TIMEOUT_USEC=30000000")
        self.assertEqual(self.manager.steps, [])
        self.assertEqual(len(re.findall("WARNING", daemon.output())), 1, daemon.output())
        self.cluster.set_faults()
        self.manager.await_line("READY=1")
        daemon.await_output("INFO OCI is reachable", 10)

    def test_lines_for_the_journal_have_a_priority_and_no_time(self):
        self.cluster.start_emulator()
        log = self.cluster.directory / "daemon.log"
        log.touch()
        status = log.stat()
        self.cluster.options.daemon_starter = ("env", f"JOURNAL_STREAM={status.st_dev}:{status.st_ino}")
        self.cluster.start_storage()
        self.cluster.start_scheduler()
        daemon = self.cluster.start_daemon()
        for line in daemon.output().splitlines():
            self.assertRegex(line, r"^<[2-7]>(DEBUG|INFO|WARNING) \S")

    def test_why_a_start_ends_is_said_once(self):
        self.cluster.start_emulator()
        self.cluster.environment["OCI_CLI_FINGERPRINT"] = "00:" * 15 + "00"
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "log"
            daemon = self.cluster.launch_daemon("--logging-paths", "/dev/stdout", str(path))
            self.assertEqual(daemon.process.wait(30), 78)
            found = re.search(r"(?m)^scaler-oci-hpc: (.*fingerprint.*)$", daemon.output())
            assert found is not None, daemon.output()
            self.assertEqual(daemon.output().count("fingerprint"), found[1].count("fingerprint"), daemon.output())
            self.assertEqual(len(re.findall("CRITICAL .*fingerprint", path.read_text())), 1)


@unittest.skipIf(BACKEND == "ymq", "the same over either transport")
class Unit(unittest.TestCase):
    """The unit that the packages install."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.unit = Path(directory.name) / UNIT.name
        # Neither the program nor its manual is installed here.
        text = UNIT.read_text().replace("/usr/bin/scaler-oci-hpc", "/bin/true").replace("Documentation=", "#")
        self.unit.write_text(text)

    def analyze(self, *arguments: str) -> str:
        command = ["systemd-analyze", "--no-pager", *arguments, str(self.unit)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def test_systemd_has_nothing_to_say_against_it(self):
        self.assertEqual(self.analyze("verify"), "")

    def test_it_leaves_the_daemon_little(self):
        (exposure,) = re.findall(r"Overall exposure level .*: (\d\.\d)", self.analyze("security", "--offline=true"))
        self.assertLessEqual(float(exposure), 1.3)

    def test_the_groups_of_calls_are_read_as_systemd_reads_them(self):
        calls = allowed(UNIT.read_text(), groups())
        self.assertTrue({"read", "execve", "clock_nanosleep", "sendmsg", "epoll_pwait"} <= calls)
        self.assertFalse({"mount", "sched_setscheduler", "setuid", "reboot", "ptrace"} & calls)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""Processes that a run starts, watches and stops, each by its own process id."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class StartError(Exception):
    """A process that did not come up; the text says which, why, and where its log is."""


#: From here up to the kernel's own range: the kernel gives ports of that range to every connection that is made, so one
#: of those that is free now may not be a moment later, when the program that it is meant for has started.
FIRST_PORT = 10_000
#: How many ports a run has to itself.
BLOCK_PORTS = 128


class Ports:
    """The ports that this process gives to its programs: a block that no other run on this machine has.

    A port that is only seen to be free may be seen so by two runs at once, and then a daemon talks to the scheduler of
    the other.
    """

    def __init__(self, directory: Path) -> None:
        self._lock = threading.Lock()
        self._directory = directory
        self._numbers: Iterator[int] = iter(())
        self._is_reserved = False

    def next(self) -> int:
        """A port of 127.0.0.1 that nothing listens on, and that is not given again before all others were."""
        with self._lock:
            if not self._is_reserved:
                self._numbers, self._is_reserved = itertools.cycle(self._reserve()), True
            for port in itertools.islice(self._numbers, BLOCK_PORTS):
                with socket.socket() as probe, contextlib.suppress(OSError):
                    probe.bind(("127.0.0.1", port))
                    return port
        raise StartError(f"all {BLOCK_PORTS} ports of this run are in use")

    def _reserve(self) -> range:
        """The first block that is free, locked until this process ends, however it ends."""
        end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        self._directory.mkdir(mode=0o700, exist_ok=True)
        for first in range(FIRST_PORT, end - BLOCK_PORTS, BLOCK_PORTS):
            block = os.open(self._directory / str(first), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(block, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(block)
                continue
            return range(first, first + BLOCK_PORTS)
        raise StartError(f"no {BLOCK_PORTS} ports between {FIRST_PORT} and {end} are free; see {self._directory}")


#: The same for every run on this machine, wherever its other temporary files are.
_ports = Ports(Path("/tmp") / f"scaler-oci-hpc-ports-{os.getuid()}")


def free_port() -> int:
    """A port of 127.0.0.1 for a program that is started now."""
    return _ports.next()


def free_scheduler_ports() -> tuple[int, int]:
    """A port for a scheduler and one for its object storage.

    The port two above the scheduler's is free, too: a scheduler that is not told otherwise takes it for its monitor.
    """
    for _ in range(BLOCK_PORTS):
        scheduler, storage, monitor = free_port(), free_port(), free_port()
        if monitor == scheduler + 2:
            return scheduler, storage
    raise StartError(f"no three ports in a row are free among the {BLOCK_PORTS} of this run")


class Process:
    """One process, its output in a log file."""

    def __init__(self, name: str, command: list[str], directory: Path, environment: dict[str, str] | None = None):
        self.name = name
        self.log = directory / f"{name}.log"
        self._out = open(self.log, "ab")  # noqa: SIM115 - closed when the process has ended
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        self.pid = self.process.pid

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.output().splitlines()[-lines:])

    def await_output(self, pattern: str, seconds: float = 30, count: int = 1) -> re.Match[str]:
        """Waits until the log holds `pattern` for the `count`th time; a process that ends first is an error."""
        return await_that(lambda: self._find(pattern, count), seconds, f"{self.name} to print {pattern!r}")

    def await_listening(self, port: int, seconds: float = 30) -> None:
        """Waits until the process accepts connections."""

        def connects() -> bool:
            self.check_alive()
            with socket.socket() as probe:
                probe.settimeout(1)
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await_that(connects, seconds, f"{self.name} to listen on port {port}")

    def stop(self, number: int = signal.SIGTERM, seconds: float = 45) -> int:
        """Ends the process and returns its exit code; one that does not obey is killed and said to be so.

        The daemon may take its --stop-timeout-seconds, 30 by default.
        """
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                self._out.close()
                raise StartError(f"{self.name} did not end within {seconds} s; see {self.log}") from None
        self._out.close()
        return self.process.returncode

    def end(self, seconds: float = 10) -> None:
        """Ends a program of somebody else's: what it makes of a signal is not what is tested here."""
        with contextlib.suppress(StartError):
            self.stop(seconds=seconds)

    def _find(self, pattern: str, count: int) -> re.Match[str] | None:
        found = list(re.finditer(pattern, self.output(), re.MULTILINE))
        if len(found) >= count:
            return found[count - 1]
        self.check_alive()
        return None

    def check_alive(self) -> None:
        """Raises if the process has ended."""
        if self.process.poll() is not None:
            raise StartError(f"{self.name} ended with {self.process.returncode}; see {self.log}\n{self.tail()}")


def await_that(condition: Callable[..., T | None], seconds: float, what: str) -> T:
    """Asks again and again, for there is no event to wait on in another program; returns the first true answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise StartError(f"waited {seconds} s in vain for {what}")
        select.select([], [], [], 0.02)

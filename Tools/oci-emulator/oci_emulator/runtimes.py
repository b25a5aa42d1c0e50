# SPDX-License-Identifier: Apache-2.0
"""How a container becomes real: a process of its own, or a fork of a warm one."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass
class Launch:
    """Everything that a runtime needs to be told. Without a `command` the image's own runs: the job runner."""

    directory: Path
    log: Path
    image: str
    variables: dict[str, str]  # what the container adds to its image's environment
    command: list[str]
    arguments: list[str]
    working_directory: str | None
    memory_bytes: int
    cpus: float

    @property
    def environment(self) -> dict[str, str]:
        """For a plain process: what an image would bring, and the variables."""
        base = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
        }
        return {**base, **self.variables}


class Running(Protocol):
    """A container that has been started."""

    pid: int

    async def wait(self) -> int:
        """The exit code; 128 + n for signal n."""
        ...

    def signal(self, number: int) -> None:
        """Send a signal to the main process (SIGKILL: to everything in the container)."""
        ...


class Runtime(Protocol):
    async def start(self, launch: Launch) -> Running: ...

    async def close(self) -> None: ...


def exit_code_of(status: int) -> int:
    """What a container's exit code is, from subprocess's (negative for signals)."""
    return status if status >= 0 else 128 - status


def signal_group(pid: int, number: int) -> None:
    """SIGKILL goes to the whole session, anything else to its leader, as in a container."""
    try:
        if number == signal.SIGKILL:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def limits_of(launch: Launch) -> list[tuple[int, tuple[int, int]]]:
    """RLIMIT_DATA counts what is written to, so reserving address space (as allocators do) stays free."""
    return [
        (resource.RLIMIT_DATA, (launch.memory_bytes, launch.memory_bytes)),
        (resource.RLIMIT_CORE, (0, 0)),
    ]


def cpus_of(launch: Launch) -> set[int] | None:
    """The cores it may use, when those are fewer than there are."""
    available = sorted(os.sched_getaffinity(0))
    wanted = max(1, round(launch.cpus))
    if wanted >= len(available):
        return None
    first = (os.getpid() + id(launch)) % len(available)
    return {available[(first + offset) % len(available)] for offset in range(wanted)}


class ProcessRunning:
    """A child of ours, watched through its pidfd."""

    def __init__(self, process: subprocess.Popen[Any]) -> None:
        self._process = process
        self.pid = process.pid
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self._pidfd = os.pidfd_open(process.pid)
        loop.add_reader(self._pidfd, self._reap)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        # Before it is reaped its number cannot belong to anybody else: the time to end what it left behind.
        signal_group(self.pid, signal.SIGKILL)
        code = exit_code_of(self._process.wait())
        if not self._ended.done():
            self._ended.set_result(code)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def signal(self, number: int) -> None:
        if not self._ended.done():
            signal_group(self.pid, number)


class ProcessRuntime:
    """A new interpreter for each container: slow, honest, and what a cold start is about."""

    def __init__(self, python: str, job_runner: Path) -> None:
        self._argv = [python, str(job_runner)]

    async def start(self, launch: Launch) -> Running:
        argv = [*(launch.command or self._argv), *launch.arguments]
        with launch.log.open("ab") as log:
            process = subprocess.Popen(
                argv,
                cwd=launch.directory,
                env=launch.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Set from outside: code between fork and exec (preexec_fn) would cost the fast path of spawning.
        try:
            for name, values in limits_of(launch):
                resource.prlimit(process.pid, name, values)
            cpus = cpus_of(launch)
            if cpus is not None:
                os.sched_setaffinity(process.pid, cpus)
        except ProcessLookupError:
            pass
        return ProcessRunning(process)

    async def close(self) -> None:
        """Nothing is kept between containers."""

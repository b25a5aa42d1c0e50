# SPDX-License-Identifier: Apache-2.0
"""Containers as forks of one warm process (fork_server.py): thousands a minute on two cores.

The same runner code runs in the same isolation of directory, environment, session and limits; what is
saved is the start of an interpreter and its imports. A container with a `command` of its own still gets a
process of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import subprocess
from pathlib import Path
from typing import Any

from oci_emulator.runtimes import Launch, ProcessRuntime, Running, cpus_of, limits_of, signal_group

READ_LIMIT = 1 << 20


class PoolRunning:
    def __init__(self, pid: int, ended: asyncio.Future[int]) -> None:
        self.pid = pid
        self._ended = ended

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def signal(self, number: int) -> None:
        if not self._ended.done():
            signal_group(self.pid, number)


class PoolRuntime:
    def __init__(self, python: str, job_runner: Path) -> None:
        self._command = [python, str(Path(__file__).with_name("fork_server.py")), str(job_runner)]
        self._fallback = ProcessRuntime(python, job_runner)
        self._numbers = itertools.count()
        self._started: dict[int, asyncio.Future[int]] = {}
        self._ended: dict[int, asyncio.Future[int]] = {}
        self._server: subprocess.Popen[Any] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        ours, theirs = socket.socketpair()
        self._server = subprocess.Popen(self._command, stdin=theirs.fileno(), start_new_session=True)
        theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=READ_LIMIT)
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if "started" in message:
                self._started.pop(message["started"]).set_result(message["pid"])
            else:
                self._ended.pop(message["ended"]).set_result(message["code"])
        for waiting in (*self._started.values(), *self._ended.values()):
            if not waiting.done():
                waiting.set_exception(RuntimeError("the fork server is gone"))

    async def start(self, launch: Launch) -> Running:
        if launch.command or launch.arguments:
            return await self._fallback.start(launch)
        assert self._writer is not None
        loop, number = asyncio.get_running_loop(), next(self._numbers)
        started = self._started[number] = loop.create_future()
        ended = self._ended[number] = loop.create_future()
        cpus = cpus_of(launch)
        request = {
            "start": number,
            "directory": str(launch.directory),
            "log": str(launch.log),
            "environment": launch.environment,
            "limits": [[name, *values] for name, values in limits_of(launch)],
            "cpus": sorted(cpus) if cpus is not None else None,
        }
        self._writer.write(json.dumps(request).encode() + b"\n")
        return PoolRunning(await started, ended)

    async def close(self) -> None:
        """Closing the socket ends the server, which first ends all that it forked."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
        if self._server is not None:
            try:
                await asyncio.to_thread(self._server.wait, 5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()

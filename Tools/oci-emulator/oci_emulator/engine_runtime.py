# SPDX-License-Identifier: Apache-2.0
"""Containers as real containers: the image itself, run by podman or docker.

The engine's command runs in the foreground and stands for the container: its exit code is the container's, its
output the log. Host networking, since our endpoint is on loopback; the container's directory (its credentials)
and the CA are mounted under the very paths that its environment names.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
from pathlib import Path

from oci_emulator.runtimes import Launch, ProcessRunning, Running


class EngineError(Exception):
    """The engine is not there, or does not answer."""


class EngineRunning(ProcessRunning):
    """Signals go through the engine: the container's processes are not our children."""

    def __init__(self, process: subprocess.Popen[bytes], engine: str, name: str) -> None:
        super().__init__(process)
        self._engine = engine
        self._name = name

    def signal(self, number: int) -> None:
        if not self._ended.done():
            words = [self._engine, "kill", "--signal", signal.Signals(number).name, self._name]
            subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class EngineRuntime:
    def __init__(self, engine: str, ca_path: Path) -> None:
        self._engine = engine
        self._ca_path = ca_path
        self._count = 0

    async def open(self) -> None:
        """Raises EngineError unless the engine answers."""
        try:
            process = await asyncio.create_subprocess_exec(
                self._engine, "info", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise EngineError(f"{self._engine} cannot be run: {error.strerror}") from None
        _, message = await process.communicate()
        if process.returncode != 0:
            raise EngineError(f"{self._engine} does not answer: {message.decode(errors='replace').strip()[-300:]}")

    def command(self, launch: Launch, name: str) -> list[str]:
        """The engine's command line for one container."""
        words = [self._engine, "run", "--rm", "--name", name, "--network", "host"]
        words += ["--memory", str(launch.memory_bytes), "--cpus", f"{launch.cpus:g}"]
        for path in (launch.directory, self._ca_path):
            words += ["--volume", f"{path}:{path}"]
        for key, value in launch.variables.items():
            words += ["--env", f"{key}={value}"]
        if launch.working_directory:
            words += ["--workdir", launch.working_directory]
        if launch.command:
            words += ["--entrypoint", launch.command[0]]
        return [*words, launch.image, *launch.command[1:], *launch.arguments]

    async def start(self, launch: Launch) -> Running:
        self._count += 1
        name = f"oci-emulator-{launch.directory.name}-{self._count}"
        with launch.log.open("ab") as log:
            process = subprocess.Popen(
                self.command(launch, name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return EngineRunning(process, self._engine, name)

    async def close(self) -> None:
        """Nothing is kept between containers."""

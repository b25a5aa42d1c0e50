# SPDX-License-Identifier: Apache-2.0
"""The life of each instance: one asyncio task walks it through its states while its processes run.

Times are those of Timing. What the task waits for is either time or a process; a delete cancels the task
and takes over, so there is never more than one that moves an instance.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from oci_emulator.authority import new_rsa_key, pem_of, write_secret
from oci_emulator.credentials import Keyring, Principal
from oci_emulator.faults import Faults, Rule
from oci_emulator.instances import Container, Instance
from oci_emulator.journal import Journal
from oci_emulator.runtimes import Launch, Runtime
from oci_emulator.settings import Settings
from oci_emulator.work_requests import WorkRequest

SESSION_KEYS = 4


class PrincipalFiles:
    """Resource principals for containers.

    Each container has a token of its own, but the keys come from a small set: making an RSA key costs
    more CPU than running a small task, and nothing here depends on their being different.
    """

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self._settings = settings
        self._keyring = keyring
        self._keys: list[tuple[RSAPrivateKey, bytes]] = []
        self._next = 0

    async def prepare(self) -> None:
        """Make the keys ahead of the first container, beside the event loop."""
        while len(self._keys) < SESSION_KEYS:
            self._add(await asyncio.to_thread(new_rsa_key))

    def _add(self, key: RSAPrivateKey) -> None:
        self._keys.append((key, pem_of(key)))

    def environment(self, instance: Instance, container: Container) -> dict[str, str]:
        """Issue a token; returns the variables that hand it over, as values or as paths of files."""
        if not self._keys:
            self._add(new_rsa_key())
        self._next += 1
        key, pem = self._keys[self._next % len(self._keys)]
        now = time.time()
        principal = Principal("resource", container.identifier, instance.tenancy)
        token = self._keyring.issue(
            principal,
            key.public_key(),
            now,
            self._settings.token_lifetime,
            res_tenant=instance.tenancy,
            res_compartment=instance.compartment,
            res_id=instance.identifier,
            res_type="computecontainerinstance",
        )
        private = pem.decode()
        if self._settings.switches["principal-form"] == "file":
            folder = container.directory / ".oci-credentials"
            folder.mkdir(exist_ok=True)
            write_secret(folder / "private.pem", pem)
            write_secret(folder / "rpst", token.encode())
            token, private = str(folder / "rpst"), str(folder / "private.pem")
        return {
            "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
            "OCI_RESOURCE_PRINCIPAL_RPST": token,
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": private,
            "OCI_RESOURCE_PRINCIPAL_REGION": self._settings.region,
        }


class Lives:
    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        principals: PrincipalFiles,
        journal: Journal,
        faults: Faults,
        surroundings: Callable[[], dict[str, str]],
        forget: Callable[[Instance], None],
    ) -> None:
        """`surroundings`: endpoint and CA for the containers; `forget`: called when a record is purged."""
        self.settings = settings
        self.runtime = runtime
        self.principals = principals
        self.journal = journal
        self.faults = faults
        self.surroundings = surroundings
        self.forget = forget
        self._tasks: set[asyncio.Task[None]] = set()

    # MARK: transitions that a request starts

    def begin(self, instance: Instance, work: WorkRequest, failure: tuple[str, str] | None = None) -> None:
        """`failure`: code and message with which the start shall fail, now that the create was accepted."""
        timing = self.settings.timing
        self._walk(instance, self._live(instance, work, timing.pull + timing.start, failure=failure))

    def restart(self, instance: Instance, work: WorkRequest) -> None:
        """Start an INACTIVE instance again, or restart an ACTIVE one; the image is there already."""
        self._cancel(instance)
        instance.move("UPDATING", self._now(instance))
        self._walk(instance, self._live(instance, work, self.settings.timing.start, is_again=True))

    def stop(self, instance: Instance, work: WorkRequest) -> None:
        self._cancel(instance)
        instance.move("UPDATING", self._now(instance))
        self._walk(instance, self._stop(instance, work))

    def delete(self, instance: Instance, work: WorkRequest) -> None:
        self._cancel(instance)
        instance.move("DELETING", self._now(instance))
        self.journal.write("instance-deleted", instance=instance.identifier)
        self._walk(instance, self._delete(instance, work))

    def _walk(self, instance: Instance, steps: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(steps)
        instance.life = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _cancel(instance: Instance) -> None:
        if instance.life is not None:
            instance.life.cancel()

    def _strike_later(self, instance: Instance, rule: Rule) -> None:
        """A fault that comes some time after the start, whatever the instance is doing by then."""

        async def strike() -> None:
            await asyncio.sleep(rule.seconds(0.1))
            if instance.state in ("DELETING", "DELETED"):
                return
            if rule.kind == "vanish":
                self._cancel(instance)
                self.journal.write("instance-deleted", instance=instance.identifier)
                await self._end_processes(instance)
                self.forget(instance)
                return
            for container in instance.containers:
                if container.running is not None:
                    container.running.signal(signal.SIGKILL)

        task = asyncio.create_task(strike())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # MARK: time

    async def _pass(self, instance: Instance, seconds: float) -> None:
        """Let life cycle time pass; in virtual mode it takes none, but the timestamps show it."""
        if self.settings.is_virtual:
            instance.virtual_seconds += seconds
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(seconds)

    @staticmethod
    def _now(instance: Instance) -> float:
        return time.time() + instance.virtual_seconds

    # MARK: the walks

    async def _live(
        self,
        instance: Instance,
        work: WorkRequest,
        delay: float,
        is_again: bool = False,
        failure: tuple[str, str] | None = None,
    ) -> None:
        if is_again:
            await self._end_processes(instance)
        work.begin()
        await self._pass(instance, delay)
        rule = self.faults.choose("Container", "resource")
        if rule is not None:
            self.journal.write("fault", operation="Container", fault=rule.kind)
            if rule.kind == "stuck":
                await self._pass(instance, rule.seconds(3600.0))
            if rule.kind == "pull-failure":
                image = instance.containers[0].details["imageUrl"]
                failure = ("ImagePullFailed", f"Failed to pull image '{image}': manifest unknown.")
        if failure is not None:
            self._fail(instance, work, failure[1], failure[0])
            return
        try:
            for container in instance.containers:
                await self._start(instance, container)
        except OSError as error:
            self._fail(instance, work, f"The container could not be started: {error}")
            return
        now = self._now(instance)
        for container in instance.containers:
            container.move("ACTIVE", now)
        instance.move("ACTIVE", now)
        work.succeed()
        if rule is not None and rule.kind in ("kill", "vanish"):
            self._strike_later(instance, rule)
        codes = await asyncio.gather(*(self._watch(instance, container) for container in instance.containers))
        await self._pass(instance, self.settings.timing.lag)
        is_failed = any(codes) and self.settings.switches["failed-exit-state"] == "FAILED"
        instance.move("FAILED" if is_failed else "INACTIVE", self._now(instance))

    def _fail(self, instance: Instance, work: WorkRequest, message: str, code: str = "InternalError") -> None:
        now = self._now(instance)
        for container in instance.containers:
            container.move("FAILED", now, message)
        instance.move("FAILED", now, message)
        work.fail(code, message)

    async def _start(self, instance: Instance, container: Container) -> None:
        details = container.details
        container.directory.mkdir(parents=True, exist_ok=True)
        variables = self.surroundings()
        if not details.get("isResourcePrincipalDisabled"):
            variables |= self.principals.environment(instance, container)
        variables |= details.get("environmentVariables") or {}
        limits = details.get("resourceConfig") or {}
        shape = instance.details["shapeConfig"]
        memory = float(limits.get("memoryLimitInGBs") or shape.get("memoryInGBs") or 16.0 * shape["ocpus"])
        launch = Launch(
            container.directory,
            container.directory / "log",
            details["imageUrl"],
            variables,
            details.get("command") or [],
            details.get("arguments") or [],
            details.get("workingDirectory"),
            int(memory * (1 << 30)),
            float(limits.get("vcpusLimit") or 2 * shape["ocpus"]),
        )
        container.exit_code = container.terminated = None
        container.running = await self.runtime.start(launch)
        self.journal.write(
            "container-started",
            instance=instance.identifier,
            container=container.identifier,
            task=container.task_id,
            pid=container.running.pid,
        )

    async def _watch(self, instance: Instance, container: Container) -> int:
        """Follow one container to its end, through the restarts that the policy asks for."""
        policy = instance.details["containerRestartPolicy"]
        while True:
            code = await self._wait(instance, container)
            now = self._now(instance)
            container.exit_code, container.terminated = code, now
            self.journal.write(
                "container-ended", instance=instance.identifier, container=container.identifier, exit_code=code
            )
            if policy == "NEVER" or (policy == "ON_FAILURE" and code == 0):
                break
            container.attempts += 1
            await self._pass(instance, min(10.0, self.settings.timing.start * 2 ** min(container.attempts, 5) + 0.05))
            shutil.copyfile(container.directory / "log", container.directory / "log.previous")
            (container.directory / "log").unlink()
            await self._start(instance, container)
        container.move("UPDATING", now)
        await self._pass(instance, self.settings.timing.stop)
        is_failed = code != 0 and self.settings.switches["failed-exit-state"] == "FAILED"
        container.move("FAILED" if is_failed else "INACTIVE", self._now(instance))
        return code

    async def _wait(self, instance: Instance, container: Container) -> int:
        """Wait for the process; meanwhile its token files are renewed long before they expire."""
        assert container.running is not None
        ending = asyncio.ensure_future(container.running.wait())
        try:
            while True:
                done, _ = await asyncio.wait((ending,), timeout=self.settings.token_lifetime / 2)
                if done:
                    return ending.result()
                if not container.details.get("isResourcePrincipalDisabled"):
                    self.principals.environment(instance, container)
        finally:
            ending.cancel()

    async def _end_processes(self, instance: Instance) -> None:
        """SIGTERM, the grace time, SIGKILL; without grace time straight to SIGKILL."""
        grace = float(instance.details.get("gracefulShutdownTimeoutInSeconds") or 0)
        for container in instance.containers:
            running, container.running = container.running, None
            if running is None:
                continue
            ending = asyncio.ensure_future(running.wait())
            if grace > 0:
                running.signal(signal.SIGTERM)
                await asyncio.wait((ending,), timeout=grace)
            running.signal(signal.SIGKILL)
            code = await ending
            if container.exit_code is None:
                container.exit_code, container.terminated = code, self._now(instance)
                self.journal.write(
                    "container-ended", instance=instance.identifier, container=container.identifier, exit_code=code
                )

    async def _stop(self, instance: Instance, work: WorkRequest) -> None:
        work.begin()
        await self._end_processes(instance)
        await self._pass(instance, self.settings.timing.stop)
        now = self._now(instance)
        for container in instance.containers:
            container.move("INACTIVE", now)
        instance.move("INACTIVE", now)
        work.succeed()

    async def _delete(self, instance: Instance, work: WorkRequest) -> None:
        work.begin()
        for container in instance.containers:
            container.move("DELETING", self._now(instance))
        await self._end_processes(instance)
        await self._pass(instance, self.settings.timing.delete)
        now = self._now(instance)
        for container in instance.containers:
            container.move("DELETED", now)
            shutil.rmtree(container.directory, ignore_errors=True)
        instance.move("DELETED", now)
        work.succeed()
        await asyncio.sleep(self.settings.timing.deleted_visible)
        self.forget(instance)

    async def close(self, instances: list[Instance]) -> None:
        """End every process, each by its own id."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        running = [one.running for instance in instances for one in instance.containers if one.running is not None]
        for process in running:
            process.signal(signal.SIGKILL)
        await asyncio.gather(*(process.wait() for process in running), return_exceptions=True)
        await self.runtime.close()


def log_tail(path: Path, limit: int) -> bytes:
    """The newest `limit` bytes of a log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - limit))
            return file.read()
    except OSError:
        return b""

# SPDX-License-Identifier: Apache-2.0
"""Puts the parts together, listens, and takes everything down again."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import sys
from pathlib import Path
from typing import IO

from oci_emulator.admin_api import AdminService
from oci_emulator.artifacts_api import ArtifactsService
from oci_emulator.authority import Authority, stored_token_key
from oci_emulator.credentials import Keyring
from oci_emulator.engine_runtime import EngineError, EngineRuntime
from oci_emulator.faults import Faults
from oci_emulator.gateway import Gateway
from oci_emulator.groups_api import GroupService
from oci_emulator.identity_api import IdentityService
from oci_emulator.instance_api import InstanceService
from oci_emulator.journal import Journal
from oci_emulator.listener import Listener
from oci_emulator.lives import Lives, PrincipalFiles
from oci_emulator.multipart_api import MultipartService
from oci_emulator.network_api import NetworkService
from oci_emulator.object_api import ObjectService
from oci_emulator.object_data_api import ObjectDataService
from oci_emulator.objects import ObjectStore
from oci_emulator.observation_api import LimitsService, LoggingSearchService
from oci_emulator.pool_runtime import PoolRuntime
from oci_emulator.principals_api import FederationService, InstanceIdentity, MetadataService
from oci_emulator.proxy import Proxy
from oci_emulator.registry_api import RegistryService
from oci_emulator.report import text
from oci_emulator.runtimes import ProcessRuntime, Runtime
from oci_emulator.settings import Settings
from oci_emulator.tenancy import Tenancy, write_environment
from oci_emulator.work_requests import WorkRequestService

OUTAGE_BEAT_SECONDS = 0.05
ENGINES = ("podman", "docker")


class StateInUse(Exception):
    """Another emulator runs on the same state directory."""


def lock(directory: Path) -> IO[str]:
    """Hold the state directory for as long as the file returned is open."""
    file = (directory / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StateInUse(f"another emulator runs in {directory}") from None
    return file


class Emulator:
    """The whole local OCI. `start` returns when it listens; `stop` when nothing of it is left."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        directory = settings.state_directory
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = lock(directory)
        (directory / "environment").unlink(missing_ok=True)
        self.authority = Authority(directory)
        self.keyring = Keyring(stored_token_key(directory / "token.key"))
        self.tenancy = Tenancy.load(directory)
        self.tenancy.register_api_key(directory, settings.region, self.keyring, settings.token_lifetime)
        self.journal = Journal(directory / "journal.jsonl")
        self.work = WorkRequestService()
        self.instances = InstanceService(settings, self.tenancy, self.journal, self.work)
        self.objects = ObjectService(settings, ObjectStore(directory / "objects"), self.journal)
        self.objects.add_bucket(settings.bucket, self.tenancy.compartment, self.tenancy.user)
        data = ObjectDataService(self.objects)
        identity = InstanceIdentity(self.authority, self.tenancy)
        metadata = MetadataService(settings, identity)
        users = IdentityService(settings, self.tenancy)
        self.objects.is_service_allowed = users.lets_objects_be_deleted
        artifacts = ArtifactsService(settings, self.tenancy)
        registry = RegistryService(self.tenancy, self.keyring, artifacts)
        operations = [
            *self.objects.operations(),
            *data.operations(),
            *MultipartService(data).operations(),
            *self.instances.operations(),
            *self.work.operations(),
            *users.operations(),
            *GroupService(settings, self.tenancy).operations(),
            *NetworkService(self.tenancy, self.instances).operations(),
            *artifacts.operations(),
            *registry.operations(),
            *LoggingSearchService(settings, self.instances).operations(),
            *LimitsService(settings, self.instances).operations(),
            *FederationService(settings, self.authority, self.keyring, self.tenancy).operations(),
        ]
        self.faults = Faults(settings.faults, settings.fault_seed)
        self.gateway = Gateway(settings, self.keyring, self.journal, operations, self.faults)
        own = AdminService(self.faults, self.journal, self.instances.listing_lag)
        admin = [*own.operations(), *self.instances.admin_operations(), *registry.admin_operations()]
        plain = [*metadata.operations(), *admin]
        self.plain_gateway = Gateway(settings, self.keyring, self.journal, plain, self.faults)
        self.endpoint = self.plain_endpoint = self.proxy_url = ""
        self._proxy = Proxy(settings.region, settings.home_region)
        self._listener: Listener | None = None
        self._plain_listener: Listener | None = None
        self._outages: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        settings = self.settings
        runtime = await self._open_runtime()
        principals = PrincipalFiles(settings, self.keyring)
        self.instances.lives = Lives(
            settings, runtime, principals, self.journal, self.faults, self._surroundings, self.instances.forget
        )
        self._preparing = asyncio.create_task(principals.prepare())
        regions = (settings.region, settings.home_region)
        context = self.authority.server_context(settings.state_directory, settings.host, *regions)
        self._listener = Listener(self.gateway, settings.host, settings.port, context)
        self._plain_listener = Listener(self.plain_gateway, "127.0.0.1", 0, None)
        self.endpoint = await self._listener.open()
        self.plain_endpoint = await self._plain_listener.open()
        port = int(self.endpoint.rpartition(":")[2])
        self.proxy_url = await self._proxy.open(settings.host, port)
        self._outages = asyncio.create_task(self._follow_outages(self._listener))

    async def _open_runtime(self) -> Runtime:
        settings = self.settings
        if settings.runtime == "pool":
            pool = PoolRuntime(settings.python, settings.job_runner)
            await pool.open()
            return pool
        if settings.runtime in ENGINES:
            engine = EngineRuntime(settings.runtime, self.authority.certificate_path)
            await engine.open()
            return engine
        return ProcessRuntime(settings.python, settings.job_runner)

    async def _follow_outages(self, listener: Listener) -> None:
        """Nothing listens while a rule says outage: connections are refused, as by a dead host."""
        while True:
            is_out = any(rule.kind == "outage" and rule.is_in_window() for rule in self.faults.rules)
            if is_out and listener.is_open:
                await listener.interrupt()
            elif not is_out and not listener.is_open:
                await listener.open()
            await asyncio.sleep(OUTAGE_BEAT_SECONDS)

    def _surroundings(self) -> dict[str, str]:
        """What a container needs to find us; a real one finds OCI by its region and the system's CAs."""
        return {"OCI_ENDPOINT": self.endpoint, "OCI_CA_BUNDLE": str(self.authority.certificate_path)}

    def announce(self) -> str:
        """Write the environment file; returns its text."""
        variables = self.tenancy.environment(self.settings, self.endpoint, self.plain_endpoint, self.proxy_url)
        return write_environment(self.settings.state_directory / "environment", variables)

    async def stop(self) -> None:
        for task in (self._outages, self._preparing):
            if task is not None:
                task.cancel()
        await self._proxy.close()
        for listener in (self._listener, self._plain_listener):
            if listener is not None:
                await listener.close()
        await self.instances.lives.close(list(self.instances.instances.values()))
        self.journal.close()
        self._lock.close()


async def serve(settings: Settings, has_report: bool) -> int:
    """Run until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        emulator = Emulator(settings)
        await emulator.start()
    except OSError as error:
        print(f"oci-emulator: cannot listen on {settings.host}:{settings.port}: {error}", file=sys.stderr)
        return 1
    except (EngineError, StateInUse) as error:
        print(f"oci-emulator: {error}", file=sys.stderr)
        return 1
    print(emulator.announce() + "ready", flush=True)
    await stopping.wait()
    await emulator.stop()
    if has_report:
        print(text(emulator.journal.tally.summary()), flush=True)
    return 0

# SPDX-License-Identifier: Apache-2.0
"""Puts the parts together, listens, and takes everything down again."""

from __future__ import annotations

import asyncio
import signal
import sys

from aiohttp import web

from oci_emulator.authority import Authority, stored_rsa_key
from oci_emulator.credentials import Keyring
from oci_emulator.gateway import Gateway
from oci_emulator.instance_api import InstanceService
from oci_emulator.journal import Journal
from oci_emulator.lives import Lives, PrincipalFiles
from oci_emulator.multipart_api import MultipartService
from oci_emulator.object_api import ObjectService
from oci_emulator.object_data_api import ObjectDataService
from oci_emulator.objects import ObjectStore
from oci_emulator.pool_runtime import PoolRuntime
from oci_emulator.report import text
from oci_emulator.runtimes import ProcessRuntime, Runtime
from oci_emulator.settings import Settings
from oci_emulator.tenancy import Tenancy, write_environment
from oci_emulator.work_requests import WorkRequestService


class Emulator:
    """The whole local OCI. `start` returns when it listens; `stop` when nothing of it is left."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        directory = settings.state_directory
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "environment").unlink(missing_ok=True)
        self.authority = Authority(directory)
        self.keyring = Keyring(stored_rsa_key(directory / "token.key"))
        self.tenancy = Tenancy.load(directory)
        self.tenancy.register_api_key(directory, settings.region, self.keyring)
        self.journal = Journal(directory / "journal.jsonl")
        self.work = WorkRequestService()
        self.instances = InstanceService(settings, self.tenancy, self.journal, self.work)
        self.objects = ObjectService(settings, ObjectStore(directory / "objects"), self.journal)
        self.objects.add_bucket(settings.bucket, self.tenancy.compartment, self.tenancy.user)
        data = ObjectDataService(self.objects)
        operations = [
            *self.objects.operations(),
            *data.operations(),
            *MultipartService(data).operations(),
            *self.instances.operations(),
            *self.work.operations(),
        ]
        self.gateway = Gateway(settings, self.keyring, self.journal, operations)
        self.endpoint = ""
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        settings = self.settings
        runtime: Runtime = ProcessRuntime(settings.python, settings.job_runner)
        if settings.runtime == "pool":
            pool = PoolRuntime(settings.python, settings.job_runner)
            await pool.open()
            runtime = pool
        principals = PrincipalFiles(settings, self.keyring)
        self.instances.lives = Lives(
            settings, runtime, principals, self.journal, self._surroundings, self.instances.forget
        )
        # What is stored must come back as it was sent: no decoding of content-encoding on the way in.
        server = web.Server(self.gateway.handle, auto_decompress=False, access_log=None)
        self._runner = web.ServerRunner(server)
        await self._runner.setup()
        context = self.authority.server_context(settings.state_directory, settings.host)
        site = web.TCPSite(
            self._runner, settings.host, settings.port, ssl_context=context, backlog=1024, shutdown_timeout=1
        )
        await site.start()
        port = self._runner.addresses[0][1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.endpoint = f"https://{host}:{port}"

    def _surroundings(self) -> dict[str, str]:
        """What a container needs to find us; a real one finds OCI by its region and the system's CAs."""
        return {"OCI_ENDPOINT": self.endpoint, "OCI_CA_BUNDLE": str(self.authority.certificate_path)}

    def announce(self) -> str:
        """Write the environment file; returns its text."""
        variables = self.tenancy.environment(self.settings, self.endpoint)
        return write_environment(self.settings.state_directory / "environment", variables)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self.instances.lives.close(list(self.instances.instances.values()))
        self.journal.close()


async def serve(settings: Settings, has_report: bool) -> int:
    """Run until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    emulator = Emulator(settings)
    try:
        await emulator.start()
    except OSError as error:
        print(f"oci-emulator: cannot listen on {settings.host}:{settings.port}: {error}", file=sys.stderr)
        return 1
    print(emulator.announce() + "ready", flush=True)
    await stopping.wait()
    await emulator.stop()
    if has_report:
        print(text(emulator.journal.tally.summary()), flush=True)
    return 0

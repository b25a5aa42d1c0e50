# SPDX-License-Identifier: Apache-2.0
"""A whole cluster on loopback: Scaler's own scheduler and object storage server, a local OCI, and the daemon."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import Process, await_that, free_port
from tcp_proxy import TCPProxy

ROOT = Path(__file__).resolve().parents[2]
DAEMON = Path(os.environ.get("SCALER_OCI_HPC", ROOT / ".build" / "release" / "scaler-oci-hpc"))
EMULATOR = ROOT / "Tools" / "oci-emulator" / "oci-emulator"
#: By how many seconds listings of instances show the past; a lane of Tools/test runs its tests under such listings.
LISTING_LAG = os.environ.get("SCALER_TEST_LISTING_LAG_SECONDS", "0")
#: The systemd unit whose system calls are all that the daemon has; a lane of Tools/test runs its tests under it.
UNIT = os.environ.get("SCALER_TEST_UNIT")
SYSTEM_CALLS = Path(__file__).with_name("system_calls.py")


@dataclass
class Options:
    """What to start and how; the defaults suit a test."""

    backend: str = "zmq"
    daemon_backend: str = "auto"
    emulator: list[str] = field(default_factory=lambda: ["--fast"])
    daemon: list[str] = field(default_factory=list)
    scheduler: list[str] = field(default_factory=list)
    #: bin directory of the virtual environment whose Scaler is run
    scaler_bin: Path = Path(sys.executable).parent
    directory: Path | None = None
    #: the daemon reaches scheduler and object storage through proxies that can break its connections
    is_proxied: bool = False
    #: the daemon is told where the object storage is, and does not have to learn it
    is_storage_told: bool = True
    #: of the addresses of scheduler and object storage: tcp, or under YMQ tls, ws or wss
    scheme: str = "tcp"
    #: a command that starts the daemon, and may take something from it
    daemon_starter: tuple[str, ...] = ()
    #: where the daemon has its temporary files
    spool_directory: Path | None = None


class Cluster:
    """Starts everything on entry and stops it, in reverse order, on exit."""

    def __init__(self, options: Options | None = None):
        self.options = options or Options()
        self.directory = self.options.directory or Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-"))
        self.scheduler_port = free_port()
        self.storage_port = free_port()
        self.monitor_port = free_port()
        self.environment: dict[str, str] = {}
        #: None where a test plays the scheduler and its object storage itself
        self.scheduler: Process | None = None
        self.storage: Process | None = None
        self._running: list[Process] = []
        self._daemon_count = 0
        self.scheduler_proxy: TCPProxy | None = None
        self.storage_proxy: TCPProxy | None = None

    def __enter__(self) -> Cluster:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return f"{self.options.scheme}://127.0.0.1:{self.scheduler_port}"

    @property
    def storage_address(self) -> str:
        return f"{self.options.scheme}://127.0.0.1:{self.storage_port}"

    @property
    def certificate(self) -> Path:
        """What scheduler and object storage show where the scheme has TLS; it vouches for itself."""
        return self.directory / "scaler.pem"

    def start(self) -> None:
        if self.options.scheme in ("tls", "wss"):
            make_certificate(self.certificate)
        self.start_emulator()
        self.start_storage()
        self.start_scheduler()
        if self.options.is_proxied:
            self.scheduler_proxy = TCPProxy(("127.0.0.1", self.scheduler_port))
            self.storage_proxy = TCPProxy(("127.0.0.1", self.storage_port))
        self.daemon = self.start_daemon()

    def start_emulator(self) -> None:
        command = [sys.executable, str(EMULATOR), "serve", "--state-dir", str(self.directory / "oci")]
        # First, so that what a test says itself counts.
        command += ["--listing-lag-seconds", LISTING_LAG]
        self.emulator = self._started("oci", [*command, "--python", sys.executable, *self.options.emulator])
        self.emulator.await_output(r"^ready", 30)
        text = (self.directory / "oci" / "environment").read_text()
        self.environment = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", text, re.MULTILINE))

    def start_storage(self) -> None:
        self.storage = self._scaler("object-storage", "scaler_object_storage_server", self.storage_address)
        self.storage.await_listening(self.storage_port)

    def start_scheduler(self) -> None:
        self.scheduler = self._scaler(
            "scheduler",
            "scaler_scheduler",
            self.address,
            "--object-storage-address",
            self.storage_address,
            "--monitor-address",
            f"tcp://127.0.0.1:{self.monitor_port}",
            *self.options.scheduler,
        )
        self.scheduler.await_listening(self.scheduler_port)

    def start_daemon(self, *arguments: str) -> Process:
        """Starts (another life of) the daemon and waits until the scheduler knows it."""
        daemon = self.launch_daemon(*arguments)

        def is_registered() -> bool:
            if self.scheduler is not None:
                self.scheduler.check_alive()
            daemon.check_alive()
            return "registered with the scheduler" in daemon.output()

        await_that(is_registered, 60, "the scheduler to know the daemon")
        return daemon

    def launch_daemon(self, *arguments: str) -> Process:
        self._daemon_count += 1
        scheduler = self.scheduler_proxy.address if self.scheduler_proxy else self.address
        storage = self.storage_proxy.address if self.storage_proxy else self.storage_address
        starter = [*self.options.daemon_starter, *([sys.executable, str(SYSTEM_CALLS), UNIT] if UNIT else [])]
        command = [*starter, str(DAEMON), scheduler, "--worker-manager-id", "wm-oci-hpc"]
        if self.options.is_storage_told:
            command += ["--object-storage-address", storage]
        command += ["--network-backend", self.options.daemon_backend]
        command += ["--heartbeat-interval-seconds", "1"]
        name = "daemon" if self._daemon_count == 1 else f"daemon-{self._daemon_count}"
        environment = dict(self.environment)
        if self.options.spool_directory:
            environment["TMPDIR"] = str(self.options.spool_directory)
        self.daemon = self._started(name, command + self.options.daemon + list(arguments), environment)
        return self.daemon

    def report(self) -> dict[str, Any]:
        """What the local OCI did and holds."""
        return self._emulator_says("GET", "report")

    def doubled_count(self) -> int:
        """Containers beyond the first of a task."""
        return sum(count - 1 for count in self.report()["tasks"]["ran_more_than_once"].values())

    def set_faults(self, *rules: str) -> None:
        """Replaces the faults in force by these; none ends them all."""
        self._emulator_says("PUT", "faults", {"faults": list(rules)})

    def place_deleted(self, count: int, create: dict[str, Any]) -> None:
        """Has the local OCI remember so many instances that are gone; `#` in a tag is the number of each."""
        self._emulator_says("POST", "deleted-instances", {"count": count, "create": create})

    def _emulator_says(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        url = f"{self.environment['OCI_EMULATOR_URL']}/{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def cloud_client(self) -> Any:
        """A client of the local OCI that signs as the user; it shares no code with either side."""
        path = EMULATOR.parent / "tests" / "support.py"
        specification = importlib.util.spec_from_file_location("emulator_support", path)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules["emulator_support"] = module
        specification.loader.exec_module(module)
        return module.Client(self.environment)

    def await_nothing_left(self, seconds: float = 30, strangers: tuple[int, int] = (0, 0)) -> dict[str, Any]:
        """Waits until no instance and no object is left but those of `strangers`; returns the report."""

        def clean() -> dict[str, Any] | None:
            report = self.report()
            return report if (report["instances"]["left"], report["objects"]["left"]) == strangers else None

        return await_that(clean, seconds, f"an empty cloud; the local OCI's report: {self.report()}")

    def last_words(self, lines: int = 25) -> str:
        """The ends of the daemons' and the scheduler's logs, a line after its log's name; `run_tests.py` shows them."""
        logs = {process.log: process for process in self._running if process.name.startswith(("daemon", "scheduler"))}
        said = [(log.name, line) for log, process in logs.items() for line in process.tail(lines).splitlines()]
        return "\n".join(f"{name}: {line}" for name, line in said)

    def stop(self) -> None:
        """Stops what runs; the daemon first, so that it can clean up."""
        errors = []
        for process in reversed(self._running):
            try:
                # Scaler's scheduler does not always obey.
                process.end() if process in (self.scheduler, self.storage) else process.stop()
            except Exception as error:  # noqa: BLE001 - the others must be stopped all the same
                errors.append(error)
        self._running = []
        for proxy in (self.scheduler_proxy, self.storage_proxy):
            if proxy:
                proxy.close()
        self.scheduler_proxy = self.storage_proxy = None
        if errors:
            raise errors[0]

    def kill_daemon(self) -> None:
        """`kill -9`, and nothing of it is left."""
        self.daemon.process.kill()
        self.daemon.process.wait()

    def _scaler(self, name: str, program: str, *arguments: str) -> Process:
        command = [str(self.options.scaler_bin / program), *arguments]
        if self.options.scheme in ("tls", "wss"):
            command += ["--tls-cert", str(self.certificate), "--tls-key", str(self.certificate.with_suffix(".key"))]
        return self._started(name, command, {"SCALER_NETWORK_BACKEND": self.options.backend})

    def _started(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> Process:
        process = Process(name, command, self.directory, environment)
        self._running.append(process)
        return process


def make_certificate(path: Path) -> None:
    """Makes a key and a certificate for 127.0.0.1 that is its own authority."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=scaler", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(path.with_suffix(".key")), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def connect(cluster: Cluster, **arguments: Any) -> Any:
    """A Scaler client of this process; its backend is the cluster's, and a process has only one."""
    os.environ["SCALER_NETWORK_BACKEND"] = cluster.options.backend
    from scaler import Client

    return Client(address=cluster.address, **arguments)

# SPDX-License-Identifier: Apache-2.0
"""The daemon beside Scaler's own OCI manager: the same tasks, on the same local OCI, one after the other in one run.

The Python manager is the one of Scaler 2.9.0, but for the value that ends it at its first heartbeat
(Tools/oci-emulator/conformance/python_manager.py). Both have default settings. Figures of one run can be compared with
each other, not with those of another day: what else the machine does is in all of them.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import cloudpickle

from cluster import ROOT, Cluster, Options, connect
from processes import Process, StartError

CONFORMANCE = ROOT / "Tools" / "oci-emulator" / "conformance"
#: Made by Tools/oci-emulator/conformance/run; it has Oracle's SDK, which the Python manager needs.
PYTHON = ROOT / ".build" / "conformance-venv" / "bin" / "python"
SAMPLE_SECONDS = 0.5


def square(number: int, seconds: float = 0) -> int:
    """What each task does: wait for so long, and a little more."""
    if seconds:
        time.sleep(seconds)
    return number**2


# The Python manager unpickles functions itself and does not have this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


@dataclass(frozen=True)
class Case:
    """Tasks that are submitted together, and the cloud that they run in."""

    name: str
    tasks: int
    seconds: float = 0
    #: arguments of the local OCI
    cloud: tuple[str, ...] = ("--fast",)
    faults: tuple[str, ...] = ()


#: A create takes 0.4 s, every other call 30 ms, a container 2 s to start and 3 s to stop.
SLOW_CLOUD = ("--fast", "--start-seconds", "2", "--stop-seconds", "3")
SLOW_CALLS = ("CreateContainerInstance delay seconds=0.4 by=user", "* delay seconds=0.03 by=user")
CASES = [
    Case("300 tasks, a cloud that answers at once", 300),
    Case("600 tasks, a cloud that answers at once", 600),
    Case("100 tasks of 1 s, a slow cloud", 100, 1, SLOW_CLOUD, SLOW_CALLS),
]


class PythonCluster(Cluster):
    """A cluster with Scaler's own manager in the daemon's place."""

    def launch_daemon(self, *arguments: str) -> Process:
        given = self.environment
        named = {
            "--worker-manager-id": "wm-python",
            "--object-storage-address": self.storage_address,
            "--object-storage-namespace": given["OCI_OBJECT_STORAGE_NAMESPACE"],
            "--object-storage-bucket": given["OCI_OBJECT_STORAGE_BUCKET"],
            "--compartment-id": given["OCI_COMPARTMENT_ID"],
            "--subnet-id": given["OCI_SUBNET_ID"],
            "--availability-domain": given["OCI_AVAILABILITY_DOMAIN"],
            "--container-image": given["OCI_CONTAINER_IMAGE"],
        }
        command = [str(PYTHON), str(CONFORMANCE / "python_manager.py"), "oci_hpc", self.address]
        command += [word for pair in named.items() for word in pair]
        environment = {
            **given,
            "HTTPS_PROXY": given["OCI_EMULATOR_PROXY"],
            "REQUESTS_CA_BUNDLE": given["OCI_CA_BUNDLE"],
            "HOME": str(self.directory / "oci"),  # so that no ~/.oci/config of the developer's wins
            "SCALER_NETWORK_BACKEND": self.options.backend,
        }
        self.daemon = self._started("manager", command + list(arguments), environment)
        return self.daemon

    def start_daemon(self, *arguments: str) -> Process:
        daemon = self.launch_daemon(*arguments)
        daemon.await_output(r"Starting OCI Worker Manager", 60)
        return daemon


@dataclass
class Usage:
    """CPU seconds of a process and all that it started, and the most memory that these had together, in MB."""

    cpu_seconds: float = 0
    peak_megabytes: float = 0


def family(pid: int) -> list[int]:
    """A process and what it started, directly or not, as far as these live."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for thread in Path(f"/proc/{pid}/task").iterdir():
            if thread.name != str(pid):
                children += (thread / "children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(member for child in children for member in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Of a process and those of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def proportional_megabytes(pid: int) -> float:
    """Memory of a process; what several share counts once in all."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0


class Meter:
    """Looks at programs of a cluster while work is done."""

    def __init__(self, roots: dict[str, int]) -> None:
        self.usage = {name: Usage() for name in roots}
        self._roots = roots
        self._before = {name: self._cpu(pid) for name, pid in roots.items()}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        for name, pid in self._roots.items():
            self.usage[name].cpu_seconds = self._cpu(pid) - self._before[name]

    @staticmethod
    def _cpu(pid: int) -> float:
        return sum(cpu_seconds(member) for member in family(pid))

    def _sample(self) -> None:
        usage, pid = self.usage["manager"], self._roots["manager"]
        while True:
            usage.peak_megabytes = max(usage.peak_megabytes, sum(map(proportional_megabytes, family(pid))))
            if self._ended.wait(SAMPLE_SECONDS):
                return


@dataclass
class Figures:
    """What one manager took for one case."""

    #: from the first submit to the last result
    seconds: float
    #: calls of the manager
    requests: int
    usage: dict[str, Usage]
    #: from a result in the bucket until the deletion of its instance was accepted; the middle of all
    held_seconds: float


def held_seconds(journal: Path) -> float:
    """The median time from a result stored to its instance deleted, from what the local OCI wrote down."""
    instances: dict[str, str] = {}
    stored: dict[str, float] = {}
    held: list[float] = []
    for line in journal.read_text().splitlines():
        record = json.loads(line)
        if record["event"] == "container-started":
            instances[record["instance"]] = record["task"]
        elif record["event"] == "object-stored":
            # Both name a result after the id that its container was told.
            stored[record["name"].rpartition("/")[2].removesuffix(".pkl")] = record["time"]
        elif record["event"] == "instance-deleted":
            at = stored.get(instances.get(record["instance"], ""))
            held += [record["time"] - at] if at is not None else []
    return statistics.median(held) if held else float("nan")


def run(kind: type[Cluster], case: Case, backend: str) -> Figures:
    cluster = kind(Options(backend=backend, emulator=[*case.cloud, "--runtime", "pool"]))
    with cluster:
        cluster.set_faults(*case.faults)
        meter = Meter({"manager": cluster.daemon.pid, "local OCI": cluster.emulator.pid})
        with connect(cluster) as client:
            begin = time.monotonic()
            futures = [client.submit(square, number, case.seconds) for number in range(case.tasks)]
            results = [future.result() for future in futures]
            seconds = time.monotonic() - begin
        report = cluster.await_nothing_left(60)
        meter.stop()
        journal = cluster.directory / "oci" / "journal.jsonl"
        figures = Figures(seconds, report["requests"]["by_caller"]["user"], meter.usage, held_seconds(journal))
    if results != [number**2 for number in range(case.tasks)] or report["tasks"]["ran_more_than_once"]:
        raise StartError(f"wrong results, or tasks that ran twice; see {cluster.directory}")
    return figures


@dataclass(frozen=True)
class Comparison:
    """A case by both managers."""

    case: Case
    ours: Figures
    python: Figures

    def rows(self) -> list[tuple[str, float, float]]:
        """What was compared, and the two figures; less is better in each."""
        tasks = self.case.tasks
        pairs: list[tuple[str, Callable[[Figures], float]]] = [
            ("seconds from the first submit to the last result", lambda one: one.seconds),
            ("CPU ms a task", lambda one: 1000 * one.usage["manager"].cpu_seconds / tasks),
            ("memory at most, MB", lambda one: one.usage["manager"].peak_megabytes),
            ("requests a task", lambda one: one.requests / tasks),
            ("seconds from a result stored to its instance deleted", lambda one: one.held_seconds),
        ]
        return [(name, value(self.ours), value(self.python)) for name, value in pairs]


def table(comparisons: list[Comparison]) -> str:
    lines = ["| | | daemon | Python manager | ratio |", "|---|---|---:|---:|---:|"]
    for comparison in comparisons:
        for number, (name, ours, python) in enumerate(comparison.rows()):
            case = comparison.case.name if number == 0 else ""
            lines.append(f"| {case} | {name} | {ours:,.2f} | {python:,.2f} | {python / ours:.1f} |")
    return "\n".join(lines)


def share_of_the_machine(comparisons: list[Comparison]) -> str:
    """Whether the cloud, not the managers, was the limit."""
    quick = comparisons[0]
    cpu = 1000 * quick.ours.usage["local OCI"].cpu_seconds / quick.case.tasks
    cores = len(os.sched_getaffinity(0))
    return (
        f"The local OCI and its containers took {cpu:.0f} ms of CPU a task beside the daemon, so with {cores} cores"
        f" it bears no more than {1000 * cores / cpu:.0f} tasks a second, less what all others need."
    )


def measure_all(backend: str, counts: list[int] | None = None) -> str:
    """The table of all cases."""
    if not PYTHON.exists():
        raise StartError(f"there is no {PYTHON}; Tools/oci-emulator/conformance/run makes it")
    cases = [case for case in CASES if not counts or case.tasks in counts]
    comparisons = [Comparison(case, run(Cluster, case, backend), run(PythonCluster, case, backend)) for case in cases]
    text = f"Over {backend}, with default settings. {share_of_the_machine(comparisons)}"
    return f"{table(comparisons)}\n\n{textwrap.fill(text, 120)}\nRun on {date.today().isoformat()}."

# SPDX-License-Identifier: Apache-2.0
"""What the experiments on reliability share: tasks that are counted, and a verdict that is made of counts alone."""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle

from cluster import Cluster, Options, connect
from processes import StartError, await_that

cloudpickle.register_pickle_by_value(sys.modules[__name__])

BACKEND = os.environ.get("SCALER_NETWORK_BACKEND", "zmq")
#: A dead worker is noticed in so many seconds; the default of a minute would make every crash take one.
WORKER_TIMEOUT = "3"
#: In every experiment listings of instances show the past, each instance's up to so long ago.
LISTING_LAG = "10"


def work(number: int, seconds: float = 0.0) -> int:
    """The task of most experiments: its result tells whether it was this one."""
    import time

    time.sleep(seconds)
    return number * number + 1


def echo(data: bytes) -> bytes:
    """A task whose payload and result are too large for a container's environment."""
    return data


@dataclass(frozen=True)
class Raises:
    """The expectation that a task ends with an exception in whose text `pattern` is found."""

    pattern: str


@dataclass
class Outcome:
    """What an experiment has shown: counts, and which promises they break."""

    name: str
    seed: int = 1
    tasks: int = 0
    seconds: float = 0.0
    #: tasks without a result
    lost: int = 0
    #: tasks with another result than theirs
    wrong: int = 0
    #: containers beyond the first of a task
    doubled: int = 0
    created: int = 0
    deleted: int = 0
    #: instances and objects still there at the end
    instances_left: int = 0
    objects_left: int = 0
    kills: int = 0
    #: requests of the daemon to OCI
    requests: int = 0
    #: the most of them that one bucket let through within a second
    busiest: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    #: anything else worth a look, by name
    figures: dict[str, Any] = field(default_factory=dict)
    #: why tasks were lost, the first few
    errors: list[str] = field(default_factory=list)
    #: what the experiment expected beyond the counts, and did not see
    missed: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)

    def expect(self, is_so: bool, what: str) -> None:
        """Notes what should have been; a run that proves nothing must not look like one that went well."""
        if not is_so:
            self.missed.append(what)

    @property
    def broken(self) -> list[str]:
        """The promises that were not kept, in words; none if all is well."""
        counts = {
            "tasks have no result": self.lost,
            "tasks have a wrong result": self.wrong,
            "containers ran a task again": self.doubled,
            "instances are left": self.instances_left,
            "objects are left": self.objects_left,
        }
        return [f"{count} {what}" for what, count in counts.items() if count] + self.missed

    def tidy(self) -> None:
        """Deletes the logs of a run that went well."""
        if not self.broken:
            for log in self.logs:
                shutil.rmtree(log, ignore_errors=True)

    @staticmethod
    def merged(name: str, parts: list[Outcome], seconds: float) -> Outcome:
        """What experiments that ran side by side have shown together."""
        total = Outcome(name, parts[0].seed, seconds=seconds)
        for field_name in ("tasks", "lost", "wrong", "doubled", "created", "deleted", "kills", "requests"):
            setattr(total, field_name, sum(getattr(part, field_name) for part in parts))
        for part in parts:
            total.instances_left += part.instances_left
            total.objects_left += part.objects_left
            total.faults += part.faults
            total.figures |= part.figures
            total.errors += part.errors
            total.missed += part.missed
            total.logs += part.logs
        return total

    def __str__(self) -> str:
        verdict = "; ".join(self.broken) or "every promise kept"
        text = (
            f"{self.name} (seed {self.seed}): {self.tasks} tasks in {self.seconds:.0f} s, {self.kills} kills: {verdict}"
        )
        details = [f"  {name}: {value}" for name, value in {**self.faults, **self.figures}.items()]
        logs = [f"  logs: {log}" for log in self.logs] if self.broken else []
        return "\n".join([text, *details, *(f"  error: {error}" for error in self.errors), *logs])


class Experiment:
    """A cluster, tasks, and the count of what became of them."""

    def __init__(self, name: str, seed: int = 1, **options: Any) -> None:
        self.outcome = Outcome(name, seed)
        self.random = random.Random(seed)
        options.setdefault("emulator", [])
        options["emulator"] = [
            *("--fast", "--runtime", "pool", "--fault-seed", str(seed), "--listing-lag-seconds", LISTING_LAG),
            *options["emulator"],
        ]
        options["scheduler"] = ["--worker-timeout-seconds", WORKER_TIMEOUT, *options.get("scheduler", [])]
        self.cluster = Cluster(Options(backend=BACKEND, **options))
        self.outcome.logs.append(str(self.cluster.directory))
        self._expected: list[tuple[Any, Any]] = []
        #: instances and objects of others, which are to be there at the end
        self.strangers = (0, 0)
        #: the local OCI's report at the end
        self.cluster_report: dict[str, Any] = {}

    @contextmanager
    def running(self) -> Iterator[Experiment]:
        """The experiment itself; at the end of it the tasks are awaited and counted."""
        with self.cluster:
            self.connect()
            began = time.monotonic()
            try:
                yield self
                self.settle()
            finally:
                self.outcome.seconds = time.monotonic() - began
                self.client.disconnect()

    def connect(self) -> None:
        """Connects a client, which is the experiment's from now on."""
        self.client = connect(self.cluster)

    def submit(self, function: Callable[..., Any], *arguments: Any, expected: Any) -> Any:
        future = self.client.submit(function, *arguments)
        self._expected.append((future, expected))
        return future

    def submit_work(self, count: int, seconds: float = 0.0) -> list[Any]:
        """Tasks with numbers of their own, after all that were submitted before."""
        start = len(self._expected)
        return [self.submit(work, n, seconds, expected=n * n + 1) for n in range(start, start + count)]

    @property
    def done_count(self) -> int:
        return sum(future.done() for future, _ in self._expected)

    @property
    def is_done(self) -> bool:
        return self.done_count == len(self._expected)

    def await_all(self, seconds: float = 3600) -> None:
        """Waits until every task has ended, well or not.

        One after the other: `concurrent.futures.wait` returns too early where some have ended before the call. Scaler
        fetches their results only then, and each counts for one of those that still run.
        """
        deadline = time.monotonic() + seconds
        for future, _ in self._expected:
            with suppress(Exception):
                future.exception(timeout=max(0.0, deadline - time.monotonic()))

    def restart_daemon(self, *arguments: str) -> None:
        """Kills the daemon and starts another, which may take its time to be heard by the scheduler."""
        self.cluster.kill_daemon()
        self.outcome.kills += 1
        self.cluster.start_daemon(*arguments)

    def settle(self, seconds: float = 600) -> None:
        """Waits for every task, then for an empty cloud, and counts."""
        outcome, deadline = self.outcome, time.monotonic() + seconds
        for future, expected in self._expected:
            try:
                value = future.result(timeout=max(1.0, deadline - time.monotonic()))
                outcome.wrong += value != expected
            except Exception as error:  # noqa: BLE001 - a task's exception can be anything
                if isinstance(expected, Raises) and re.search(expected.pattern, str(error), re.DOTALL):
                    continue
                outcome.lost += 1
                if len(outcome.errors) < 5:
                    outcome.errors.append(f"{type(error).__name__}: {error}"[:500])
        outcome.tasks = len(self._expected)
        try:
            report = self.cluster.await_nothing_left(60, self.strangers)
        except StartError:
            report = self.cluster.report()
        self.cluster_report = report
        instances, objects = self.strangers
        outcome.instances_left = report["instances"]["left"] - instances
        outcome.objects_left = report["objects"]["left"] - objects
        outcome.created, outcome.deleted = report["instances"]["created"] - instances, report["instances"]["deleted"]
        outcome.doubled = sum(count - 1 for count in report["tasks"]["ran_more_than_once"].values())
        outcome.requests = report["requests"]["by_caller"].get("user", 0)
        for name, count in report["faults"].items():
            outcome.faults[name.partition(" ")[2]] += count

    def await_report(self, condition: Callable[[dict[str, Any]], Any], seconds: float, what: str) -> Any:
        """Waits until the local OCI's report satisfies `condition`."""
        return await_that(lambda: condition(self.cluster.report()), seconds, what)


def log_lines(directory: Path | str, pattern: str) -> list[str]:
    """Lines of all daemons' logs that hold `pattern`."""
    logs = sorted(Path(directory).glob("daemon*.log"))
    return [line for log in logs for line in log.read_text(errors="replace").splitlines() if pattern in line]

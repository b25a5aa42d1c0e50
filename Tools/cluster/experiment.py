# SPDX-License-Identifier: Apache-2.0
"""What the experiments on reliability share: tasks that are counted, and a verdict that is made of counts alone."""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """The expectation that a task ends with an exception whose text holds `words`."""

    words: str


@dataclass
class Outcome:
    """What an experiment has shown."""

    name: str
    tasks: int = 0
    seconds: float = 0.0
    #: tasks without a result
    lost: int = 0
    #: tasks with another result than theirs
    wrong: int = 0
    #: containers beyond the first of a task
    doubled: int = 0
    #: instances and objects still there at the end
    leaked: int = 0
    instances: int = 0
    kills: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    #: anything else worth a look, by name
    figures: dict[str, Any] = field(default_factory=dict)
    #: why tasks were lost, the first few
    errors: list[str] = field(default_factory=list)
    logs: str = ""

    @property
    def is_good(self) -> bool:
        return self.lost == self.wrong == self.doubled == self.leaked == 0

    def __str__(self) -> str:
        counts = f"lost {self.lost}, wrong {self.wrong}, doubled {self.doubled}, leaked {self.leaked}"
        faults = sum(self.faults.values())
        text = f"{self.name}: {self.tasks} tasks in {self.seconds:.0f} s, {self.kills} kills, {faults} faults; {counts}"
        details = [f"  {name}: {value}" for name, value in {**self.faults, **self.figures}.items()]
        return "\n".join([text, *details, *(f"  error: {error}" for error in self.errors)])


class Experiment:
    """A cluster, tasks, and the count of what became of them."""

    def __init__(self, name: str, seed: int = 1, **options: Any) -> None:
        self.outcome = Outcome(name)
        self.random = random.Random(seed)
        options.setdefault("emulator", ["--fast", "--runtime", "pool"])
        options["scheduler"] = ["--worker-timeout-seconds", WORKER_TIMEOUT, *options.get("scheduler", [])]
        self.cluster = Cluster(Options(backend=BACKEND, **options))
        self.outcome.logs = str(self.cluster.directory)
        self._expected: list[tuple[Any, Any]] = []
        #: the local OCI's report at the end
        self.cluster_report: dict[str, Any] = {}

    @contextmanager
    def running(self) -> Iterator[Experiment]:
        """The experiment itself; at the end of it the tasks are awaited and counted."""
        with self.cluster:
            self.client = connect(self.cluster)
            began = time.monotonic()
            try:
                yield self
                self.settle()
            finally:
                self.outcome.seconds = time.monotonic() - began
                self.client.disconnect()

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
                if isinstance(expected, Raises) and expected.words in str(error):
                    continue
                outcome.lost += 1
                if len(outcome.errors) < 5:
                    outcome.errors.append(f"{type(error).__name__}: {error}"[:500])
        outcome.tasks = len(self._expected)
        try:
            report = self.cluster.await_nothing_left(60)
        except StartError:
            report = self.cluster.report()
        self.cluster_report = report
        outcome.leaked = report["instances"]["left"] + report["objects"]["left"]
        outcome.instances = report["instances"]["created"]
        outcome.doubled = sum(count - 1 for count in report["tasks"]["ran_more_than_once"].values())
        outcome.figures["requests by the daemon"] = report["requests"]["by_caller"].get("user", 0)
        kinds: Counter[str] = Counter()
        for name, count in report["faults"].items():
            kinds[name.partition(" ")[2]] += count
        outcome.faults |= dict(kinds)

    def await_report(self, condition: Callable[[dict[str, Any]], Any], seconds: float, what: str) -> Any:
        """Waits until the local OCI's report satisfies `condition`."""
        return await_that(lambda: condition(self.cluster.report()), seconds, what)


def log_lines(directory: Path | str, pattern: str) -> list[str]:
    """Lines of all daemons' logs that hold `pattern`."""
    logs = sorted(Path(directory).glob("daemon*.log"))
    return [line for log in logs for line in log.read_text(errors="replace").splitlines() if pattern in line]

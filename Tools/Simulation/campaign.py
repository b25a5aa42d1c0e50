# SPDX-License-Identifier: Apache-2.0
"""Many runs on all cores, what they found, and their table."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from kept import Kept
from runs import Case, Failure, Result, hash_seed

#: One run of so many is made twice, and must be the same both times.
REPEATED = 20
#: So many failures are enough to look at.
FAILURES_MAX = 20


class Runner(Protocol):
    """What a campaign needs of `Simulator`."""

    def run(self, case: Case) -> Result: ...

    def run_elsewhere(self, case: Case) -> Result: ...


@dataclass
class Row:
    """What the runs of one profile come to."""

    runs: int = 0
    tasks: int = 0
    replies: int = 0
    simulated_seconds: float = 0
    cpu_seconds: float = 0
    events: int = 0
    failures: int = 0

    def add(self, result: Result) -> None:
        self.runs += 1
        self.tasks += result.tasks
        self.replies += result.replies
        self.simulated_seconds += result.simulated_seconds
        self.events += result.events or 0
        self.failures += result.failure is not None
        # Only what ended well says how many tasks it had.
        self.cpu_seconds += result.cpu_seconds if result.failure is None else 0

    def __add__(self, other: Row) -> Row:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Row(*(one + another for one, another in pairs))

    def cells(self, name: str) -> list[str]:
        speed = f"{self.tasks / self.cpu_seconds:,.0f}" if self.cpu_seconds else "-"
        return [
            name,
            f"{self.runs:,}",
            f"{self.tasks:,}",
            f"{self.replies:,}",
            duration(self.simulated_seconds),
            f"{self.events:,}",
            speed,
            str(self.failures or "-"),
        ]


HEAD = ["profile", "runs", "tasks", "replies", "simulated", "events", "tasks/CPU s", "failures"]


def duration(seconds: float) -> str:
    """Days, hours and minutes, the two largest of them."""
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def table(rows: list[list[str]], left: tuple[int, ...] = (0,)) -> list[str]:
    """Lines in columns: those of words are named by `left`, the others are of numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(_cell(text, widths[at], at in left) for at, text in enumerate(row)).rstrip() for row in rows]


def _cell(text: str, width: int, is_left: bool) -> str:
    return text.ljust(width) if is_left else text.rjust(width)


@dataclass
class Work:
    """A case that is to be run."""

    case: Case
    is_repeated: bool = False
    #: What a kept seed found once.
    found: str | None = None


def work(kept: list[Kept], profiles: list[str], base_seed: int, tasks: int | None) -> Iterator[Work]:
    """The kept seeds, then new ones for ever: each has the next profile."""
    for one in kept:
        yield Work(one.case, found=one.found)
    for number in itertools.count():
        # The first in any case, and no profile more often than another.
        is_repeated = number == 0 or hash_seed(number) % REPEATED == 0
        yield Work(Case.of(profiles[number % len(profiles)], base_seed + number, tasks), is_repeated)


@dataclass
class Campaign:
    """Runs work on all cores until the time is up or enough has failed."""

    runner: Runner
    #: Told of each failure at once; the flag says whether it is the first of its kind.
    show: Callable[[Work, Result, bool], None]
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    rows: dict[str, Row] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    #: How often the daemon logged what.
    marks: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    repeated: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, works: Iterator[Work], deadline: float) -> None:
        """Ends by the monotonic clock at `deadline`, and what still runs then is waited for; kept seeds are all run."""
        with ThreadPoolExecutor(self.cores) as pool:
            running: dict[Future[Result], Work] = {}
            while True:
                while len(running) < self.cores and (one := self._next(works, deadline)) is not None:
                    running[pool.submit(self._result, one)] = one
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(running.pop(future), future.result())

    @property
    def total(self) -> Row:
        return sum(self.rows.values(), Row())

    def lines(self) -> list[str]:
        rows = [row.cells(name) for name, row in self.rows.items()]
        return table([HEAD, *rows, self.total.cells("all")])

    def _next(self, works: Iterator[Work], deadline: float) -> Work | None:
        one = None if self.stopped.is_set() else next(works, None)
        if one is None or (one.found is None and time.monotonic() >= deadline):
            self.stopped.set()
            return None
        return one

    def _result(self, one: Work) -> Result:
        result = self.runner.run(one.case)
        if not one.is_repeated or result.failure is not None:
            return result
        again = self.runner.run_elsewhere(one.case)
        return result if again.fingerprint == result.fingerprint else differing(result, again)

    def _take(self, one: Work, result: Result) -> None:
        self.rows.setdefault(one.case.profile, Row()).add(result)
        self.repeated += one.is_repeated
        self.marks.update(dict(result.marks))
        if result.failure is None:
            return
        self.failures += 1
        kind = f"{one.case.profile}: {result.failure.kind}"
        self.show(one, result, kind not in self.kinds)
        self.kinds.add(kind)
        if self.failures >= FAILURES_MAX:
            self.stopped.set()


#: The judge of a run that was not the same the second time.
REPEATS = "determinism"


def differing(result: Result, again: Result) -> Result:
    """The failure of a run that was another one in another process."""
    events, hash_, failure = again.fingerprint
    other = f"{events} events, hash {hash_}{', ' if failure else ''}{failure}"
    text = f"{result.events} events, hash {result.hash}; in another process {other}"
    return Result(result.case, Failure(REPEATS, text), result.events, result.hash)


def first_difference(one: Iterator[str], other: Iterator[str], before: int = 10) -> list[str]:
    """The first lines in which two traces differ, behind those that come before; empty if there is none."""
    past: list[str] = []
    for first, second in itertools.zip_longest(one, other):
        # The last line of a run has its CPU time.
        if first != second and not (first and second and " cpu " in first and " cpu " in second):
            return [*past, f"- {first or '(the end)'}", f"+ {second or '(the end)'}"]
        past = [*past, f"  {first}"][-before:]
    return []

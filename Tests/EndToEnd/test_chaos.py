# SPDX-License-Identifier: Apache-2.0
"""The promise under faults, in short: every task one right reply, nothing twice, nothing left. `Tools/chaos` has more.

Nearly all of an experiment is waiting, so they all run side by side, each with a cluster of its own, and each test
waits for its own.
"""

from __future__ import annotations

import random
import sys
import time
import unittest
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import cloudpickle
from stage import StageTestCase
from support import BACKEND, await_that  # puts the cluster tools on the path

import soak
from chaos import choices

for module in (sys.modules[__name__], soak):
    cloudpickle.register_pickle_by_value(module)

#: Printed with each failure; `Tools/chaos NAME --short --seed SEED` is the same run again.
SEED = random.SystemRandom().randrange(1 << 16)
#: The longest first, so that they do not run alone at the end.
NAMES = (
    "stuck-deleting", "crash-matrix", "frozen-storage", "capacity", "refusals", "random-crash", "slow-storage",
    "many-leave", "outages", "lanes", "deleted-visible", "unread-log", "lost-credentials", "moved", "time-limits",
    "neighbours", "full-disk", "descriptors", "storm-20",
    "storm-50", "storm-5", "swallowed-tasks", "swallowed-answers", "broken-lines", "isolation", "lost-answers",
    "adoption", "second-signal", "leaving",
)  # fmt: skip
WIDTH = 5
SOAK_MINUTES = 0.4
outcomes: dict[str, Future[Any]] = {}
pool = ThreadPoolExecutor(WIDTH)


def setUpModule() -> None:
    known = choices()
    for name in NAMES:
        # What the daemon asks of OCI is the same over either transport.
        if BACKEND == "zmq" or known[name].is_on_wire:
            outcomes[name] = pool.submit(known[name].short, SEED)
    if BACKEND == "zmq":
        outcomes["soak"] = pool.submit(soak.soak, SOAK_MINUTES, SEED, 6)


def tearDownModule() -> None:
    pool.shutdown(cancel_futures=True)


class Promises(unittest.TestCase):
    """One test for each experiment, made below."""

    def keep(self, name: str) -> None:
        if name not in outcomes:
            self.skipTest("the same over either transport")
        outcome = outcomes[name].result(timeout=300)
        print(f"\n{outcome}", file=sys.stderr)
        self.assertEqual(outcome.broken, [], f"{outcome}\nTools/chaos {name} --short --seed {SEED} repeats it")
        outcome.tidy()


    def test_soak(self) -> None:
        if "soak" not in outcomes:
            self.skipTest("the same over either transport")
        lines, broken = outcomes["soak"].result(timeout=400)
        print("\n" + "\n".join(lines), file=sys.stderr)
        # In so short a time nothing can be said of slopes, but of what is kept with nothing to do.
        self.assertEqual([text for text in broken if not text.startswith(("grows", "logs"))], [], f"seed {SEED}")


def promise(name: str):
    def test(self: Promises) -> None:
        self.keep(name)

    test.__name__ = f"test_{name.replace('-', '_')}"
    return test


for name in NAMES:
    setattr(Promises, f"test_{name.replace('-', '_')}", promise(name))


def square(number):
    return number * number


@unittest.skipIf(BACKEND == "ymq", "the same over either transport")
class Lock(StageTestCase):
    """While no place has room the scheduler is told so, and the task waits."""

    options = {"emulator": ["--fast", "--runtime", "pool"]}

    def locks_since(self, start: float) -> set[bool]:
        return {beat.message.taskLock for beat in self.stage.all("WorkerHeartbeat") if beat.at > start}

    def test_a_worker_is_locked_while_its_task_waits_for_room(self):
        self.assertEqual(self.locks_since(0), {False})
        self.cluster.set_faults("CreateContainerInstance limit by=user")
        task = self.stage.task(square, 7)
        self.stage.submit(task)
        self.cluster.daemon.await_output("the cloud has no room")
        start = time.monotonic()
        await_that(lambda: self.locks_since(start) == {True}, 10, "a lock")
        self.assertEqual(self.stage.all("TaskResult"), [])
        self.cluster.set_faults()
        # The place is probed after five seconds.
        self.assertEqual(self.stage.result_of(task), 49)
        start = time.monotonic()
        await_that(lambda: self.locks_since(start) == {False}, 10, "the end of the lock")

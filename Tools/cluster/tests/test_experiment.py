# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
import threading
import unittest
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiment import Experiment


class Waiters(list[Any]):
    """Whoever waits for a future; the first one makes its result be fetched."""

    def __init__(self, fetch: Callable[[], None]) -> None:
        self.fetch = fetch

    def append(self, waiter: Any) -> None:
        super().append(waiter)
        self.fetch()


class Unfetched(Future):  # type: ignore[type-arg]
    """A future as Scaler has them: it has ended, and its result comes when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self._state = "FINISHED"
        self._waiters = Waiters(self.fetch)

    def fetch(self) -> None:
        for waiter in self._waiters:
            waiter.add_result(self)


class AwaitAllTests(unittest.TestCase):
    def test_a_result_that_is_fetched_late_does_not_stand_for_a_task_that_still_runs(self):
        experiment = Experiment("a name", 1)
        running: Future[int] = Future()
        experiment._expected = [(Unfetched(), None), (running, 1)]
        timer = threading.Timer(0.2, running.set_result, [1])
        timer.start()
        self.addCleanup(timer.join)
        experiment.await_all(60)
        self.assertTrue(running.done())

    def test_a_task_that_does_not_end_is_given_up_in_time(self):
        experiment = Experiment("a name", 1)
        experiment._expected = [(Future(), 1)]
        experiment.await_all(0.01)
        self.assertFalse(experiment.is_done)


if __name__ == "__main__":
    unittest.main()

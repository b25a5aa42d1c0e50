# SPDX-License-Identifier: Apache-2.0
"""A scheduler that sends a worker far more tasks than its queue holds: the worker leaves, and no task is lost."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import cloudpickle
from kinds import KindTestCase, kind
from support import Cluster, await_that

cloudpickle.register_pickle_by_value(sys.modules[__name__])

#: More than twice a queue of 1 and 64.
TASKS = 150


def double(number):
    return 2 * number


class FloodingCluster(Cluster):
    def _scaler(self, name, program, *arguments):
        if program != "scaler_scheduler":
            return super()._scaler(name, program, *arguments)
        command = [sys.executable, str(Path(__file__).with_name("flooding_scheduler.py")), *arguments]
        return self._started(name, command, {"SCALER_NETWORK_BACKEND": self.options.backend})


class Flood(KindTestCase):
    cluster_type = FloodingCluster
    options = {"daemon": ["--per-worker-task-queue-size", "1", "--base-concurrency", "50"]}

    @kind("poison from the scheduler")
    def test_a_worker_that_is_flooded_leaves_and_every_task_has_one_reply(self):
        client = self.client()
        # The first task makes the scheduler want a worker, the one that it is wrong about.
        self.assertEqual(client.submit(double, 0).result(timeout=60), 0)
        futures = [client.submit(double, number) for number in range(TASKS)]
        await_that(lambda: "far more tasks" in self.cluster.daemon.output(), 60, "the worker to leave")
        self.assertEqual([future.result(timeout=150) for future in futures], [2 * number for number in range(TASKS)])
        assert self.cluster.scheduler is not None
        self.cluster.scheduler.check_alive()
        self.assertEqual(self.cluster.doubled_count(), 0)
        # What the worker answered just before it left is confirmed by nobody: those results wait for the grace time.
        await_that(lambda: self.cluster.report()["instances"]["left"] == 0, 30, "the end of all instances")


if __name__ == "__main__":
    unittest.main()

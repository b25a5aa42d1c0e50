# SPDX-License-Identifier: Apache-2.0
"""A scheduler that sends what the next releases may send: messages and fields that are not known."""

from __future__ import annotations

import re
import sys
import time
import unittest
from pathlib import Path

import cloudpickle
from coming_scheduler import NEW_TAGS, WORKER_MANAGER_SHUTDOWN, WORKER_SHUTDOWN
from support import Cluster, ClusterTestCase

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def double(number):
    return 2 * number


def double_slowly(number):
    time.sleep(3)
    return 2 * number


class ComingCluster(Cluster):
    #: the number of the order that is sent behind the first task
    shutdown: int | str = ""

    def _scaler(self, name, program, *arguments):
        if program != "scaler_scheduler":
            return super()._scaler(name, program, *arguments)
        command = [sys.executable, str(Path(__file__).with_name("coming_scheduler.py")), *arguments]
        environment = {"SCALER_NETWORK_BACKEND": self.options.backend, "SCALER_TEST_SHUTDOWN": str(self.shutdown)}
        return self._started(name, command, environment)


class Coming(ClusterTestCase):
    cluster_type = ComingCluster

    def test_messages_that_are_not_known_are_told_once_each_and_tasks_run(self):
        client = self.client()
        futures = [client.submit(double, number) for number in range(5)]
        self.assertEqual([future.result(timeout=60) for future in futures], [0, 2, 4, 6, 8])
        output = self.cluster.daemon.output()
        for tag in NEW_TAGS:
            # Once by the manager and once by its worker, however often they come.
            told = len(re.findall(rf"kind that this release does not know is ignored.*tag={tag}\b", output))
            self.assertIn(told, (1, 2), output)
        self.cluster.await_nothing_left()


class WorkerShutdownCluster(ComingCluster):
    shutdown = WORKER_SHUTDOWN


class WorkerShutdown(ClusterTestCase):
    cluster_type = WorkerShutdownCluster

    def test_a_worker_finishes_its_task_and_leaves_and_another_goes_on(self):
        client = self.client()
        self.assertEqual(client.submit(double_slowly, 1).result(timeout=60), 2)
        daemon = self.cluster.daemon
        workers = re.findall(r"told to shut down; finishing its tasks first.*worker=(\S+)", daemon.output())
        self.assertEqual(len(workers), 1, daemon.output())
        daemon.await_output(rf"worker ended.*reason=left.*worker={re.escape(workers[0])}", 30)
        self.assertEqual(client.submit(double, 2).result(timeout=60), 4)
        self.assertEqual(daemon.output().count("told to shut down"), 1)
        # What it had was finished, and not run again by the next.
        self.assertEqual(self.cluster.report()["instances"]["created"], 2)
        self.cluster.await_nothing_left()


class ManagerShutdownCluster(ComingCluster):
    shutdown = WORKER_MANAGER_SHUTDOWN


class ManagerShutdown(ClusterTestCase):
    cluster_type = ManagerShutdownCluster
    options = {"daemon": ["--exit-with-scheduler"]}

    def test_a_manager_finishes_its_tasks_and_ends(self):
        client = self.client()
        self.assertEqual(client.submit(double_slowly, 1).result(timeout=60), 2)
        daemon = self.cluster.daemon
        self.assertEqual(daemon.process.wait(60), 0, daemon.output())
        self.assertEqual(daemon.output().count("told to shut down; no worker starts"), 1)
        self.assertIn("the workers are gone", daemon.output())
        self.assertEqual(self.cluster.report()["instances"]["created"], 1)
        self.cluster.await_nothing_left()


if __name__ == "__main__":
    unittest.main()

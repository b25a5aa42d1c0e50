# SPDX-License-Identifier: Apache-2.0
"""A scheduler that sends what the next releases may send: messages and fields that are not known."""

from __future__ import annotations

import re
import sys
import unittest
from pathlib import Path

import cloudpickle
from coming_scheduler import NEW_TAGS
from support import Cluster, ClusterTestCase

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def double(number):
    return 2 * number


class ComingCluster(Cluster):
    def _scaler(self, name, program, *arguments):
        if program != "scaler_scheduler":
            return super()._scaler(name, program, *arguments)
        command = [sys.executable, str(Path(__file__).with_name("coming_scheduler.py")), *arguments]
        return self._started(name, command, {"SCALER_NETWORK_BACKEND": self.options.backend})


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


if __name__ == "__main__":
    unittest.main()

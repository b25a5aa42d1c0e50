# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: the cluster tools on the path, and one running cluster for each test class."""

from __future__ import annotations

import os
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tools" / "cluster"))

from cluster import Cluster, Options, connect
from processes import await_that

BACKEND = os.environ.get("SCALER_NETWORK_BACKEND", "zmq")


class ClusterTestCase(unittest.TestCase):
    """A test class with a whole cluster of its own; `options` says how it differs from the usual one."""

    maxDiff = 2000
    options: dict[str, Any] = {}
    cluster_type = Cluster
    cluster: Cluster

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Runs the test; where it fails, tells what the daemon and the scheduler said last."""
        assert result is not None
        before = failure_count(result)
        super().run(result)
        if failure_count(result) > before and hasattr(self, "cluster"):
            print(f"\n{self.cluster.last_words()}", file=sys.stderr, flush=True)
        return result

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = cls.cluster_type(Options(backend=BACKEND, **cls.options))
        # Of a start that fails, too, nothing is left running.
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()

    def client(self) -> Any:
        """A connected client that is disconnected at the end of the test."""
        client = connect(self.cluster)
        self.addCleanup(client.disconnect)
        return client


def failure_count(result: unittest.TestResult) -> int:
    return len(result.failures) + len(result.errors)


__all__ = ["BACKEND", "Cluster", "ClusterTestCase", "Options", "await_that", "connect", "failure_count"]

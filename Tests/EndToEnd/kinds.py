# SPDX-License-Identifier: Apache-2.0
"""What the tests of every kind of task share.

A test says with `@kind("...")` which line of the table in Compatibility.md it belongs to. Where `SCALER_KINDS_RECORD`
names a file, each outcome is noted there; `Tools/cluster/kinds_table.py` makes the table of it.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import sys
import unittest
from collections.abc import Callable
from typing import Any

import cloudpickle
from support import BACKEND, Cluster, ClusterTestCase, Options, await_that, connect, failure_count

#: The release of Scaler that this process, its client, the scheduler and the containers use.
VERSION = tuple(int(part) for part in importlib.metadata.version("opengris-scaler").split(".")[:3])
#: Whether the scheduler is one that dies of what later ones only log (Compatibility.md).
IS_FIRST_GENERATION = VERSION < (2, 7, 0)

#: A test that waits for ever fails then; clients of some releases have waits without an end.
TEST_SECONDS = 180


def kind(name: str, seconds: int = TEST_SECONDS) -> Callable[[Any], Any]:
    """Names the line of the table that a test counts for, and how long the test may take."""

    def mark(test: Any) -> Any:
        test.kind, test.seconds = name, seconds
        return test

    return mark


class KindTestCase(ClusterTestCase):
    """Tests whose outcomes make the table, each within its time; waiting clients are let go before their scheduler."""

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        assert result is not None
        before = failure_count(result)
        skipped = len(result.skipped)
        method = getattr(self, self._testMethodName)
        previous = signal.signal(signal.SIGALRM, self._out_of_time)
        signal.alarm(getattr(method, "seconds", TEST_SECONDS))
        try:
            super().run(result)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
        name = getattr(method, "kind", None)
        if name is not None and len(result.skipped) == skipped:
            note(name, self.id(), failure_count(result) == before)
        return result

    def client(self, cluster: Cluster | None = None, **arguments: Any) -> Any:
        """A connected client that is disconnected at the end of the test."""
        client = connect(cluster or self.cluster, **arguments)
        self.addCleanup(client.disconnect)
        return client

    def await_instances(self, count: int, cluster: Cluster | None = None, seconds: float = 30) -> None:
        """Waits until so many instances were created in the cluster's life."""
        where = cluster or self.cluster
        await_that(lambda: where.report()["instances"]["created"] >= count, seconds, f"{count} instances")

    @property
    def created_count(self) -> int:
        return self.cluster.report()["instances"]["created"]

    def _out_of_time(self, *_: object) -> None:
        raise TimeoutError(f"{self.id()} did not end in its time")


def note(name: str, test: str, passed: bool) -> None:
    """Adds one outcome to the record, if one is kept."""
    record = os.environ.get("SCALER_KINDS_RECORD")
    if not record:
        return
    version = ".".join(map(str, VERSION))
    line = {"kind": name, "test": test, "version": version, "backend": BACKEND, "passed": passed}
    with open(record, "a") as out:
        out.write(json.dumps(line) + "\n")


def travels(module: str) -> None:
    """Sends a test module's functions with their code, as a script's own do: no image holds it."""
    cloudpickle.register_pickle_by_value(sys.modules[module])


__all__ = ["BACKEND", "IS_FIRST_GENERATION", "VERSION", "Cluster", "KindTestCase", "Options", "await_that"]
__all__ += ["connect", "kind", "travels"]

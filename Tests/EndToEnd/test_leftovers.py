# SPDX-License-Identifier: Apache-2.0
"""What a killed daemon left, while the scheduler has other tasks for the next one first."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Sequence
from pathlib import Path

import cloudpickle
from stage import StagedCluster
from support import BACKEND, Options, await_that

cloudpickle.register_pickle_by_value(sys.modules[__name__])

INSTANCES = "/20210415/containerInstances"


def wait_for(gate, value):
    """A task that ends when somebody makes a file."""
    import os
    import time

    while not os.path.exists(gate):
        time.sleep(0.02)
    return value


@unittest.skipIf(BACKEND == "ymq", "the same over either transport")
class Leftovers(unittest.TestCase):
    def start(self, slots: int, more: Sequence[str] = ()) -> None:
        emulator = ["--fast", "--runtime", "pool"]
        options = Options(backend=BACKEND, daemon=["--base-concurrency", str(slots), *more], emulator=emulator)
        self.cluster = StagedCluster(options)
        self.addCleanup(self.cluster.stop)
        self.cluster.start()
        self.stage = self.cluster.stage
        self.gates = Path(self.cluster.directory)

    def gated(self, name: str):
        return self.stage.task(wait_for, str(self.gates / name), name)

    def open(self, *names: str) -> None:
        for name in names:
            (self.gates / name).touch()

    def instances(self, key: str) -> int:
        return self.cluster.report()["instances"][key]

    def listings(self) -> int:
        return self.cluster.report()["requests"]["by_operation"]["ListObjects"]

    def new_daemon(self) -> bytes:
        """The next process; its worker."""
        before = set(self.stage.workers())
        self.cluster.start_daemon()
        return await_that(lambda: [one for one in self.stage.workers() if one not in before], 30, "a worker")[-1]

    def assert_each_ran_once(self) -> None:
        self.assertEqual(self.cluster.await_nothing_left()["tasks"]["ran_more_than_once"], {})

    def test_a_result_is_kept_for_a_task_that_waits_for_its_turn(self):
        self.start(slots=1)
        old, other = self.gated("old"), self.gated("other")
        # A result that is stored and not seen, of an instance that is gone.
        self.cluster.set_faults("ListObjects 503 by=user", "DeleteContainerInstance 503 by=user")
        self.stage.submit(old)
        self.open("old")
        await_that(lambda: self.cluster.report()["objects"]["left"] == 1, 30, "the result")
        self.cluster.kill_daemon()
        self.cluster.set_faults()
        cloud = self.cluster.cloud_client()
        self.addCleanup(cloud.connection.close)
        shown = cloud.call("GET", f"{INSTANCES}?compartmentId={self.cluster.environment['OCI_COMPARTMENT_ID']}")
        for instance in shown.json["items"]:
            cloud.call("DELETE", f"{INSTANCES}/{instance['id']}")
        await_that(lambda: self.instances("left") == 0, 30, "the instance to go")

        worker = self.new_daemon()
        self.stage.submit(other, worker)
        await_that(lambda: self.instances("created") == 2, 30, "the other task's instance")
        self.stage.submit(old, worker)
        listings = self.listings()
        await_that(lambda: self.listings() > listings + 2, 30, "listings while it waits")
        self.open("other")
        self.assertEqual(self.stage.result_of(old), "old")
        self.assertEqual(self.stage.result_of(other), "other")
        self.assertEqual(self.instances("created"), 2)
        self.assert_each_ran_once()

    def test_never_more_instances_than_slots_although_new_tasks_come_first(self):
        self.start(slots=2)
        old = [self.gated("old 1"), self.gated("old 2")]
        for task in old:
            self.stage.submit(task)
        await_that(lambda: self.instances("created") == 2, 30, "their instances")
        self.cluster.kill_daemon()
        worker = self.new_daemon()
        new = [self.gated("new 1"), self.gated("new 2")]
        for task in new + old:
            self.stage.submit(task, worker)
        self.cluster.daemon.await_output("adopted what was left of a task", count=2)
        self.open("old 1", "old 2", "new 1", "new 2")
        for task, name in zip(old + new, ("old 1", "old 2", "new 1", "new 2"), strict=True):
            self.assertEqual(self.stage.result_of(task), name)
        self.assertEqual(self.instances("most_at_once"), 2)
        self.assert_each_ran_once()

    def test_a_result_outlasts_an_outage_that_is_longer_than_the_job_may_take(self):
        self.start(slots=1, more=["--job-timeout-seconds", "5"])
        task = self.gated("slow cloud")
        self.stage.submit(task)
        await_that(lambda: self.instances("created") == 1, 30, "its instance")
        self.cluster.set_faults("GetObject 503 by=user for=9")
        self.open("slow cloud")
        self.assertEqual(self.stage.result_of(task), "slow cloud")
        self.assertGreater(self.cluster.report()["faults"]["GetObject 503"], 1)
        self.assert_each_ran_once()


if __name__ == "__main__":
    unittest.main()

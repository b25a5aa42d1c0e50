# SPDX-License-Identifier: Apache-2.0
"""A task that tries to answer for another one, with all that its container knows and the other task's id."""

from __future__ import annotations

import os
import signal
import tempfile
import time
import unittest
from pathlib import Path

from kinds import await_that, kind, travels
from stage import StageTestCase

travels(__name__)


def wait_for(gate, value):
    """The victim: runs until the gate is there."""
    while not os.path.exists(gate):
        time.sleep(0.05)
    return value


def echo(value):
    return value


def attack(victim):
    """Stores a forged result and payload of `victim` under every name that can be guessed here, and tries to list.

    Returns the names that could be written, and the status of each listing.
    """
    import cloudpickle

    import oci_object_storage

    environment = os.environ
    bucket = oci_object_storage.Bucket.from_environment(environment)
    told, own = environment["OCI_PREFIX"], environment["TASK_ID"]
    folder = told.split("/results/")[0]
    nonce = told.rsplit("/", 1)[1]
    forged = cloudpickle.dumps(b"SOH1R" + bytes(16) + cloudpickle.dumps("forged"))
    names = [
        f"{told}/results/{victim}.pkl",
        f"{folder}/results/{victim}.pkl",
        f"{folder}/results/{victim}/results/{victim}.pkl",
        f"{folder}/results/{'0' * 32}/results/{victim}.pkl",
        f"{told.replace(own, victim)}/results/{victim}.pkl",
        f"{folder}/inputs/{victim}.pkl",
        f"{folder}/inputs/{victim}.pkl.gz",
        f"{folder}/inputs/{nonce}/{victim}.pkl.gz",
        f"{folder}/kept/{victim}",
        f"{folder}/kept/{nonce}/{victim}",
        f"scaler-tasks/results/{victim}.pkl",
    ]
    for name in names:
        bucket.put(name, forged)
    listings = {}
    for query in ("", "?prefix=scaler-tasks/", f"?prefix={folder}/results/&fields=name", f"?prefix={told}/"):
        status, _, _ = bucket._exchange("GET", bucket.base.rstrip("/") + query, None, {})
        listings[query] = status
    return {"names": sorted(set(names)), "listings": listings, "result": f"{told}/results/{own}.pkl"}


class Forgery(StageTestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.gate = Path(directory.name) / "gate"

    def submit(self, task):
        # The newest worker: over ZeroMQ nothing tells that the one of a killed process is gone.
        self.stage.submit(task, await_that(self.stage.present, 60, "a worker")[-1])

    def attacked(self, victim):
        attacker = self.stage.task(attack, victim.task_id.hex())
        self.submit(attacker)
        return self.stage.result_of(attacker)

    def has_instance(self, task):
        return task.task_id.hex() in self.cluster.report()["tasks"]["ids"]

    def is_left(self, name):
        return any(left.endswith(name) for left in self.cluster.report()["objects"]["left_names"])

    def check(self, told):
        """Nothing could be listed, and what was stored in the form of a result is deleted."""
        self.assertEqual(set(told["listings"].values()), {404}, told["listings"])
        client = self.cluster.cloud_client()
        stored = {name for name in told["names"] if client.call("HEAD", client.object_path(name)).status == 200}
        formed = {name for name in stored if name.count("/results/") == 2}

        def gone():
            return all(client.call("HEAD", client.object_path(name)).status == 404 for name in formed)

        await_that(gone, 30, "the end of what was forged in the form of a result")
        # The rest goes when a process starts, or by the bucket's rule where it may be anybody's.
        for name in stored - formed:
            client.call("DELETE", client.object_path(name))
        client.connection.close()
        self.cluster.await_nothing_left()

    @kind("poison as a task's result")
    def test_a_running_task_is_answered_by_its_own_container_alone(self):
        victim = self.stage.task(wait_for, str(self.gate), "mine")
        self.submit(victim)
        await_that(lambda: self.has_instance(victim), 30, "the victim's instance")
        told = self.attacked(victim)
        self.assertEqual(self.stage.all("TaskResult", victim), [])
        self.gate.touch()
        self.assertEqual(self.stage.result_of(victim), "mine")
        self.check(told)

    @kind("poison as a task's result")
    def test_a_task_that_has_not_run_yet_is_run(self):
        victim = self.stage.task(echo, "x" * 200_000)
        told = self.attacked(victim)
        self.submit(victim)
        self.assertEqual(self.stage.result_of(victim), "x" * 200_000)
        self.check(told)

    @kind("poison as a task's result")
    def test_a_process_that_starts_anew_finds_the_genuine_result(self):
        """The next process computes the same names, and takes nothing that was forged for what an earlier one left."""
        victim = self.stage.task(wait_for, str(self.gate), "mine")
        self.submit(victim)
        await_that(lambda: self.has_instance(victim), 30, "the victim's instance")
        told = self.attacked(victim)
        # Until its answer is confirmed the attacker's own result stays for the next process.
        await_that(lambda: not self.is_left(told["result"]), 30, "the end of the attacker's result")
        self.cluster.daemon.stop(signal.SIGKILL)
        known = set(self.stage.workers())
        self.cluster.start_daemon()
        worker = await_that(lambda: [one for one in self.stage.present() if one not in known], 60, "a worker")[-1]
        before = self.cluster.report()["instances"]["created"]
        self.stage.submit(victim, worker)
        self.gate.touch()
        self.assertEqual(self.stage.result_of(victim), "mine")
        self.assertEqual(self.cluster.report()["instances"]["created"], before)
        self.check(told)


class FormerKey(StageTestCase):
    """The secret is another one when the next process starts."""

    options = {"daemon": ["--death-timeout-seconds", "5"]}

    @kind("poison as a task's result")
    def test_what_a_former_secret_named_is_cleaned_up_and_the_task_runs_again(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        secret, gate = Path(directory.name) / "secret", Path(directory.name) / "gate"
        secret.write_bytes(os.urandom(32))
        victim, forgotten = (self.stage.task(wait_for, str(gate), "x" * 200_000 + name) for name in ("a", "b"))
        for task in (victim, forgotten):
            self.stage.submit(task)
        await_that(lambda: self.cluster.report()["instances"]["created"] >= 2, 30, "two instances")
        self.cluster.daemon.stop(signal.SIGKILL)
        known = set(self.stage.workers())
        secret.chmod(0o644)
        self.cluster.start_daemon("--name-secret-file", str(secret))
        self.cluster.daemon.await_output(f"permissions on {secret} are too open")
        worker = await_that(lambda: [one for one in self.stage.present() if one not in known], 60, "a worker")[-1]
        self.stage.submit(victim, worker)
        gate.touch()
        self.assertEqual(self.stage.result_of(victim), "x" * 200_000 + "a")
        self.cluster.await_nothing_left(60)
        self.assertEqual(self.stage.all("TaskResult", forgotten), [])

    @kind("poison as a task's result")
    def test_a_secret_file_that_is_not_there_ends_the_start(self):
        first = self.cluster.daemon
        daemon = self.cluster.launch_daemon("--name-secret-file", "/nowhere/secret", "--owner-id", "another")
        self.cluster.daemon = first
        daemon.await_output("--name-secret-file: /nowhere/secret cannot be read")
        self.assertEqual(daemon.process.wait(30), 78)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""Schedulers, storages and clients that come and go; the daemon is started once and outlives them all."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

from kinds import IS_FIRST_GENERATION, KindTestCase, await_that, connect, kind, travels
from stage import StagedStorage, StageTestCase, square

from processes import Process

travels(__name__)

#: After so long without an answer the daemon takes a scheduler for gone.
DEATH_SECONDS = 3
#: Up to 2.6.0 a worker outlives a broken connection, since its leave could end the scheduler; so do its tasks.
ABANDONED_SECONDS = 6 if IS_FIRST_GENERATION else 600
#: Below the 60 s after which a scheduler takes back the tasks of a worker that is silent.
SERVED_WITHIN = 45


def rest(seconds, value=None):
    time.sleep(seconds)
    return value


def talk(seconds):
    for _ in range(seconds * 10):
        print("still here", flush=True)
        time.sleep(0.1)


def be_client(address):
    from scaler import Client

    client = Client(address=address, stream_output=True)
    for future in [client.submit(talk, ABANDONED_SECONDS) for _ in range(2)]:
        future.result()


class Schedulers(KindTestCase):
    """Real ones; each test leaves one that runs, and a daemon that was never started again."""

    options = {"daemon": ["--death-timeout-seconds", str(DEATH_SECONDS)]}

    @property
    def scheduler(self) -> Process:
        assert self.cluster.scheduler is not None
        return self.cluster.scheduler

    def assert_daemon_serves(self):
        """A client that is new runs a task, and nothing of any task is left."""
        client = self.client()
        self.assertEqual(client.submit(square, 7).result(timeout=SERVED_WITHIN), 49)
        self.cluster.await_nothing_left()

    @property
    def started_workers(self):
        return self.cluster.daemon.output().count("worker started")

    def have_tasks_running(self):
        """Tasks of a client that hears no more of them; what they print must not reach a scheduler that is new.

        The client has a process of its own, for in some releases one without its scheduler cannot be let go of.
        """
        before = self.created_count
        command = [sys.executable, "-c", f"import test_kind_life; test_kind_life.be_client({self.cluster.address!r})"]
        client = subprocess.Popen(
            command,
            cwd=Path(__file__).parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        self.await_instances(before + 2)

    @kind("the scheduler is started again")
    def test_at_the_same_address_while_tasks_run(self):
        self.have_tasks_running()
        self.scheduler.stop()
        self.cluster.start_scheduler()
        self.assert_daemon_serves()

    @kind("the scheduler is killed and comes back later")
    def test_later_than_the_death_timeout(self):
        self.have_tasks_running()
        self.scheduler.process.kill()
        self.scheduler.process.wait()
        known = self.started_workers
        # What ran goes once nobody can ask for it any more.
        self.cluster.await_nothing_left(DEATH_SECONDS + 30)
        self.assertEqual(self.started_workers, known, "workers without a scheduler")
        self.cluster.start_scheduler()
        self.assert_daemon_serves()

    @kind("the scheduler is killed and comes back later")
    def test_as_soon_as_its_worker_has_ended(self):
        # Heartbeats that wait for a connection must not register a worker that nobody is behind.
        if IS_FIRST_GENERATION:
            self.skipTest("in 2.5.0 the scheduler is a child of its process, and outlives its kill")
        self.have_tasks_running()
        ended = self.cluster.daemon.output().count("worker ended")
        self.scheduler.process.kill()
        self.scheduler.process.wait()
        self.cluster.daemon.await_output("worker ended", count=ended + 1)
        self.cluster.start_scheduler()
        self.assert_daemon_serves()

    @kind("scheduler and object storage are started again")
    def test_both_at_their_addresses(self):
        self.have_tasks_running()
        self.scheduler.stop()
        storage = self.cluster.storage
        assert storage is not None
        storage.process.kill()
        storage.process.wait()
        self.cluster.start_storage()
        self.cluster.start_scheduler()
        self.assert_daemon_serves()

    @kind("a client shuts the scheduler down")
    def test_everyones_tasks_are_gone_and_the_next_scheduler_is_served(self):
        self.have_tasks_running()
        before = self.created_count
        client = connect(self.cluster)
        futures = [client.submit(rest, 600) for _ in range(2)]
        self.await_instances(before + 2)
        client.shutdown()
        self.assertTrue(all(future.cancelled() for future in futures))
        self.scheduler.process.wait(30)
        start = time.monotonic()
        self.cluster.await_nothing_left()
        self.assertLess(time.monotonic() - start, DEATH_SECONDS, "they were kept for a scheduler that will not ask")
        self.cluster.start_scheduler()
        self.assert_daemon_serves()

    @kind("a client disconnects")
    def test_its_tasks_are_gone_and_the_others_go_on(self):
        before = self.created_count
        staying, leaving = self.client(), connect(self.cluster)
        kept = staying.submit(rest, 2, "kept")
        dropped = [leaving.submit(rest, 600) for _ in range(3)]
        self.await_instances(before + 4)
        leaving.disconnect()
        self.assertTrue(all(future.cancelled() for future in dropped))
        self.assertEqual(kept.result(timeout=60), "kept")
        self.cluster.await_nothing_left()


class Protected(KindTestCase):
    """A scheduler that no client can shut down, and two daemons that both want to be its manager."""

    options = {"scheduler": ["--protected"], "daemon": ["--heartbeat-interval-seconds", "0.5"]}

    @kind("a client cannot shut a protected scheduler down")
    def test_tasks_of_others_go_on(self):
        before = self.created_count
        staying, leaving = self.client(), connect(self.cluster)
        kept = staying.submit(rest, 2, "kept")
        self.await_instances(before + 1)
        with self.assertRaisesRegex(ValueError, "protected"):
            leaving.shutdown()
        self.assertEqual(kept.result(timeout=60), "kept")
        self.assertNotIn("shuts the scheduler down", self.cluster.daemon.output())

    @kind("two daemons of one worker_manager_id")
    def test_the_second_waits_says_why_and_takes_over(self):
        first = self.cluster.daemon
        second = self.cluster.launch_daemon("--owner-id", "another-host")
        second.await_output("is another manager of this id alive")
        self.assertNotIn("registered with the scheduler", second.output())
        client = self.client()
        self.assertEqual(client.submit(square, 3).result(timeout=60), 9)
        self.assertEqual(first.stop(), 0)
        second.await_output("registered with the scheduler")
        self.assertEqual(client.submit(square, 4).result(timeout=60), 16)
        self.cluster.await_nothing_left()


class NamedRelease(StageTestCase):
    """Where nothing on the wire tells the release, a flag does."""

    options = {"daemon": ["--scheduler-release", "2.5" if IS_FIRST_GENERATION else "2.7"]}

    @kind("the scheduler's release is named")
    def test_the_first_heartbeat_is_of_the_right_kind(self):
        kinds = {name for name in self.stage.heard if self.stage.all(name)}
        self.assertEqual(kinds, {"WorkerManagerHeartbeat", "WorkerHeartbeat"})
        self.assert_daemon_works()


class Staged(StageTestCase):
    """What no real scheduler can be made to do at a moment of one's choice."""

    COOLDOWN = 2
    INTERVAL = 0.5
    TASKS, PAYLOAD_BYTES = 200, 300_000
    options = {
        "daemon": [
            "--scale-down-cooldown-seconds", str(COOLDOWN), "--heartbeat-interval-seconds", str(INTERVAL),
            "--max-requests-per-second", "1000",
        ],
        "emulator": ["--fast", "--runtime", "pool"],
    }  # fmt: skip

    @kind("workers are added and taken away by command")
    def test_fewer_only_after_the_cooldown(self):
        self.stage.wanted_workers = 3
        await_that(lambda: len(self.stage.present()) == 3, 30, "three workers")
        self.stage.wanted_workers = 1
        start = time.monotonic()
        await_that(lambda: len(self.stage.present()) == 1, 30, "one worker")
        self.assertGreater(time.monotonic() - start, self.COOLDOWN)
        self.assert_daemon_works()

    @kind("workers are added and taken away by command")
    def test_a_wish_that_is_taken_back_costs_no_worker(self):
        self.stage.wanted_workers = 2
        await_that(lambda: len(self.stage.present()) == 2, 30, "two workers")
        known = self.stage.workers()
        for wanted in (1, 2, 1, 2):
            self.stage.wanted_workers = wanted
            self.hear_two_heartbeats()
        self.assertEqual(self.stage.workers(), known)
        self.assertEqual(self.stage.present()[-2:], known[-2:])
        self.stage.wanted_workers = 1
        await_that(lambda: len(self.stage.present()) == 1, 30, "one worker")

    def hear_two_heartbeats(self):
        """Until the manager has surely had a command."""
        heard = len(self.stage.all("WorkerManagerHeartbeat"))
        self.stage.await_one("WorkerManagerHeartbeat", count=heard + 2)

    @kind("object storage is started again in mid-run")
    def test_results_are_kept_for_it(self):
        before = self.created_count
        tasks = [self.stage.task(rest, 1, os.urandom(100_000)) for _ in range(5)]
        for task in tasks:
            self.stage.submit(task)
        self.await_instances(before + 5)
        port = self.stage.storage.port
        self.stage.storage.close()
        await_that(lambda: self.cluster.report()["objects"]["left"] >= 5, 30, "results")
        late = self.stage.task(square, 5)
        self.stage.submit(late)
        kept = self.stage.storage.objects
        self.stage.storage = StagedStorage(port=port)
        for name, data in kept.items():
            self.stage.storage.put(name, data)
        self.assertEqual([len(self.stage.result_of(task)) for task in tasks], [100_000] * 5)
        self.assertEqual(self.stage.result_of(late), 25)
        self.cluster.await_nothing_left()

    @kind("heartbeats are on time under load")
    def test_while_two_hundred_tasks_carry_large_payloads(self):
        first = self.stage.task(len, os.urandom(self.PAYLOAD_BYTES))
        tasks = [self.stage.task(len) for _ in range(self.TASKS)]
        began = time.monotonic()
        for task in tasks:
            task.function, task.arguments = first.function, first.arguments
            self.stage.submit(task)
        for task in tasks:
            self.assertEqual(self.stage.result_of(task), self.PAYLOAD_BYTES)
        for name in ("WorkerHeartbeat", "WorkerManagerHeartbeat"):
            beats = [began] + [said.at for said in self.stage.all(name) if said.at > began] + [time.monotonic()]
            longest = max(later - earlier for earlier, later in itertools.pairwise(beats))
            self.assertLess(longest, 6 * self.INTERVAL, name)
        self.cluster.await_nothing_left()


if __name__ == "__main__":
    unittest.main()

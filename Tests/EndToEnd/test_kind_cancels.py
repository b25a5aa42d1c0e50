# SPDX-License-Identifier: Apache-2.0
"""Cancels in every state of a task, forced or not: how they are answered, and that nothing is left.

The scheduler is a stage (stage.py): with a real one nobody can choose the moment.
"""

from __future__ import annotations

import itertools
import os
import time
import unittest

from kinds import KindTestCase, await_that, kind, travels
from stage import StageTestCase, square

travels(__name__)

FORCED, GENTLE = True, False


def rest(seconds, value=None):
    time.sleep(seconds)
    return value


class Cancels(StageTestCase):
    """One slot, so that the second task waits; each test leaves the daemon with nothing."""

    options = {"daemon": ["--base-concurrency", "1"]}

    def tearDown(self):
        self.cluster.await_nothing_left()
        self.assert_daemon_works()
        self.cluster.await_nothing_left()

    def running(self, seconds=600):
        """A task whose instance exists."""
        before = self.created_count
        task = self.stage.task(rest, seconds, "value")
        self.stage.submit(task)
        self.await_instances(before + 1)
        await_that(lambda: "instance created" in self.log_of(task), 30, "the create's answer")
        return task

    def log_of(self, task):
        lines = self.cluster.daemon.output().splitlines()
        return "\n".join(line for line in lines if task.task_id.hex() in line)

    @kind("cancel of an unknown task")
    def test_it_is_answered_not_found(self):
        task = self.stage.task(rest, 1)
        for forced in (FORCED, GENTLE):
            self.stage.cancel(task, forced)
        self.assertEqual(self.stage.confirm_of(task, count=2), "cancelNotFound")

    @kind("cancel of an answered task")
    def test_it_is_answered_not_found_and_the_result_stays(self):
        task = self.stage.task(rest, 0, "value")
        self.stage.submit(task)
        self.assertEqual(self.stage.result_of(task), "value")
        self.stage.cancel(task, FORCED)
        self.assertEqual(self.stage.confirm_of(task), "cancelNotFound")

    @kind("cancel of a queued task")
    def test_it_is_answered_canceled_whether_forced_or_not(self):
        blocker = self.running()
        waiting = [self.stage.task(rest, 600) for _ in (FORCED, GENTLE)]
        for task, forced in zip(waiting, (FORCED, GENTLE), strict=True):
            self.stage.submit(task)
            self.stage.cancel(task, forced)
            self.assertEqual(self.stage.confirm_of(task), "canceled")
        self.stage.cancel(blocker, FORCED)
        self.assertEqual(self.stage.confirm_of(blocker), "canceled")
        self.assertEqual([self.stage.all("TaskResult", task) for task in waiting], [[], []])

    @kind("cancel of a running task")
    def test_a_forced_one_stops_it_without_a_result(self):
        task = self.running()
        self.stage.cancel(task, FORCED)
        self.assertEqual(self.stage.confirm_of(task), "canceled")
        self.cluster.await_nothing_left()
        self.assertEqual(self.stage.all("TaskResult", task), [])

    @kind("cancel of a running task")
    def test_a_gentle_one_is_refused_and_the_result_comes(self):
        task = self.running(seconds=1)
        self.stage.cancel(task, GENTLE)
        self.assertEqual(self.stage.confirm_of(task), "cancelFailed")
        self.assertEqual(self.stage.result_of(task), "value")

    @kind("cancel of a running task")
    def test_a_second_one_finds_nothing(self):
        task = self.running()
        self.stage.cancel(task, FORCED)
        self.stage.cancel(task, FORCED)
        answers = [self.stage.confirm_of(task, count=1), self.stage.confirm_of(task, count=2)]
        self.assertEqual(answers[0], "canceled")
        self.assertIn(answers[1], ("cancelNotFound", "canceled"))

    @kind("cancel while inputs are read")
    def test_inputs_that_never_come_hold_no_cancel_up(self):
        for forced, answer in ((GENTLE, "cancelFailed"), (FORCED, "canceled")):
            task = self.stage.task(rest, 1)
            task.arguments.append(self.stage.object_id(b"never stored"))
            self.stage.submit(task)
            await_that(lambda task=task: task.arguments[-1] in self.stage.storage.gets, 30, "the get")
            self.stage.cancel(task, forced)
            self.assertEqual(self.stage.confirm_of(task), answer)
            if not forced:
                self.stage.cancel(task, FORCED)
                self.assertEqual(self.stage.confirm_of(task, count=2), "canceled")

    @kind("cancel while the result is handed over")
    def test_a_storage_that_is_silent_holds_no_cancel_up(self):
        sets = len(self.stage.storage.sets)
        self.stage.storage.holds_sets = True
        self.addCleanup(self.stage.storage.speak)
        task = self.running(seconds=0)
        await_that(lambda: len(self.stage.storage.sets) > sets, 30, "the set")
        self.stage.cancel(task, FORCED)
        self.assertEqual(self.stage.confirm_of(task), "canceled")
        self.cluster.await_nothing_left()
        self.assertEqual(self.stage.all("TaskResult", task), [])
        self.stage.storage.speak()

    @kind("cancelled, then sent again")
    def test_the_second_life_runs(self):
        task = self.running(seconds=1)
        self.stage.cancel(task, FORCED)
        self.assertEqual(self.stage.confirm_of(task), "canceled")
        self.stage.submit(task)
        self.assertEqual(self.stage.result_of(task), "value")
        self.assertEqual(len(self.stage.all("TaskResult", task)), 1)


class SlowCloud(StageTestCase):
    """What the cloud takes its time for is cancelled all the same, and what it then did is undone."""

    SECONDS = 8
    options = {
        "daemon": ["--base-concurrency", "4"],
        "emulator": [
            "--fast", "--fault", f"CreateContainerInstance delay seconds={SECONDS}",
            "--fault", f"GetObject delay seconds={SECONDS} by=user",
            "--fault", f"PutObject delay seconds={SECONDS} by=user",
        ],
    }  # fmt: skip

    def cancel(self, task):
        start = time.monotonic()
        self.stage.cancel(task, GENTLE)
        self.assertEqual(self.stage.confirm_of(task), "cancelFailed")
        self.stage.cancel(task, FORCED)
        self.assertEqual(self.stage.confirm_of(task, count=2), "canceled")
        self.assertLess(time.monotonic() - start, self.SECONDS / 2, "the cloud's answer was waited for")
        self.cluster.await_nothing_left(60)
        self.assertEqual(self.stage.all("TaskResult", task), [])

    def begun(self, *arguments):
        """A task whose inputs were read a moment ago."""
        task = self.stage.task(*arguments)
        self.stage.submit(task)
        await_that(lambda: task.function in self.stage.storage.gets, 30, "the get of the function")
        time.sleep(1)
        return task

    @kind("cancel while the payload is stored")
    def test_the_object_is_gone_too(self):
        self.cancel(self.begun(rest, 600, os.urandom(100_000)))
        self.assertEqual(self.created_count, self.deleted_count)

    @kind("cancel while the instance is created")
    def test_the_instance_is_gone_too(self):
        before = self.created_count
        self.cancel(self.begun(rest, 600))
        await_that(lambda: self.created_count > before, 30, "the create to end")
        await_that(lambda: self.created_count == self.deleted_count, 30, "the delete")

    @kind("cancel while the result is fetched")
    def test_the_result_is_gone_too(self):
        before = self.cluster.report()["requests"]["by_operation"].get("PutObject", 0)
        task = self.begun(rest, 0)
        await_that(
            lambda: self.cluster.report()["requests"]["by_operation"].get("PutObject", 0) > before, 60, "a result"
        )
        time.sleep(2)
        self.cancel(task)

    @property
    def deleted_count(self):
        return self.cluster.report()["instances"]["deleted"]


class Balance(StageTestCase):
    """The scheduler takes back what waits, thousands at once, while the daemon is full."""

    task_count = 5000
    # A worker takes no more than about twice its queue.
    options = {"daemon": ["--base-concurrency", "2", "--per-worker-task-queue-size", str(task_count)]}

    @kind("balance cancels among thousands of queued tasks")
    def test_each_is_answered_at_once_and_heartbeats_go_on(self):
        blockers = [self.stage.task(rest, 600) for _ in range(2)]
        for task in blockers:
            self.stage.submit(task)
        self.await_instances(2)
        shared = self.stage.task(square, 3)
        queued = [self.stage.task(square, 0) for _ in range(self.task_count)]
        for task in queued:
            task.function, task.arguments = shared.function, shared.arguments
            self.stage.submit(task)
        await_that(lambda: self.stage.all("WorkerHeartbeat")[-1].message.queuedTasks == self.task_count, 60, "all")
        start = time.monotonic()
        for task in queued[::2]:
            self.stage.cancel(task, GENTLE)
        self.stage.await_one("TaskCancelConfirm", seconds=60, count=self.task_count // 2)
        self.assertLess(time.monotonic() - start, 10)
        self.assertEqual(
            {said.message.cancelConfirmType.name for said in self.stage.all("TaskCancelConfirm")}, {"canceled"}
        )
        beats = [said.at for said in self.stage.all("WorkerHeartbeat")]
        self.assertLess(max(later - earlier for earlier, later in itertools.pairwise(beats)), 5)
        for task in (*queued[1::2], *blockers):
            self.stage.cancel(task, FORCED)
        self.stage.await_one("TaskCancelConfirm", seconds=60, count=self.task_count + 2)
        self.cluster.await_nothing_left()
        self.assertEqual(self.created_count, 2)


class ClientCancels(KindTestCase):
    """The same with a real client and scheduler."""

    options = {"daemon": ["--base-concurrency", "1"]}

    @kind("a client's cancel")
    def test_of_running_and_queued_tasks(self):
        client = self.client()
        before = self.created_count
        running, queued = client.submit(rest, 600), client.submit(rest, 600)
        self.await_instances(before + 1)
        self.assertTrue(queued.cancel(timeout=60))
        self.assertTrue(running.cancel(timeout=60))
        self.assertTrue(running.cancelled() and queued.cancelled())
        self.assertEqual(client.submit(square, 5).result(timeout=60), 25)
        self.cluster.await_nothing_left()

    @kind("a client's cancel")
    def test_disconnecting_cancels_what_is_left(self):
        client = self.client()
        futures = [client.submit(rest, 600) for _ in range(3)]
        self.await_instances(self.created_count)
        client.disconnect()
        self.assertTrue(all(future.cancelled() for future in futures))
        self.cluster.await_nothing_left()

    @kind("a client's cancel")
    def test_clear_cancels_and_the_client_goes_on(self):
        client = self.client()
        future = client.submit(rest, 600)
        client.clear()
        self.assertTrue(future.cancelled())
        self.assertEqual(client.submit(square, 5).result(timeout=60), 25)
        self.cluster.await_nothing_left()


if __name__ == "__main__":
    unittest.main()

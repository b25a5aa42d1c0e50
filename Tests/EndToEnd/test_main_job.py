# SPDX-License-Identifier: Apache-2.0
"""The main job with everything real but the cloud, and the cloud is the emulator with verified signatures."""

from __future__ import annotations

import os
import signal
import sys
import time
import unittest

import cloudpickle
from support import BACKEND, Cluster, ClusterTestCase, Options, await_that, connect

# The container's image does not hold this module; the functions travel with their code.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(number):
    return number * number


def length(data):
    return len(data)


def repeat(data, count):
    return data * count


def fail(text):
    raise KeyError(text)


def sleep_then(seconds, value):
    time.sleep(seconds)
    return value


def exit_hard():
    os._exit(3)


class MainJob(ClusterTestCase):
    def test_results_come_back_right_and_nothing_is_left(self):
        client = self.client()
        self.assertEqual(client.map(square, range(20)), [number * number for number in range(20)])
        report = self.cluster.await_nothing_left()
        self.assertEqual(report["tasks"]["ran_more_than_once"], {})
        self.assertEqual(report["instances"]["created"], report["instances"]["deleted"])

    def test_a_payload_too_large_for_the_environment_travels_as_an_object(self):
        client = self.client()
        data = os.urandom(3 << 20)
        self.assertEqual(client.submit(length, data).result(timeout=60), len(data))
        self.assertEqual(client.submit(repeat, data, 2).result(timeout=60), data + data)
        self.cluster.await_nothing_left()

    def test_an_exception_keeps_its_type_and_the_next_task_runs(self):
        client = self.client()
        with self.assertRaises(KeyError) as caught:
            client.submit(fail, "no such thing").result(timeout=60)
        self.assertEqual(caught.exception.args, ("no such thing",))
        self.assertEqual(client.submit(square, 3).result(timeout=60), 9)

    def test_a_task_that_ends_its_process_fails_with_a_reason(self):
        client = self.client()
        from scaler.utility.exceptions import ProcessorDiedError

        with self.assertRaisesRegex(ProcessorDiedError, "exit"):
            client.submit(exit_hard).result(timeout=60)
        self.cluster.await_nothing_left()

    def test_a_running_task_can_be_cancelled_and_its_instance_goes(self):
        client = self.client()
        before = self.cluster.report()["instances"]["created"]
        future = client.submit(sleep_then, 600, "never")
        self.await_instance(before)
        self.assertTrue(future.cancel(timeout=30))
        self.assertEqual(client.submit(square, 4).result(timeout=60), 16)
        self.cluster.await_nothing_left()

    def await_instance(self, before):
        await_that(lambda: self.cluster.report()["instances"]["created"] > before, 30, "an instance")


class Concurrency(ClusterTestCase):
    options = {"daemon": ["--base-concurrency", "3"]}

    def test_never_more_instances_than_slots(self):
        client = self.client()
        self.assertEqual(client.map(square, range(12)), [number * number for number in range(12)])
        self.assertLessEqual(self.cluster.await_nothing_left()["instances"]["most_at_once"], 3)


class ShortNames(ClusterTestCase):
    options = {"daemon": ["--availability-domain", "AD-2"]}

    def test_a_short_availability_domain_is_looked_up_as_the_documents_promise(self):
        self.cluster.daemon.await_output(r"availability domain given=AD-2 .*meant=\S+-AD-2")
        self.assertEqual(self.client().submit(square, 5).result(timeout=60), 25)


class Arriving(unittest.TestCase):
    def test_a_scheduler_that_is_not_there_is_told_and_waited_for(self):
        cluster = Cluster(Options(backend=BACKEND))
        self.addCleanup(cluster.stop)
        cluster.start_emulator()
        daemon = cluster.launch_daemon()
        daemon.await_output(rf"WARNING the scheduler is not reachable.*{cluster.address}.*refused")
        cluster.start_storage()
        cluster.start_scheduler()
        daemon.await_output("INFO the scheduler is reachable")
        daemon.await_output("registered with the scheduler", 60)
        self.assertNotIn("is another manager of this id alive", daemon.output())


class Leaving(unittest.TestCase):
    def test_sigterm_deletes_every_instance_and_exits_0(self):
        with Cluster(Options(backend=BACKEND)) as cluster:
            client = connect(cluster)
            self.addCleanup(client.disconnect)
            futures = [client.submit(sleep_then, 600, number) for number in range(4)]
            await_that(lambda: cluster.report()["instances"]["created"] == 4, 30, "four instances")
            start = time.monotonic()
            self.assertEqual(cluster.daemon.stop(signal.SIGTERM), 0)
            self.assertLess(time.monotonic() - start, 20)
            report = cluster.await_nothing_left()
            self.assertEqual(report["instances"]["deleted"], 4)
            self.assertFalse(any(future.done() for future in futures))


if __name__ == "__main__":
    unittest.main()

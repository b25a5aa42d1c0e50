# SPDX-License-Identifier: Apache-2.0
"""Replies that a broken line swallows, and deletions that the cloud only claims to have done."""

from __future__ import annotations

import re
import signal
import sys
import time
import unittest

import cloudpickle
from support import BACKEND, Cluster, Options, await_that, connect

from tcp_proxy import TO_SERVER, Trap

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def sleep_then(seconds, value):
    time.sleep(seconds)
    return value


class Replies(unittest.TestCase):
    def test_a_reply_lost_in_a_reset_is_repeated_although_another_was_given_while_the_line_was_down(self):
        with Cluster(Options(backend=BACKEND, is_proxied=True)) as cluster:
            client = connect(cluster)
            self.addCleanup(client.disconnect)
            swallowed = client.submit(sleep_then, 2, "swallowed")
            given_while_down = client.submit(sleep_then, 6, "given while down")
            await_that(lambda: cluster.report()["instances"]["created"] == 2, 30, "two instances")
            time.sleep(0.5)  # the acknowledgements of the tasks pass; what names a task after that is its result
            tasks = [
                bytes.fromhex(task) for task in re.findall(r"instance created .*task=(\w+)", cluster.daemon.output())
            ]
            trap = Trap(TO_SERVER, lambda chunk: any(task in chunk for task in tasks), False)
            proxy = cluster.scheduler_proxy
            assert proxy is not None
            proxy.set_trap(trap)
            self.assertTrue(trap.sprung.wait(20))
            proxy.set_down(True)
            cluster.daemon.await_output(r"task answered", 30, 2)
            proxy.set_trap(None)
            proxy.set_down(False)
            self.assertEqual(swallowed.result(timeout=45), "swallowed")
            self.assertEqual(given_while_down.result(timeout=45), "given while down")
            cluster.await_nothing_left()


class Deletions(unittest.TestCase):
    def test_instances_that_deletes_do_not_find_are_not_taken_for_deleted(self):
        faults = ["--fast", "--fault", "DeleteContainerInstance 404 code=NotAuthorizedOrNotFound by=user"]
        with Cluster(Options(backend=BACKEND, emulator=faults)) as cluster:
            client = connect(cluster)
            self.addCleanup(client.disconnect)
            for number in range(2):
                client.submit(sleep_then, 600, number)
            await_that(lambda: cluster.report()["instances"]["created"] == 2, 30, "two instances")
            cluster.daemon.stop(signal.SIGTERM)
            self.assertIn("did not accept every deletion", cluster.daemon.output())


if __name__ == "__main__":
    unittest.main()

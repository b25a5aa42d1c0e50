# SPDX-License-Identifier: Apache-2.0
"""Links to Scaler that are slow, silent, or lead to where nobody is any more."""

from __future__ import annotations

import contextlib
import re
import sys
import time
import unittest

import cloudpickle
from support import BACKEND, Cluster, Options, await_that, connect

from cluster import make_certificate
from processes import free_port

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def double(number):
    return 2 * number


def size_of(value):
    return len(value)


@contextlib.contextmanager
def client_of(cluster):
    client = connect(cluster)
    try:
        yield client
    finally:
        client.disconnect()


class StorageLink(unittest.TestCase):
    def test_a_connection_that_freezes_is_noticed_and_costs_no_task(self):
        with Cluster(Options(backend=BACKEND, is_proxied=True)) as cluster, client_of(cluster) as client:
            # The daemon has read the function, and stored a result.
            self.assertEqual(client.submit(double, 1).result(timeout=60), 2)
            proxy = cluster.storage_proxy
            assert proxy is not None
            proxy.freeze()
            futures = [client.submit(double, number) for number in range(3)]
            self.assertEqual([future.result(timeout=90) for future in futures], [0, 2, 4])
            self.assertRegex(cluster.daemon.output(), r"object storage is not reachable.*it is silent")
            cluster.await_nothing_left()

    def test_small_tasks_neither_fail_nor_wait_behind_a_large_argument_on_a_slow_line(self):
        options = Options(backend=BACKEND, is_proxied=True, daemon=["--death-timeout-seconds", "6"])
        with Cluster(options) as cluster, client_of(cluster) as client:
            self.assertEqual(client.submit(double, 1).result(timeout=60), 2)
            proxy = cluster.storage_proxy
            assert proxy is not None
            proxy.bytes_per_second = 1_500_000
            large = client.submit(size_of, bytes(30_000_000))
            time.sleep(2)
            futures = [client.submit(double, number) for number in range(3)]
            self.assertEqual([future.result(timeout=60) for future in futures], [0, 2, 4])
            self.assertFalse(large.done())
            proxy.bytes_per_second = None
            self.assertEqual(large.result(timeout=90), 30_000_000)

    def test_scheduler_and_storage_that_come_back_elsewhere_are_followed(self):
        with Cluster(Options(backend=BACKEND, is_storage_told=False)) as cluster:
            with client_of(cluster) as client:
                self.assertEqual(client.submit(double, 1).result(timeout=60), 2)
            assert cluster.scheduler is not None and cluster.storage is not None
            cluster.scheduler.end()
            cluster.storage.end()
            cluster.storage_port = free_port()
            cluster.start_storage()
            cluster.start_scheduler()
            with client_of(cluster) as client:
                self.assertEqual(client.submit(double, 2).result(timeout=90), 4)
            cluster.daemon.await_output(rf"address learned.*:{cluster.storage_port}")


@unittest.skipUnless(BACKEND == "ymq", "ZeroMQ has no such addresses in Scaler")
class SecureLinks(unittest.TestCase):
    """Stock scheduler, object storage and client at addresses of every scheme."""

    def runs_tasks(self, cluster: Cluster) -> None:
        with client_of(cluster) as client:
            futures = [client.submit(double, number) for number in range(3)]
            self.assertEqual([future.result(timeout=60) for future in futures], [0, 2, 4])
            self.assertEqual(client.submit(size_of, bytes(3_000_000)).result(timeout=60), 3_000_000)
        cluster.await_nothing_left()

    def test_tasks_run_over_tls_as_scaler_trusts_it(self):
        # The storage's address comes from the scheduler, and is spoken to in TLS: its server takes nothing else.
        with Cluster(Options(backend="ymq", scheme="tls", is_storage_told=False)) as cluster:
            self.runs_tasks(cluster)
            output = cluster.daemon.output()
            self.assertIn("the certificates of scheduler and object storage are not checked", output)
            self.assertRegex(output, r"address learned from the scheduler.*tls://127\.0\.0\.1")

    def test_tasks_run_over_web_sockets(self):
        with Cluster(Options(backend="ymq", scheme="ws", is_storage_told=False)) as cluster:
            self.runs_tasks(cluster)

    def test_tasks_run_over_web_sockets_in_tls_with_an_authority_and_not_with_another(self):
        cluster = Cluster(Options(backend="ymq", scheme="wss"))
        cluster.options.daemon = ["--scheduler-ca", str(cluster.certificate)]
        with cluster:
            self.runs_tasks(cluster)
            cluster.daemon.stop()
            self.assertNotIn("not checked", cluster.daemon.output())
            other = cluster.directory / "other.pem"
            make_certificate(other)
            daemon = cluster.launch_daemon("--scheduler-ca", str(other))
            daemon.await_output("the scheduler is not reachable.*certificate of 127.0.0.1 refused: self-signed", 60)


@unittest.skipUnless(BACKEND == "zmq", "under YMQ nothing waits for a connection")
class SchedulerLink(unittest.TestCase):
    def test_heartbeats_do_not_pile_up_while_the_scheduler_is_away(self):
        import zmq

        cluster = Cluster(Options(daemon_backend="zmq"))
        self.addCleanup(cluster.stop)
        cluster.start_emulator()
        daemon = cluster.launch_daemon()
        daemon.await_output("the scheduler is not reachable", 60)
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        for _ in range(2):
            with context.socket(zmq.ROUTER) as router:
                router.bind(cluster.address)
                self.assertTrue(router.poll(30_000))
                # What had waited comes at once, what is new each second.
                time.sleep(0.5)
                count = 0
                while router.poll(0):
                    router.recv_multipart()
                    count += 1
                self.assertLessEqual(count, 2)
                router.unbind(cluster.address)
            await_that(lambda: connection_count(cluster.scheduler_port) == 0, 30, "the connection to end")
            time.sleep(6)
        warnings = re.findall("WARNING the scheduler is not reachable", daemon.output())
        self.assertEqual(len(warnings), 1)


def connection_count(port: int) -> int:
    """How many connections to a port of this host are established."""
    with open("/proc/net/tcp") as table:
        lines = [line.split() for line in table.readlines()[1:]]
    return sum(line[2].endswith(f":{port:04X}") and line[3] == "01" for line in lines)


if __name__ == "__main__":
    unittest.main()

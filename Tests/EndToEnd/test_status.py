# SPDX-License-Identifier: Apache-2.0
"""The pages for probes and Prometheus."""

from __future__ import annotations

import sys
import unittest
import urllib.error
import urllib.request

import cloudpickle
from support import BACKEND, Cluster, Options, connect

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(number):
    return number * number


def page(daemon, path, method="GET"):
    (address,) = daemon.await_output(r"status is served address=(\S+)").groups()
    request = urllib.request.Request(f"http://{address}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Status(unittest.TestCase):
    def test_the_pages_tell_health_readiness_and_numbers(self):
        with Cluster(Options(backend=BACKEND, daemon=["--status-address", "127.0.0.1:0"])) as cluster:
            client = connect(cluster)
            self.addCleanup(client.disconnect)
            self.assertEqual(client.map(square, range(3)), [0, 1, 4])
            cluster.await_nothing_left()
            self.assertEqual(page(cluster.daemon, "/livez"), (200, "ok\n"))
            self.assertEqual(page(cluster.daemon, "/readyz?verbose"), (200, "wm-oci-hpc: registered\n"))
            status, numbers = page(cluster.daemon, "/metrics")
            self.assertEqual(status, 200)
            self.assertIn(
                'scaler_oci_requests_total{manager="wm-oci-hpc",operation="CreateContainerInstance"} 3', numbers
            )
            self.assertIn('scaler_oci_instances_deleted_total{manager="wm-oci-hpc"} 3', numbers)
            self.assertEqual(page(cluster.daemon, "/nothing")[0], 404)
            self.assertEqual(page(cluster.daemon, "/metrics", "POST")[0], 405)
            self.assertEqual(page(cluster.daemon, "/metrics", "HEAD"), (200, ""))

    def test_an_address_that_cannot_be_had_ends_the_start_with_78(self):
        with Cluster(Options(backend=BACKEND)) as cluster:
            daemon = cluster.launch_daemon("--status-address", f"127.0.0.1:{cluster.scheduler_port}")
            self.assertEqual(daemon.process.wait(20), 78)
            self.assertIn("choose another --status-address", daemon.output())


if __name__ == "__main__":
    unittest.main()

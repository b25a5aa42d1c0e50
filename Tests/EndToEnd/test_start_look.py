# SPDX-License-Identifier: Apache-2.0
"""What the settings name is looked at once the daemon works; what is not found is told, and changes nothing."""

from __future__ import annotations

import json
import sys
import unittest

import cloudpickle
from support import BACKEND  # puts the cluster tools on the path
from test_status import page

from cluster import Cluster, Options, connect

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def double(number: int) -> int:
    return number * 2


@unittest.skipIf(BACKEND == "ymq", "the same over either transport")
class StartLook(unittest.TestCase):
    def test_a_subnet_and_an_image_that_are_not_seen_are_notices_and_tasks_run(self):
        faults = ["GetSubnet 404", "ListContainerRepositories 404"]
        options = Options(
            backend=BACKEND,
            emulator=["--fast", *(part for fault in faults for part in ("--fault", fault))],
            daemon=["--status-address", "127.0.0.1:0", "--container-image", "iad.ocir.io/emulatedns/absent:1"],
        )
        cluster = self.enterContext(Cluster(options))
        client = connect(cluster)
        self.addCleanup(client.disconnect)
        self.assertEqual(client.submit(double, 2).result(), 4)
        for what in ("the subnet was not found", "the image was not found"):
            self.assertIn("next_step=", cluster.daemon.await_output(rf"{what}.*").group(0))
        (manager,) = json.loads(page(cluster.daemon, "/status.json")[1])["managers"]
        self.assertFalse(manager["access_lost"])

    def test_an_image_of_another_region_is_a_warning(self):
        options = Options(
            backend=BACKEND, emulator=["--fast"], daemon=["--container-image", "fra.ocir.io/emulatedns/runner:1"]
        )
        cluster = self.enterContext(Cluster(options))
        found = cluster.daemon.await_output(r"the image cannot be used as it is.*").group(0)
        self.assertIn("push it to us-ashburn-1.ocir.io", found)


if __name__ == "__main__":
    unittest.main()

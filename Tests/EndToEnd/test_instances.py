# SPDX-License-Identifier: Apache-2.0
"""What a task's container instance is like: its size, its tags, and how its image is fetched."""

from __future__ import annotations

import sys
import time
import unittest
from pathlib import Path
from typing import Any

import cloudpickle
from cloud import signing_client
from support import BACKEND, Cluster, ClusterTestCase, Options, await_that, connect

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def wait_for_the_end(seconds):
    time.sleep(seconds)


def square(number):
    return number * number


class InstancesTestCase(ClusterTestCase):
    def instance_of(self, *capabilities: dict[str, int]) -> dict[str, Any]:
        """The instance of a task that asks for these capabilities, as the cloud has it; the task is then cancelled."""
        cloud = signing_client()(self.cluster.environment)
        self.addCleanup(cloud.connection.close)
        known = self.ids(cloud)
        client = connect(self.cluster)
        try:
            asked = capabilities[0] if capabilities else None
            future = client.submit_verbose(wait_for_the_end, (600,), {}, capabilities=asked)
            (made,) = await_that(lambda: self.ids(cloud) - known, 60, "an instance")
            view = cloud.instance(made).json
            self.assertTrue(future.cancel(timeout=30))
            return view
        finally:
            client.disconnect()

    def ids(self, cloud) -> set[str]:
        path = f"/20210415/containerInstances?compartmentId={self.cluster.environment['OCI_COMPARTMENT_ID']}"
        return {one["id"] for one in cloud.call("GET", path).json["items"]}


class MendedCluster(Cluster):
    """A scheduler that hands the amounts of capabilities on to workers, which Scaler's does not yet."""

    def _scaler(self, name: str, program: str, *arguments: str):
        if program != "scaler_scheduler":
            return super()._scaler(name, program, *arguments)
        command = [sys.executable, str(Path(__file__).with_name("mended_scheduler.py")), *arguments]
        return self._started(name, command, {"SCALER_NETWORK_BACKEND": self.options.backend})


class Sizes(InstancesTestCase):
    options = {"daemon": ["--per-worker-capabilities", "ocpus,memory_gb", "--instance-memory-gb", "8"]}
    cluster_type = MendedCluster

    def size(self, *capabilities: dict[str, int]) -> tuple[float, float]:
        config = self.instance_of(*capabilities)["shapeConfig"]
        return config["ocpus"], config["memoryInGBs"]

    def test_a_task_gets_what_it_asks_for_and_the_settings_otherwise(self):
        self.assertEqual(self.size(), (1.0, 8.0))
        self.assertEqual(self.size({"ocpus": 4, "memory_gb": 32}), (4.0, 32.0))
        self.assertEqual(self.size({"ocpus": 2}), (2.0, 8.0))
        self.assertEqual(self.size({"memory_gb": 16}), (1.0, 16.0))
        self.assertEqual(self.size({"ocpus": -1, "memory_gb": 0}), (1.0, 8.0))

    def test_a_size_that_no_shape_has_fails_its_task_and_no_other(self):
        client = self.client()
        before = self.cluster.report()["instances"]["created"]
        for capabilities, reason in [
            ({"ocpus": 65}, "has 1 to 64 OCPUs, not 65"),
            ({"memory_gb": 5000}, "has 1 to 1024 GB of memory, not 5000"),
            ({"ocpus": 16}, "has 1 to 64 GB of memory for each OCPU, not 8 for 16"),
        ]:
            with self.subTest(capabilities), self.assertRaisesRegex(ValueError, reason):
                client.submit_verbose(square, (2,), {}, capabilities=capabilities).result(timeout=60)
        self.assertEqual(self.cluster.report()["instances"]["created"], before)
        self.assertEqual(client.submit(square, 3).result(timeout=60), 9)


class ScaledByCapabilities(InstancesTestCase):
    """The scheduler as it is: each size has a manager of its own, here one of two, in one file."""

    def run_with(self, offered: str, capabilities: dict[str, int]) -> dict[str, Any]:
        scheduler = ["--policy-content", "allocate=capability; scaling=capability"]
        options = Options(backend=BACKEND, scheduler=scheduler, daemon=["--per-worker-capabilities", offered])
        with Cluster(options) as cluster:
            self.cluster = cluster
            return self.instance_of(capabilities)["shapeConfig"]

    def test_a_manager_that_offers_a_size_is_asked_for_it_and_has_it(self):
        config = self.run_with("ocpus=4,memory_gb=32", {"ocpus": 4, "memory_gb": 32})
        self.assertEqual((config["ocpus"], config["memoryInGBs"]), (4.0, 32.0))

    def test_a_manager_that_offers_any_size_is_asked_for_each(self):
        # The task runs; the size itself comes with the mended scheduler only.
        config = self.run_with("ocpus,memory_gb", {"ocpus": 2, "memory_gb": 4})
        self.assertEqual((config["ocpus"], config["memoryInGBs"]), (1.0, 6.0))


class WrongSize(unittest.TestCase):
    def test_a_size_that_the_shape_does_not_have_ends_the_start(self):
        with Cluster(Options(backend=BACKEND)) as cluster:
            for arguments, line in [
                (["--instance-ocpus", "65"], "has 1 to 64 OCPUs, not 65; change --instance-ocpus"),
                (["--per-worker-capabilities", "memory_gb=2000"], "has 1 to 1024 GB of memory, not 2000"),
                (
                    ["--per-worker-capabilities", "ocpus=4", "--instance-ocpus", "2"],
                    "offers ocpus=4, which sizes every instance, and --instance-ocpus (--instance-ocpus) is 2.0",
                ),
            ]:
                with self.subTest(arguments):
                    daemon = cluster.launch_daemon("--worker-manager-id", "another", *arguments)
                    self.assertEqual(daemon.process.wait(20), 78)
                    self.assertIn(line, daemon.output())


class Tags(InstancesTestCase):
    options = {
        "daemon": [
            "--freeform-tag", "team=blue", "--freeform-tag", "stage=", "--defined-tag", "Finance.CostCenter=42",
            "--defined-tag", "Finance.Project=risk", "--image-pull-secret-id", "ocid1.vaultsecret.oc1.iad.x",
        ]
    }  # fmt: skip

    def test_cost_tags_and_a_vault_secret_reach_the_cloud(self):
        view = self.instance_of()
        self.assertEqual(view["freeformTags"]["team"], "blue")
        self.assertEqual(view["freeformTags"]["stage"], "")
        self.assertIn("scaler-owner", view["freeformTags"])
        self.assertEqual(view["definedTags"], {"Finance": {"CostCenter": "42", "Project": "risk"}})
        self.assertEqual(
            view["imagePullSecrets"], [{"secretType": "VAULT", "registryEndpoint": "us-ashburn-1.ocir.io",
                                        "secretId": "ocid1.vaultsecret.oc1.iad.x"}]
        )  # fmt: skip


class BasicSecret(InstancesTestCase):
    options = {"daemon": ["--image-pull-username", "emulatedns/jane", "--image-pull-password", "auth-token"]}

    def test_a_user_and_a_token_reach_the_cloud_and_no_log(self):
        view = self.instance_of()
        self.assertEqual(
            view["imagePullSecrets"], [{"secretType": "BASIC", "registryEndpoint": "us-ashburn-1.ocir.io"}]
        )
        self.assertNotIn("auth-token", self.cluster.daemon.output())


if __name__ == "__main__":
    unittest.main()

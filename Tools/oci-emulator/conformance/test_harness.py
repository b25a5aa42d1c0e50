# SPDX-License-Identifier: Apache-2.0
"""The model check itself: it must refuse what it is there to refuse."""

from __future__ import annotations

import unittest
from typing import Any

import harness
import oci
from oci.container_instances import ContainerInstanceClient

GOOD = {
    "id": "i", "displayName": "d", "compartmentId": "c", "availabilityDomain": "a", "lifecycleState": "ACTIVE",
    "containers": [{"containerId": "x"}], "containerCount": 1, "timeCreated": "2026-01-01T00:00:00Z",
    "shape": "s", "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 2.0, "processorDescription": "p",
                                  "networkingBandwidthInGbps": 1.0},
    "vnics": [{"vnicId": "v"}], "containerRestartPolicy": "NEVER",
}  # fmt: skip


class ModelCheck(unittest.TestCase):
    def setUp(self) -> None:
        self.mappings = harness.client(ContainerInstanceClient).base_client.type_mappings

    def check(self, **changes) -> None:
        harness.check_model({**GOOD, **changes}, "ContainerInstance", self.mappings, "test")

    def test_a_good_answer_passes(self) -> None:
        self.check()

    def test_bad_answers_are_refused(self) -> None:
        cases: dict[str, dict[str, Any]] = {
            "unknown member": {"colour": "red"},
            "missing required": {"id": None},
            "nested unknown": {"vnics": [{"vnicId": "v", "ip": "1"}]},
            "nested missing": {"shapeConfig": {"ocpus": None, "memoryInGBs": 1.0}},
            "unknown enum value": {"lifecycleState": "ASLEEP"},
            "wrong type": {"containerCount": "1"},
            "bool for a number": {"containerCount": True},
            "object for a list": {"vnics": {}},
            "polymorphic": {"imagePullSecrets": [{"secretType": "BASIC", "registryEndpoint": "r", "password": "p"}]},
        }
        for name, changes in cases.items():
            with self.subTest(name), self.assertRaises(harness.ModelMismatch):
                self.check(**changes)

    def test_it_sees_what_a_client_receives(self) -> None:
        base = harness.client(ContainerInstanceClient).base_client
        with self.assertRaises(harness.ModelMismatch):
            base.deserialize_response_data(b'{"colour": "red"}', "ContainerInstance")
        self.assertIsInstance(
            base.deserialize_response_data(b'{"items": []}', "ContainerCollection"),
            oci.container_instances.models.ContainerCollection,
        )


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""What the SDK makes of each fault: that the faults are of the kinds that it knows from the real cloud."""

from __future__ import annotations

import contextlib
import os
import unittest

import harness
import oci
from oci._vendor import requests
from oci.container_instances import ContainerInstanceClient
from oci.object_storage import ObjectStorageClient
from test_container_instances import details

RETRY = oci.retry.RetryStrategyBuilder(
    max_attempts=4,
    retry_base_sleep_time_seconds=0.01,
    retry_exponential_growth_factor=1,
    retry_max_wait_between_calls_seconds=0.05,
).get_retry_strategy()


class Faults(unittest.TestCase):
    def with_faults(self, *rules: str) -> tuple[harness.EmulatorProcess, ObjectStorageClient, ContainerInstanceClient]:
        arguments = [word for rule in rules for word in ("--fault", rule)]
        running = harness.EmulatorProcess("--fast", *arguments)
        self.addCleanup(running.close)
        self.addCleanup(os.environ.update, {"REQUESTS_CA_BUNDLE": harness.emulator().environment["OCI_CA_BUNDLE"]})
        storage = harness.client(ObjectStorageClient, running)
        return running, storage, harness.client(ContainerInstanceClient, running)

    def refused(self, call, *arguments, **options) -> oci.exceptions.ServiceError:
        with self.assertRaises(oci.exceptions.ServiceError) as caught:
            call(*arguments, **options)
        return caught.exception

    def create(self, running: harness.EmulatorProcess, client: ContainerInstanceClient, **options):
        given = running.environment
        body = details(
            compartment_id=given["OCI_COMPARTMENT_ID"],
            vnics=[oci.container_instances.models.CreateContainerVnicDetails(subnet_id=given["OCI_SUBNET_ID"])],
        )
        return client.create_container_instance(body, **options)

    def test_throttling_is_an_error_and_is_retried_through(self) -> None:
        _, storage, _ = self.with_faults("GetNamespace 429 first=3 retry-after=7")
        error = self.refused(storage.get_namespace)
        self.assertEqual((error.status, error.code, error.headers["retry-after"]), (429, "TooManyRequests", "7"))
        self.assertEqual(storage.get_namespace(retry_strategy=RETRY).data, "emulatedns")

    def test_capacity_and_limits_at_once_and_late(self) -> None:
        running, _, client = self.with_faults(
            "CreateContainerInstance capacity calls=1", "CreateContainerInstance limit calls=1",
            "CreateContainerInstance capacity-late calls=1", "CreateContainerInstance limit-late calls=1",
        )  # fmt: skip
        errors = [self.refused(self.create, running, client) for _ in range(2)]
        self.assertEqual([(one.status, one.code) for one in errors], [(500, "InternalError"), (400, "LimitExceeded")])
        self.assertIn("Out of host capacity", errors[0].message)
        for code in ("InternalError", "LimitExceeded"):
            made = self.create(running, client)
            failed = oci.wait_until(
                client, client.get_container_instance(made.data.id), "lifecycle_state", "FAILED",
                max_interval_seconds=0.05, max_wait_seconds=30,
            ).data  # fmt: skip
            self.assertTrue(failed.lifecycle_details)
            work = made.headers["opc-work-request-id"]
            self.assertEqual(client.get_work_request(work).data.status, "FAILED")
            self.assertEqual(client.list_work_request_errors(work).data.items[0].code, code)

    def test_a_reset_after_the_work_and_the_retry_token(self) -> None:
        running, _, client = self.with_faults("CreateContainerInstance reset-after calls=1")
        self.create(running, client, retry_strategy=RETRY)
        self.assertEqual(running.report()["instances"]["created"], 1)

    def test_connections_that_break_are_request_exceptions(self) -> None:
        running, storage, _ = self.with_faults(
            "GetNamespace reset-before calls=1", "GetNamespace reset-after calls=1", "GetObject truncate first=1"
        )
        for _ in range(2):
            with self.assertRaises(oci.exceptions.RequestException):
                storage.get_namespace()
        bucket = running.environment["OCI_OBJECT_STORAGE_BUCKET"]
        storage.put_object("emulatedns", bucket, "o", b"x" * 1000)
        cut = storage.get_object("emulatedns", bucket, "o")
        with contextlib.suppress(requests.exceptions.RequestException):  # either way the SDK's caller can tell
            self.assertLess(len(cut.data.content), 1000)
        self.assertEqual(storage.get_object("emulatedns", bucket, "o").data.content, b"x" * 1000)

    def test_a_page_from_a_proxy_is_no_json(self) -> None:
        _, storage, _ = self.with_faults("GetNamespace proxy")
        error = self.refused(storage.get_namespace)
        self.assertEqual(error.status, 502)
        self.assertIn("Bad Gateway", error.message)


if __name__ == "__main__":
    unittest.main()

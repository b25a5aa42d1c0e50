# SPDX-License-Identifier: Apache-2.0
"""Every operation of oci.container_instances."""

from __future__ import annotations

import unittest
from typing import Any

import harness
import oci
from oci.container_instances import ContainerInstanceClient, ContainerInstanceClientCompositeOperations, models


def details(**changes) -> models.CreateContainerInstanceDetails:
    environment = harness.emulator().environment
    container = models.CreateContainerDetails(
        image_url=environment["OCI_CONTAINER_IMAGE"],
        command=["/bin/sh", "-c"],
        arguments=["echo hello; sleep 60"],
        environment_variables={"A": "b"},
        resource_config=models.CreateContainerResourceConfigDetails(vcpus_limit=1.0, memory_limit_in_gbs=1.0),
        security_context=models.CreateLinuxSecurityContextDetails(run_as_user=1000),
    )
    values = dict(
        compartment_id=environment["OCI_COMPARTMENT_ID"],
        availability_domain=environment["OCI_AVAILABILITY_DOMAIN"],
        shape="CI.Standard.E4.Flex",
        shape_config=models.CreateContainerInstanceShapeConfigDetails(ocpus=1.0, memory_in_gbs=2.0),
        containers=[container],
        vnics=[models.CreateContainerVnicDetails(subnet_id=environment["OCI_SUBNET_ID"])],
        container_restart_policy="NEVER",
        graceful_shutdown_timeout_in_seconds=1,
        display_name="conformance",
        freeform_tags={"owner": "conformance"},
        dns_config=models.CreateContainerDnsConfigDetails(nameservers=["8.8.8.8"]),
        volumes=[models.CreateContainerEmptyDirVolumeDetails(name="scratch", backing_store="MEMORY")],
        image_pull_secrets=[
            models.CreateBasicImagePullSecretDetails(registry_endpoint="iad.ocir.io", username="dQ==", password="cA==")
        ],
    )
    values.update(changes)
    return models.CreateContainerInstanceDetails(**values)


class ContainerInstances(unittest.TestCase):
    environment: dict[str, str]
    compartment: str
    client: Any
    composite: Any

    @classmethod
    def setUpClass(cls) -> None:
        cls.environment = harness.emulator().environment
        cls.compartment = cls.environment["OCI_COMPARTMENT_ID"]
        cls.client = harness.client(ContainerInstanceClient)
        cls.composite = ContainerInstanceClientCompositeOperations(cls.client)

    def make(self, **changes) -> models.ContainerInstance:
        """Through the SDK's own composite operation, which waits on the work request."""
        work = self.composite.create_container_instance_and_wait_for_state(
            details(**changes), ["SUCCEEDED"], waiter_kwargs={"max_interval_seconds": 0.05, "max_wait_seconds": 30}
        ).data
        identifier = work.resources[0].identifier
        self.addCleanup(self.drop, identifier)
        return self.client.get_container_instance(identifier).data

    def drop(self, identifier: str) -> None:
        try:
            self.client.delete_container_instance(identifier)
        except oci.exceptions.ServiceError as error:
            self.assertIn(error.status, (404, 409))

    def wait(self, identifier: str, state: str) -> models.ContainerInstance:
        return oci.wait_until(
            self.client, self.client.get_container_instance(identifier), "lifecycle_state", state,
            max_interval_seconds=0.05, max_wait_seconds=30,
        ).data  # fmt: skip

    def test_the_whole_life_of_an_instance(self) -> None:
        answer = self.client.create_container_instance(details())
        made = answer.data
        self.addCleanup(self.drop, made.id)
        self.assertIn("etag", answer.headers)
        work = self.client.get_work_request(answer.headers["opc-work-request-id"]).data
        self.assertEqual(work.resources[0].identifier, made.id)
        self.assertEqual(self.wait(made.id, "ACTIVE").freeform_tags, {"owner": "conformance"})
        container_id = made.containers[0].container_id
        container = self.client.get_container(container_id).data
        self.assertEqual((container.exit_code, container.environment_variables), (0, {"A": "b"}))
        text = b""
        while b"hello" not in text:
            text = self.client.retrieve_logs(container_id).data.content
        self.client.stop_container_instance(made.id)
        self.wait(made.id, "INACTIVE")
        with self.assertRaises(oci.exceptions.ServiceError) as refused:
            self.client.retrieve_logs(container_id, retry_strategy=oci.retry.NoneRetryStrategy())
        self.assertEqual(refused.exception.status, 409)
        self.client.start_container_instance(made.id)
        self.wait(made.id, "ACTIVE")
        self.client.restart_container_instance(made.id)
        self.wait(made.id, "ACTIVE")
        deleted = self.client.delete_container_instance(made.id)
        self.assertIn("opc-work-request-id", deleted.headers)
        self.wait(made.id, "DELETED")

    def test_lists_and_their_pages(self) -> None:
        names = [self.make(display_name=f"page-{number}").display_name for number in range(3)]
        pages = oci.pagination.list_call_get_all_results(
            self.client.list_container_instances, self.compartment, limit=1, sort_by="displayName"
        ).data
        self.assertEqual([item.display_name for item in pages if item.display_name in names], names)
        one = self.client.list_container_instances(self.compartment, display_name="page-1").data.items
        self.assertEqual(len(one), 1)
        boxes = self.client.list_containers(self.compartment, container_instance_id=one[0].id).data.items
        self.assertEqual(len(boxes), 1)
        shapes = self.client.list_container_instance_shapes(self.compartment).data.items
        self.assertIn("CI.Standard.E4.Flex", [shape.name for shape in shapes])

    def test_updates(self) -> None:
        made = self.make()
        self.client.update_container_instance(made.id, models.UpdateContainerInstanceDetails(display_name="renamed"))
        self.assertEqual(self.client.get_container_instance(made.id).data.display_name, "renamed")
        box = made.containers[0].container_id
        self.client.update_container(box, models.UpdateContainerDetails(freeform_tags={"a": "b"}))
        self.assertEqual(self.client.get_container(box).data.freeform_tags, {"a": "b"})
        with self.assertRaises(oci.exceptions.ServiceError) as refused:
            self.client.update_container(box, models.UpdateContainerDetails(display_name="x"), if_match="other")
        self.assertEqual((refused.exception.status, refused.exception.code), (412, "NoEtagMatch"))
        target = models.ChangeContainerInstanceCompartmentDetails(compartment_id=harness.config()["tenancy"])
        self.client.change_container_instance_compartment(made.id, target)
        self.assertEqual(self.client.get_container_instance(made.id).data.compartment_id, target.compartment_id)

    def test_work_requests_their_errors_and_logs(self) -> None:
        made = self.make()
        found = self.client.list_work_requests(self.compartment, resource_id=made.id).data.items
        self.assertEqual([work.operation_type for work in found], ["CREATE_CONTAINER_INSTANCE"])
        self.assertEqual(self.client.list_work_request_errors(found[0].id).data.items, [])
        self.assertEqual(len(self.client.list_work_request_logs(found[0].id).data.items), 2)

    def test_a_retry_token_is_honoured(self) -> None:
        first = self.client.create_container_instance(details(), opc_retry_token="conformance").data
        self.addCleanup(self.drop, first.id)
        again = self.client.create_container_instance(details(), opc_retry_token="conformance").data
        self.assertEqual(first.id, again.id)
        with self.assertRaises(oci.exceptions.ServiceError) as refused:
            self.client.create_container_instance(details(display_name="other"), opc_retry_token="conformance")
        self.assertEqual(refused.exception.code, "InvalidatedRetryToken")

    def test_errors_have_code_message_and_request_id(self) -> None:
        with self.assertRaises(oci.exceptions.ServiceError) as refused:
            self.client.get_container_instance("ocid1.computecontainerinstance.oc1.iad.none", opc_request_id="MINE")
        error = refused.exception
        self.assertEqual((error.status, error.code), (404, "NotAuthorizedOrNotFound"))
        self.assertTrue(error.message and error.request_id.startswith("MINE/"))


if __name__ == "__main__":
    unittest.main()

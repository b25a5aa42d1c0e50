# SPDX-License-Identifier: Apache-2.0
"""Identity, network, registry, logging search and limits, through their SDK clients."""

from __future__ import annotations

import datetime
import unittest

import harness
import oci
from oci._vendor import requests


class Surroundings(unittest.TestCase):
    environment: dict[str, str]
    compartment: str
    tenancy: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.environment = harness.emulator().environment
        cls.compartment = cls.environment["OCI_COMPARTMENT_ID"]
        cls.tenancy = harness.config()["tenancy"]

    def test_identity(self) -> None:
        client = harness.client(oci.identity.IdentityClient)
        domains = [one.name for one in client.list_availability_domains(self.tenancy).data]
        self.assertIn(self.environment["OCI_AVAILABILITY_DOMAIN"], domains)
        self.assertEqual(client.get_tenancy(self.tenancy).data.home_region_key, "IAD")
        self.assertTrue(client.list_region_subscriptions(self.tenancy).data[0].is_home_region)
        self.assertEqual(client.get_compartment(self.compartment).data.compartment_id, self.tenancy)
        self.assertEqual([one.id for one in client.list_compartments(self.tenancy).data], [self.compartment])

    def test_the_groups_of_the_user(self) -> None:
        client, user = harness.client(oci.identity.IdentityClient), harness.config()["user"]
        memberships = client.list_user_group_memberships(self.tenancy, user_id=user).data
        self.assertEqual([client.get_group(one.group_id).data.name for one in memberships], ["scaler-users"])

    def test_the_registry_gives_a_token_for_a_signature(self) -> None:
        config = harness.config()
        signer = oci.signer.Signer(config["tenancy"], config["user"], config["fingerprint"], config["key_file"])
        url = self.environment["OCI_ENDPOINT"] + "/20180419/docker/token"
        answer = requests.get(url, auth=signer, verify=self.environment["OCI_CA_BUNDLE"], timeout=10)
        self.assertEqual((answer.status_code, answer.json()["token"].count(".")), (200, 2))

    def test_dynamic_groups_and_policies(self) -> None:
        client, models = harness.client(oci.identity.IdentityClient), oci.identity.models
        rule = "ALL {resource.type='computecontainerinstance'}"
        group = client.create_dynamic_group(
            models.CreateDynamicGroupDetails(
                compartment_id=self.tenancy, name="runners", matching_rule=rule, description="d"
            )
        ).data
        self.assertEqual(client.get_dynamic_group(group.id).data.matching_rule, rule)
        self.assertEqual(
            [one.name for one in client.list_dynamic_groups(self.tenancy, name="runners").data], ["runners"]
        )
        changed = models.UpdateDynamicGroupDetails(description="changed")
        self.assertEqual(client.update_dynamic_group(group.id, changed).data.description, "changed")
        policy = client.create_policy(
            models.CreatePolicyDetails(
                compartment_id=self.compartment,
                name="run",
                description="d",
                statements=["Allow dynamic-group runners to manage objects in tenancy"],
            )
        ).data
        self.assertEqual(client.get_policy(policy.id).data.name, "run")
        self.assertEqual([one.id for one in client.list_policies(self.compartment).data], [policy.id])
        client.update_policy(policy.id, models.UpdatePolicyDetails(description="changed"))
        client.delete_policy(policy.id)
        client.delete_dynamic_group(group.id)
        with self.assertRaises(oci.exceptions.ServiceError) as refused:
            client.get_policy(policy.id)
        self.assertEqual(refused.exception.status, 404)

    def test_the_subnet_and_a_vnic(self) -> None:
        client = harness.client(oci.core.VirtualNetworkClient)
        subnet = client.get_subnet(self.environment["OCI_SUBNET_ID"]).data
        self.assertEqual((subnet.lifecycle_state, subnet.availability_domain), ("AVAILABLE", None))
        self.assertEqual([one.id for one in client.list_subnets(self.compartment).data], [subnet.id])
        import test_container_instances

        instances = harness.client(oci.container_instances.ContainerInstanceClient)
        made = instances.create_container_instance(test_container_instances.details()).data
        vnic = client.get_vnic(made.vnics[0].vnic_id).data
        self.assertEqual(vnic.subnet_id, subnet.id)
        instances.delete_container_instance(made.id)

    def test_the_registry(self) -> None:
        client, models = harness.client(oci.artifacts.ArtifactsClient), oci.artifacts.models
        details = models.CreateContainerRepositoryDetails(compartment_id=self.compartment, display_name="team/runner")
        made = client.create_container_repository(details).data
        self.assertEqual(client.get_container_repository(made.id).data.namespace, "emulatedns")
        listed = client.list_container_repositories(self.compartment).data
        self.assertEqual(listed.repository_count, 2)
        client.delete_container_repository(made.id)
        image = client.list_container_images(self.compartment).data.items[0]
        self.assertTrue(self.environment["OCI_CONTAINER_IMAGE"].endswith(image.display_name))
        self.assertEqual(client.get_container_image(image.id).data.digest, image.digest)
        version = models.RemoveContainerVersionDetails(version=image.version)
        self.assertEqual(client.remove_container_version(image.id, version).data.versions, [])
        client.delete_container_image(image.id)
        self.assertTrue(client.get_container_configuration(self.tenancy).data.is_repository_created_on_first_push)

    def test_logging_search(self) -> None:
        client = harness.client(oci.loggingsearch.LogSearchClient)
        now = datetime.datetime.now(datetime.UTC)
        details = oci.loggingsearch.models.SearchLogsDetails(
            time_start=now - datetime.timedelta(hours=1), time_end=now,
            search_query=f'search "{self.compartment}" | where subject = "none" | sort by datetime desc',
            is_return_field_info=True,
        )  # fmt: skip
        answer = client.search_logs(details).data
        self.assertEqual((answer.summary.result_count, len(answer.fields)), (0, 2))

    def test_limits(self) -> None:
        client = harness.client(oci.limits.LimitsClient)
        service = client.list_services(self.tenancy).data[0].name
        definition = client.list_limit_definitions(self.tenancy, service_name=service).data[0]
        values = client.list_limit_values(self.tenancy, service).data
        self.assertEqual(len(values), 3)
        availability = client.get_resource_availability(
            service, definition.name, self.compartment, availability_domain=values[0].availability_domain
        ).data
        self.assertLessEqual(availability.available, values[0].value)


if __name__ == "__main__":
    unittest.main()

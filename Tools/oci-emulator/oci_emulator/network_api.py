# SPDX-License-Identifier: Apache-2.0
"""Core 20160918: the one subnet, and the VNIC of each container instance."""

from __future__ import annotations

import zlib
from typing import Any

from oci_emulator.calls import Answer, Call, Operation, not_found
from oci_emulator.identifiers import etag, ocid, rfc3339
from oci_emulator.instance_api import InstanceService
from oci_emulator.tenancy import Tenancy


class NetworkService:
    def __init__(self, tenancy: Tenancy, instances: InstanceService) -> None:
        self.tenancy = tenancy
        self.instances = instances
        self._etag = etag()
        self._route_table, self._security_list = ocid("routetable"), ocid("securitylist")
        self._dhcp_options = ocid("dhcpoptions")

    def _subnet(self) -> dict[str, Any]:
        return {
            "id": self.tenancy.subnet,
            "compartmentId": self.tenancy.compartment,
            "vcnId": self.tenancy.vcn,
            "cidrBlock": "10.0.0.0/16",
            "ipv4CidrBlocks": ["10.0.0.0/16"],
            "availabilityDomain": None,
            "displayName": "emulated subnet",
            "dnsLabel": "emulated",
            "lifecycleState": "AVAILABLE",
            "prohibitInternetIngress": True,
            "prohibitPublicIpOnVnic": True,
            "routeTableId": self._route_table,
            "securityListIds": [self._security_list],
            "dhcpOptionsId": self._dhcp_options,
            "subnetDomainName": "emulated.vcn.oraclevcn.com",
            "virtualRouterIp": "10.0.0.1",
            "virtualRouterMac": "00:00:17:00:00:01",
            "timeCreated": "2024-01-01T00:00:00.000Z",
            "freeformTags": {},
            "definedTags": {},
        }

    async def get_subnet(self, call: Call) -> Answer:
        if call.parameters["id"] != self.tenancy.subnet:
            raise not_found()
        return Answer(self._subnet(), headers={"etag": self._etag})

    async def list_subnets(self, call: Call) -> Answer:
        return Answer([self._subnet()] if call.need("compartmentId") == self.tenancy.compartment else [])

    async def get_vnic(self, call: Call) -> Answer:
        for instance in self.instances.instances.values():
            if instance.vnic != call.parameters["id"]:
                continue
            number = zlib.crc32(instance.vnic.encode())  # any address will do, but always the same
            details = instance.details["vnics"][0]
            return Answer(
                {
                    "id": instance.vnic,
                    "availabilityDomain": instance.details["availabilityDomain"],
                    "compartmentId": instance.compartment,
                    "displayName": details.get("displayName") or instance.display_name,
                    "hostnameLabel": details.get("hostnameLabel"),
                    "isPrimary": True,
                    "lifecycleState": "AVAILABLE",
                    "macAddress": "02:00:17:" + number.to_bytes(4, "big")[1:].hex(":"),
                    "nsgIds": details.get("nsgIds") or [],
                    "privateIp": f"10.0.{number >> 8 & 255}.{2 + (number & 255) % 250}",
                    "publicIp": None,
                    "skipSourceDestCheck": bool(details.get("skipSourceDestCheck")),
                    "subnetId": self.tenancy.subnet,
                    "timeCreated": rfc3339(instance.created),
                    "freeformTags": {},
                    "definedTags": {},
                },
                headers={"etag": self._etag},
            )
        raise not_found()

    def operations(self) -> list[Operation]:
        return [
            Operation("ListSubnets", "GET", "/20160918/subnets", self.list_subnets),
            Operation("GetSubnet", "GET", "/20160918/subnets/{id}", self.get_subnet),
            Operation("GetVnic", "GET", "/20160918/vnics/{id}", self.get_vnic),
        ]

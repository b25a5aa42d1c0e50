# SPDX-License-Identifier: Apache-2.0
"""Identity 20160918: availability domains, tenancy, compartments, dynamic groups, policies.

Lists are bare JSON arrays here. Policies are kept and listed, not enforced: what a resource principal may do
is fixed (see gateway.py).
"""

from __future__ import annotations

import time
from typing import Any

from oci_emulator.calls import Answer, Call, Operation, ServiceError, invalid, not_found
from oci_emulator.identifiers import REGIONAL_KEY, etag, ocid, rfc3339
from oci_emulator.object_api import json_body
from oci_emulator.paging import is_sort_descending, page_of
from oci_emulator.settings import Settings
from oci_emulator.tenancy import Tenancy

# Regions that can be the tenancy's home, by the short codes that GetTenancy gives.
HOME_REGIONS = {"us-ashburn-1": "IAD", "us-phoenix-1": "PHX", "eu-frankfurt-1": "FRA"}


class ResourceTable:
    """Dynamic groups or policies: created, listed, read, changed and deleted the same way."""

    def __init__(self, kind: str, tenancy: Tenancy, required: dict[str, type], optional: tuple[str, ...]) -> None:
        self.kind = kind
        self.tenancy = tenancy
        self.home_region = ""
        self.required = required
        self.optional = optional
        self.items: dict[str, dict[str, Any]] = {}
        self.etags: dict[str, str] = {}
        self.tokens: dict[str, str] = {}

    def found(self, call: Call) -> dict[str, Any]:
        item = self.items.get(call.parameters["id"])
        if item is None:
            raise not_found()
        return item

    def _checked(self, body: dict[str, Any], is_complete: bool) -> dict[str, Any]:
        for name, kind in self.required.items():
            if is_complete and not body.get(name):
                raise ServiceError(400, "MissingParameter", f"The required parameter '{name}' is missing.")
            if body.get(name) is not None and not isinstance(body[name], kind):
                raise invalid(f"'{name}' must be a {kind.__name__}.")
        known = {*self.required, *self.optional, "freeformTags", "definedTags"}
        unknown = set(body) - known
        if unknown:
            raise ServiceError(400, "CannotParseRequest", f"Unrecognized fields: {', '.join(sorted(unknown))}.")
        return body

    def _check_region(self, call: Call) -> None:
        """A change sent to another region's host is refused; at an endpoint of our own the region cannot be told."""
        labels = call.headers.get("host", "").split(".")
        if self.home_region and labels[0] == "identity" and labels[1] != self.home_region:
            raise ServiceError(
                403,
                "NotAllowed",
                f"Please go to your home region {self.home_region} to execute CREATE, UPDATE and DELETE.",
            )

    async def create(self, call: Call) -> Answer:
        self._check_region(call)
        body = self._checked(json_body(call), True)
        if body["compartmentId"] not in (self.tenancy.tenancy, self.tenancy.compartment):
            raise not_found()
        token = call.headers.get("opc-retry-token")
        if token in self.tokens:
            return self._one(self.tokens[token])
        if any(item["name"] == body["name"] for item in self.items.values()):
            raise ServiceError(409, "EntityAlreadyExists", f"'{body['name']}' already exists.")
        identifier = ocid(self.kind, is_regional=False)
        self.items[identifier] = {
            "id": identifier,
            **dict.fromkeys(self.optional),
            "freeformTags": {},
            "definedTags": {},
            **body,
            "timeCreated": rfc3339(time.time()),
            "lifecycleState": "ACTIVE",
            "inactiveStatus": None,
        }
        self.etags[identifier] = etag()
        if token:
            self.tokens[token] = identifier
        return self._one(identifier)

    def _one(self, identifier: str) -> Answer:
        item = self.items.get(identifier)
        if item is None:
            raise not_found()
        return Answer(item, headers={"etag": self.etags[identifier]})

    async def get(self, call: Call) -> Answer:
        return self._one(self.found(call)["id"])

    async def list_all(self, call: Call) -> Answer:
        compartment, query = call.need("compartmentId"), call.query
        found = [
            item
            for item in self.items.values()
            if item["compartmentId"] == compartment
            and query.get("name") in (None, item["name"])
            and query.get("lifecycleState") in (None, item["lifecycleState"])
        ]
        by = "name" if query.get("sortBy") == "NAME" else "timeCreated"
        descending = is_sort_descending(call, by == "timeCreated")
        page, headers = page_of(call, found, lambda item: [item[by], item["id"]], descending, 100, 1000)
        return Answer(page, headers=headers)

    async def update(self, call: Call) -> Answer:
        self._check_region(call)
        item = self.found(call)
        self._check_match(call, item["id"])
        item.update(self._checked(json_body(call), False))
        self.etags[item["id"]] = etag()
        return self._one(item["id"])

    async def delete(self, call: Call) -> Answer:
        self._check_region(call)
        identifier = self.found(call)["id"]
        self._check_match(call, identifier)
        del self.items[identifier]
        return Answer(status=204)

    def _check_match(self, call: Call, identifier: str) -> None:
        if call.headers.get("if-match") not in (None, "*", self.etags[identifier]):
            raise ServiceError(412, "NoEtagMatch", "The etag given in if-match is not the resource's.")

    def operations(self, singular: str, plural: str, path: str) -> list[Operation]:
        return [
            Operation("Create" + singular, "POST", path, self.create),
            Operation("List" + plural, "GET", path, self.list_all),
            Operation("Get" + singular, "GET", path + "/{id}", self.get),
            Operation("Update" + singular, "PUT", path + "/{id}", self.update),
            Operation("Delete" + singular, "DELETE", path + "/{id}", self.delete),
        ]


class IdentityService:
    def __init__(self, settings: Settings, tenancy: Tenancy) -> None:
        self.settings = settings
        self.tenancy = tenancy
        self._domain_ids = {name: ocid("availabilitydomain") for name in settings.availability_domains}
        common = {"compartmentId": str, "name": str, "description": str}
        self.groups = ResourceTable("dynamicgroup", tenancy, {**common, "matchingRule": str}, ())
        self.home_region = settings.home_region or settings.region
        self.policies = ResourceTable("policy", tenancy, {**common, "statements": list}, ("versionDate",))

        self.groups.home_region = self.policies.home_region = self.home_region

    def _is_ours(self, identifier: str) -> None:
        if identifier not in (self.tenancy.tenancy, self.tenancy.compartment):
            raise not_found()

    def lets_objects_be_deleted(self) -> bool:
        """Whether a policy lets Object Storage itself act on objects, as lifecycle rules need."""
        wanted = f"allow service objectstorage-{self.settings.region} to manage object-family"
        statements = [text for policy in self.policies.items.values() for text in policy["statements"]]
        return any(text.lower().startswith(wanted) for text in statements)

    async def list_domains(self, call: Call) -> Answer:
        compartment = call.need("compartmentId")
        self._is_ours(compartment)
        return Answer(
            [
                {"name": name, "id": identifier, "compartmentId": compartment}
                for name, identifier in self._domain_ids.items()
            ]
        )

    async def get_tenancy(self, call: Call) -> Answer:
        if call.parameters["id"] != self.tenancy.tenancy:
            raise not_found()
        return Answer(
            {
                "id": self.tenancy.tenancy,
                "name": "emulated",
                "description": "The tenancy of oci-emulator",
                "homeRegionKey": HOME_REGIONS.get(self.home_region, REGIONAL_KEY.upper()),
                "upiIdcsCompatibilityLayerEndpoint": None,
                "freeformTags": {},
                "definedTags": {},
            }
        )

    async def list_subscriptions(self, call: Call) -> Answer:
        if call.parameters["id"] != self.tenancy.tenancy:
            raise not_found()
        return Answer(
            [
                {
                    "regionKey": HOME_REGIONS.get(name, REGIONAL_KEY.upper()),
                    "regionName": name,
                    "status": "READY",
                    "isHomeRegion": name == self.home_region,
                }
                for name in dict.fromkeys((self.settings.region, self.home_region))
            ]
        )

    def _compartment(self, identifier: str) -> dict[str, Any]:
        is_root = identifier == self.tenancy.tenancy
        return {
            "id": identifier,
            "compartmentId": identifier if is_root else self.tenancy.tenancy,
            "name": "emulated" if is_root else "scaler",
            "description": "The root compartment" if is_root else "The compartment of the tasks",
            "timeCreated": "2024-01-01T00:00:00.000Z",
            "lifecycleState": "ACTIVE",
            "inactiveStatus": None,
            "isAccessible": True,
            "freeformTags": {},
            "definedTags": {},
        }

    async def get_compartment(self, call: Call) -> Answer:
        self._is_ours(call.parameters["id"])
        return Answer(self._compartment(call.parameters["id"]))

    async def list_compartments(self, call: Call) -> Answer:
        parent = call.need("compartmentId")
        self._is_ours(parent)
        found = [self._compartment(self.tenancy.compartment)] if parent == self.tenancy.tenancy else []
        name = call.query.get("name")
        return Answer([item for item in found if name in (None, item["name"])])

    def operations(self) -> list[Operation]:
        base = "/20160918"
        return [
            Operation("ListAvailabilityDomains", "GET", base + "/availabilityDomains", self.list_domains),
            Operation("GetTenancy", "GET", base + "/tenancies/{id}", self.get_tenancy),
            Operation(
                "ListRegionSubscriptions", "GET", base + "/tenancies/{id}/regionSubscriptions", self.list_subscriptions
            ),
            Operation("ListCompartments", "GET", base + "/compartments", self.list_compartments),
            Operation("GetCompartment", "GET", base + "/compartments/{id}", self.get_compartment),
            *self.groups.operations("DynamicGroup", "DynamicGroups", base + "/dynamicGroups"),
            *self.policies.operations("Policy", "Policies", base + "/policies"),
        ]

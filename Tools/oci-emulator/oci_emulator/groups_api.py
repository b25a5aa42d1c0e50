# SPDX-License-Identifier: Apache-2.0
"""Identity 20160918: the groups of the one user, as far as a client asks for them: which, and what they are called."""

from __future__ import annotations

from typing import Any

from oci_emulator.calls import Answer, Call, Operation, not_found
from oci_emulator.identifiers import etag, ocid
from oci_emulator.settings import Settings
from oci_emulator.tenancy import Tenancy

MADE = "2024-01-01T00:00:00.000Z"


class GroupService:
    def __init__(self, settings: Settings, tenancy: Tenancy) -> None:
        self.tenancy = tenancy
        self.groups = {ocid("group", is_regional=False): name for name in settings.groups}
        self._memberships = {identifier: ocid("groupmembership", is_regional=False) for identifier in self.groups}

    async def list_memberships(self, call: Call) -> Answer:
        if call.need("compartmentId") != self.tenancy.tenancy:
            raise not_found()
        user, group = call.query.get("userId"), call.query.get("groupId")
        return Answer(
            [
                {
                    "id": self._memberships[identifier],
                    "compartmentId": self.tenancy.tenancy,
                    "groupId": identifier,
                    "userId": self.tenancy.user,
                    "timeCreated": MADE,
                    "lifecycleState": "ACTIVE",
                    "inactiveStatus": None,
                }
                for identifier in self.groups
                if user in (None, self.tenancy.user) and group in (None, identifier)
            ]
        )

    async def get_group(self, call: Call) -> Answer:
        identifier = call.parameters["id"]
        name = self.groups.get(identifier)
        if name is None:
            raise not_found()
        body: dict[str, Any] = {
            "id": identifier,
            "compartmentId": self.tenancy.tenancy,
            "name": name,
            "description": "The user's group",
            "timeCreated": MADE,
            "lifecycleState": "ACTIVE",
            "inactiveStatus": None,
            "freeformTags": {},
            "definedTags": {},
        }
        return Answer(body, headers={"etag": etag()})

    def operations(self) -> list[Operation]:
        base = "/20160918"
        return [
            Operation("ListUserGroupMemberships", "GET", base + "/userGroupMemberships", self.list_memberships),
            Operation("GetGroup", "GET", base + "/groups/{id}", self.get_group),
        ]

# SPDX-License-Identifier: Apache-2.0
"""What a client can look up about its use: Logging search 20190909 and Limits 20190729."""

from __future__ import annotations

import re
from typing import Any

from oci_emulator.calls import Answer, Call, Operation, ServiceError, invalid, not_found
from oci_emulator.identifiers import rfc3339
from oci_emulator.instance_api import LOG_BYTES, InstanceService
from oci_emulator.lives import log_tail
from oci_emulator.object_api import json_body
from oci_emulator.settings import Settings

SEARCH = re.compile(r'\s*search\s+"([^"]+)"')
SUBJECT = re.compile(r"""subject\s*=\s*['"]([^'"]+)['"]""")
SERVICE = "container-instances"
LIMIT_NAME = "container-instance-count"


class LoggingSearchService:
    """Container Instances ships no logs to the Logging service by itself, so a search finds nothing.

    The switch logging-search-data makes it find the lines of the containers' own logs.
    """

    def __init__(self, settings: Settings, instances: InstanceService) -> None:
        self.settings = settings
        self.instances = instances

    async def search(self, call: Call) -> Answer:
        body = json_body(call)
        for name in ("timeStart", "timeEnd", "searchQuery"):
            if not isinstance(body.get(name), str):
                raise ServiceError(400, "MissingParameter", f"The required parameter '{name}' is missing.")
        if call.query.get("page") == "":
            raise invalid("page must not be empty.")
        limit = call.number("limit", 100, 1, 1000)
        if SEARCH.match(body["searchQuery"]) is None:
            raise invalid('The query must begin with search "<scope>".')
        subject = SUBJECT.search(body["searchQuery"])
        results = self._lines(subject[1] if subject else None)[:limit]
        fields = [{"fieldName": "datetime", "fieldType": "NUMBER"}, {"fieldName": "logContent", "fieldType": "ARRAY"}]
        shown = fields if body.get("isReturnFieldInfo") else []
        return Answer(
            {
                "results": results,
                "fields": shown,
                "summary": {"resultCount": len(results), "fieldCount": len(shown)},
            }
        )

    def _lines(self, subject: str | None) -> list[dict[str, Any]]:
        if self.settings.switches["logging-search-data"] == "empty":
            return []
        found = []
        for instance, container in self.instances.containers.values():
            if subject not in (None, instance.identifier, container.identifier):
                continue
            text = log_tail(container.directory / "log", LOG_BYTES).decode("utf-8", "replace")
            for line in reversed(text.splitlines()):
                content = {
                    "data": {"message": line},
                    "subject": instance.identifier,
                    "time": rfc3339(container.updated),
                }
                found.append({"data": {"datetime": int(container.updated * 1000), "logContent": content}})
        return found

    def operations(self) -> list[Operation]:
        return [Operation("SearchLogs", "POST", "/20190909/search", self.search)]


class LimitsService:
    """One service with one limit, which is the emulator's own (Oracle's names for it are not documented)."""

    def __init__(self, settings: Settings, instances: InstanceService) -> None:
        self.settings = settings
        self.instances = instances

    async def list_services(self, call: Call) -> Answer:
        call.need("compartmentId")
        return Answer([{"name": SERVICE, "description": "Container Instances", "supportedSubscriptions": []}])

    async def list_definitions(self, call: Call) -> Answer:
        call.need("compartmentId")
        if call.query.get("serviceName") not in (None, SERVICE):
            return Answer([])
        return Answer(
            [
                {
                    "name": LIMIT_NAME,
                    "serviceName": SERVICE,
                    "description": "Container instances, stopped ones included",
                    "scopeType": "AD",
                    "areQuotasSupported": True,
                    "isResourceAvailabilitySupported": True,
                    "isDeprecated": False,
                    "isEligibleForLimitIncrease": True,
                    "isDynamic": False,
                }
            ]
        )

    async def list_values(self, call: Call) -> Answer:
        call.need("compartmentId")
        if call.need("serviceName") != SERVICE:
            return Answer([])
        domain = call.query.get("availabilityDomain")
        return Answer(
            [
                {
                    "name": LIMIT_NAME,
                    "scopeType": "AD",
                    "availabilityDomain": name,
                    "value": self.settings.instance_limit,
                }
                for name in self.settings.availability_domains
                if domain in (None, name)
            ]
        )

    async def availability(self, call: Call) -> Answer:
        call.need("compartmentId")
        if (call.parameters["service"], call.parameters["limit"]) != (SERVICE, LIMIT_NAME):
            raise not_found()
        used = sum(one.counts_toward_limit for one in self.instances.listing_lag.living())
        available = max(0, self.settings.instance_limit - used)
        return Answer(
            {
                "used": used,
                "available": available,
                "fractionalUsage": float(used),
                "fractionalAvailability": float(available),
            }
        )

    def operations(self) -> list[Operation]:
        base = "/20190729"
        return [
            Operation("ListServices", "GET", base + "/services", self.list_services),
            Operation("ListLimitDefinitions", "GET", base + "/limitDefinitions", self.list_definitions),
            Operation("ListLimitValues", "GET", base + "/limitValues", self.list_values),
            Operation(
                "GetResourceAvailability",
                "GET",
                base + "/services/{service}/limits/{limit}/resourceAvailability",
                self.availability,
            ),
        ]

# SPDX-License-Identifier: Apache-2.0
"""Work requests: the asynchronous half of creating, deleting and acting on instances."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from oci_emulator.calls import Answer, Call, Operation, not_found
from oci_emulator.identifiers import ocid, rfc3339
from oci_emulator.paging import is_sort_descending, page_of

KEPT = 20_000  # the oldest are forgotten beyond this


@dataclass
class WorkRequest:
    identifier: str
    kind: str  # CREATE_CONTAINER_INSTANCE and its like
    compartment: str
    resource: str
    action: str  # CREATED, UPDATED, DELETED: what the resource will be once this succeeded
    accepted: float
    status: str = "ACCEPTED"  # -> IN_PROGRESS -> SUCCEEDED | FAILED
    started: float | None = None
    finished: float | None = None
    errors: list[dict[str, str]] = field(default_factory=list)
    logs: list[dict[str, str]] = field(default_factory=list)

    def begin(self) -> None:
        self.status, self.started = "IN_PROGRESS", time.time()
        self.log("Started.")

    def succeed(self) -> None:
        self.status, self.finished = "SUCCEEDED", time.time()
        self.log("Succeeded.")

    def fail(self, code: str, message: str) -> None:
        self.status, self.finished = "FAILED", time.time()
        self.errors.append({"code": code, "message": message, "timestamp": rfc3339(time.time())})
        self.log(f"Failed: {message}")

    def log(self, message: str) -> None:
        self.logs.append({"message": message, "timestamp": rfc3339(time.time())})

    def view(self) -> dict[str, Any]:
        action = {"ACCEPTED": "IN_PROGRESS", "IN_PROGRESS": "IN_PROGRESS", "FAILED": "FAILED"}
        resource = {
            "entityType": "container instance",
            "actionType": action.get(self.status, self.action),
            "identifier": self.resource,
            "entityUri": f"/20210415/containerInstances/{self.resource}",
        }
        return {
            "operationType": self.kind,
            "status": self.status,
            "id": self.identifier,
            "compartmentId": self.compartment,
            "resources": [resource],
            "percentComplete": 100.0 if self.finished else 50.0 if self.started else 0.0,
            "timeAccepted": rfc3339(self.accepted),
            "timeStarted": rfc3339(self.started) if self.started else None,
            "timeFinished": rfc3339(self.finished) if self.finished else None,
        }


class WorkRequestService:
    def __init__(self) -> None:
        self._all: OrderedDict[str, WorkRequest] = OrderedDict()

    def open(self, kind: str, compartment: str, resource: str, action: str) -> WorkRequest:
        request = WorkRequest(ocid("computecontainerworkrequest"), kind, compartment, resource, action, time.time())
        self._all[request.identifier] = request
        while len(self._all) > KEPT:
            self._all.popitem(last=False)
        return request

    def found(self, call: Call) -> WorkRequest:
        request = self._all.get(call.parameters["id"])
        if request is None:
            raise not_found()
        return request

    async def get(self, call: Call) -> Answer:
        request = self.found(call)
        return Answer(request.view(), headers={} if request.finished else {"retry-after": "1"})

    async def list_all(self, call: Call) -> Answer:
        compartment = call.need("compartmentId")
        query = call.query
        found = [
            request
            for request in self._all.values()
            if request.compartment == compartment
            and query.get("workRequestId", request.identifier) == request.identifier
            and query.get("resourceId", request.resource) == request.resource
            and query.get("status", request.status) == request.status
        ]
        descending = is_sort_descending(call, True)
        page, headers = page_of(call, found, lambda one: [one.accepted, one.identifier], descending, 100, 1000)
        return Answer({"items": [request.view() for request in page]}, headers=headers)

    async def errors(self, call: Call) -> Answer:
        return self._lines(call, self.found(call).errors)

    async def logs(self, call: Call) -> Answer:
        return self._lines(call, self.found(call).logs)

    @staticmethod
    def _lines(call: Call, lines: list[dict[str, str]]) -> Answer:
        numbered = list(enumerate(lines))
        descending = is_sort_descending(call, True)
        page, headers = page_of(call, numbered, lambda pair: pair[0], descending, 100, 1000)
        return Answer({"items": [line for _, line in page]}, headers=headers)

    def operations(self) -> list[Operation]:
        base = "/20210415/workRequests"
        return [
            Operation("ListWorkRequests", "GET", base, self.list_all),
            Operation("GetWorkRequest", "GET", base + "/{id}", self.get),
            Operation("ListWorkRequestErrors", "GET", base + "/{id}/errors", self.errors),
            Operation("ListWorkRequestLogs", "GET", base + "/{id}/logs", self.logs),
        ]

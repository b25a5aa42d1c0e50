# SPDX-License-Identifier: Apache-2.0
"""Container Instances API 20210415."""

from __future__ import annotations

import copy
import hashlib
import random
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from oci_emulator.calls import Answer, Call, Operation, ServiceError, invalid, not_found
from oci_emulator.identifiers import rfc3339
from oci_emulator.instance_checks import SHAPES, check_create
from oci_emulator.instances import (
    Container,
    Instance,
    container_summary,
    container_view,
    instance_summary,
    instance_view,
)
from oci_emulator.journal import Journal
from oci_emulator.listing_lag import ListingLag
from oci_emulator.lives import Lives, log_tail
from oci_emulator.misbehavior import CAPACITY
from oci_emulator.object_api import json_body
from oci_emulator.paging import is_sort_descending, page_of
from oci_emulator.settings import Settings
from oci_emulator.tenancy import Tenancy
from oci_emulator.work_requests import WorkRequest, WorkRequestService

LOG_BYTES = 256 * 1024
TOKEN_SECONDS = 24 * 3600
TOKENS_KEPT = 200_000
RETRY_TOKEN = re.compile(r"[\x21-\x7e]{1,64}")


class InstanceService:
    def __init__(self, settings: Settings, tenancy: Tenancy, journal: Journal, work: WorkRequestService) -> None:
        self.settings = settings
        self.tenancy = tenancy
        self.journal = journal
        self.work = work
        self.instances: dict[str, Instance] = {}
        self.containers: dict[str, tuple[Instance, Container]] = {}
        self.lives: Lives  # set by the server, which knows the address that the containers need
        self.listing_lag = ListingLag(settings.listing_lag, settings.fault_seed)
        self._tokens: dict[tuple[str, str], tuple[float, str, Instance, str]] = {}
        self._made = 0

    def forget(self, instance: Instance) -> None:
        """A DELETED record's time is over; only a retry token may still know it."""
        self.instances.pop(instance.identifier, None)
        self.listing_lag.forget(instance)
        for container in instance.containers:
            self.containers.pop(container.identifier, None)
            container.details.pop("environmentVariables", None)  # payloads: a day's worth would fill the memory

    def found(self, call: Call) -> Instance:
        instance = self.instances.get(call.parameters["id"])
        if instance is None:
            raise not_found()
        return instance

    def found_container(self, call: Call) -> tuple[Instance, Container]:
        pair = self.containers.get(call.parameters["id"])
        if pair is None:
            raise not_found()
        return pair

    @property
    def async_status(self) -> int:
        return int(self.settings.switches["async-status"])

    # MARK: create

    async def create(self, call: Call) -> Answer:
        body = json_body(call)
        token = call.headers.get("opc-retry-token")
        if token is not None and not RETRY_TOKEN.fullmatch(token):
            raise invalid("opc-retry-token must have 1 to 64 characters.")
        known = self._known(call, token)
        if known is not None:
            return known
        check_create(body, self.settings, self.tenancy)
        self._check_limit()
        self._check_capacity(body["availabilityDomain"])
        instance = self._make(body)
        request = self.work.open("CREATE_CONTAINER_INSTANCE", instance.compartment, instance.identifier, "CREATED")
        if token is not None:
            self._remember(call, token, instance, request)
        self.journal.write(
            "instance-created",
            instance=instance.identifier,
            name=instance.display_name,
            tasks=[container.task_id for container in instance.containers],
        )
        self.lives.begin(instance, request, call.late_failure)
        return self._created(instance, request.identifier)

    def _created(self, instance: Instance, work_request: str) -> Answer:
        headers = {"etag": instance.etag, "opc-work-request-id": work_request}
        return Answer(instance_view(instance), self.async_status, headers)

    def _known(self, call: Call, token: str | None) -> Answer | None:
        """The same token with the same payload within 24 hours is the same call; another payload is refused."""
        if token is None:
            return None
        entry = self._tokens.get((call.principal.subject, token))
        if entry is None or time.time() - entry[0] > TOKEN_SECONDS:
            return None
        _, digest, instance, work_request = entry
        is_gone = instance.state == "DELETED" and self.settings.switches["retry-token-of-deleted"] == "conflict"
        if digest != hashlib.sha256(call.body).hexdigest() or is_gone:
            raise ServiceError(
                409, "InvalidatedRetryToken", f"The provided retry token {token} was used with a different request."
            )
        return self._created(instance, work_request)

    def _remember(self, call: Call, token: str, instance: Instance, request: WorkRequest) -> None:
        digest = hashlib.sha256(call.body).hexdigest()
        while len(self._tokens) >= TOKENS_KEPT:
            self._tokens.pop(next(iter(self._tokens)))  # the oldest
        self._tokens[call.principal.subject, token] = (time.time(), digest, instance, request.identifier)

    def _check_limit(self) -> None:
        alive = sum(instance.counts_toward_limit for instance in self.listing_lag.living())
        if alive >= self.settings.instance_limit:
            raise ServiceError(
                400,
                "LimitExceeded",
                "The following service limits were exceeded: container-instance-count. "
                "Request a service limit increase from the service limits page in the console.",
            )

    def _check_capacity(self, domain: str) -> None:
        """Hardware is finite in the domains whose size was given."""
        capacity = self.settings.domain_capacity.get(domain)
        if capacity is None:
            return
        alive = sum(
            instance.counts_toward_limit
            for instance in self.listing_lag.living()
            if instance.details["availabilityDomain"] == domain
        )
        if alive >= capacity:
            raise ServiceError(500, self.settings.switches["capacity-code"], CAPACITY)

    def _make(self, body: dict[str, Any]) -> Instance:
        now = time.time()
        stamp = rfc3339(now)[:19].replace("-", "").replace(":", "").replace("T", "")
        body.setdefault("displayName", f"containerinstance{stamp}")
        body.setdefault("containerRestartPolicy", self.settings.switches["default-restart-policy"])
        fault_domain = body.get("faultDomain") or f"FAULT-DOMAIN-{random.randint(1, 3)}"
        self._made += 1
        on_move = self.listing_lag.note
        instance = Instance(body, self.tenancy.tenancy, now, fault_domain, self._made, on_move=on_move)
        for number, details in enumerate(body["containers"], 1):
            details.setdefault("displayName", f"container{stamp}-{number}")
            directory = self.settings.state_directory / "containers" / f"{instance.identifier[-12:]}-{number}"
            container = Container(details, instance.identifier, directory, now)
            container.updated = now
            instance.containers.append(container)
            self.containers[container.identifier] = (instance, container)
        self.instances[instance.identifier] = instance
        return instance

    # MARK: read

    async def get(self, call: Call) -> Answer:
        instance = self.found(call)
        return Answer(instance_view(instance), headers={"etag": instance.etag})

    def _sort_key(self, call: Call) -> tuple[Callable[[Any], Any], bool]:
        by = call.query.get("sortBy", "timeCreated")
        if by == "timeCreated":
            return (lambda one: [one.created, one.identifier]), is_sort_descending(call, True)
        if by == "displayName":
            return (lambda one: [one.details["displayName"], one.identifier]), is_sort_descending(call, False)
        raise invalid("sortBy must be timeCreated or displayName.")

    async def list_all(self, call: Call) -> Answer:
        compartment, query = call.need("compartmentId"), call.query
        state, name, domain = (query.get(key) for key in ("lifecycleState", "displayName", "availabilityDomain"))
        found = {
            instance: then
            for instance, then in self.listing_lag.shown(state)
            if instance.compartment == compartment
            and name in (None, instance.display_name)
            and domain in (None, instance.details["availabilityDomain"])
        }
        key, descending = self._sort_key(call)
        most = 100 if self.settings.switches["instance-pages"] == "short" else None
        page, headers = page_of(call, list(found), key, descending, 100, 1000, most)
        items = [instance_summary(instance, found[instance]) for instance in page]
        return Answer({"items": items}, headers=headers)

    async def get_container(self, call: Call) -> Answer:
        instance, container = self.found_container(call)
        return Answer(container_view(instance, container), headers={"etag": container.etag})

    async def list_containers(self, call: Call) -> Answer:
        compartment, query = call.need("compartmentId"), call.query
        parents = {container.identifier: instance for instance, container in self.containers.values()}
        found = [
            container
            for instance, container in self.containers.values()
            if instance.compartment == compartment
            and query.get("containerInstanceId") in (None, instance.identifier)
            and query.get("lifecycleState") in (None, container.state)
            and query.get("displayName") in (None, container.details["displayName"])
            and query.get("availabilityDomain") in (None, instance.details["availabilityDomain"])
        ]
        key, descending = self._sort_key(call)
        page, headers = page_of(call, found, key, descending, 100, 1000)
        items = [container_summary(parents[container.identifier], container) for container in page]
        return Answer({"items": items}, headers=headers)

    async def retrieve_logs(self, call: Call) -> Answer:
        _, container = self.found_container(call)
        switches = self.settings.switches
        if container.state == "CREATING" or (container.state != "ACTIVE" and switches["logs-after-end"] == "refuse"):
            raise ServiceError(
                409, switches["logs-after-end-code"], f"Logs are not available: the container is {container.state}."
            )
        name = "log.previous" if call.query.get("isPrevious") == "true" else "log"
        return Answer(log_tail(container.directory / name, LOG_BYTES), headers={"content-type": "text/plain"})

    async def list_shapes(self, call: Call) -> Answer:
        call.need("compartmentId")
        page, headers = page_of(call, list(SHAPES.values()), lambda shape: shape["name"], False, 100, 1000)
        return Answer({"items": page}, headers=headers)

    # MARK: change

    def _check_match(self, call: Call, current: str) -> None:
        wanted = call.headers.get("if-match")
        if wanted not in (None, "*", current):
            raise ServiceError(412, "NoEtagMatch", "The etag given in if-match is not the resource's.")

    def _busy(self, instance: Instance) -> ServiceError:
        return ServiceError(409, "IncorrectState", f"The container instance {instance.identifier} is {instance.state}.")

    def _accepted(self, request: WorkRequest) -> Answer:
        return Answer(status=self.async_status, headers={"opc-work-request-id": request.identifier})

    async def delete(self, call: Call) -> Answer:
        instance, switches = self.found(call), self.settings.switches
        self._check_match(call, instance.etag)
        if instance.state == "DELETED":
            raise not_found()
        if instance.state == "CREATING" and switches["delete-while-creating"] == "conflict":
            raise self._busy(instance)
        request = self.work.open("DELETE_CONTAINER_INSTANCE", instance.compartment, instance.identifier, "DELETED")
        if instance.state == "DELETING":
            if switches["delete-again"] == "conflict":
                raise self._busy(instance)
            request.succeed()
        else:
            self.lives.delete(instance, request)
        return self._accepted(request)

    async def act(self, call: Call) -> Answer:
        instance, action = self.found(call), call.parameters["action"]
        self._check_match(call, instance.etag)
        if instance.state == "DELETED":
            raise not_found()
        allowed = {"start": ("INACTIVE",), "stop": ("ACTIVE",), "restart": ("ACTIVE",)}.get(action)
        if action == "changeCompartment":
            return await self._change_compartment(call, instance)
        if allowed is None:
            raise not_found()
        if instance.state not in allowed:
            raise self._busy(instance)
        kind = f"{action.upper()}_CONTAINER_INSTANCE"
        request = self.work.open(kind, instance.compartment, instance.identifier, "UPDATED")
        if action == "stop":
            self.lives.stop(instance, request)
        else:
            self.lives.restart(instance, request)
        return self._accepted(request)

    async def _change_compartment(self, call: Call, instance: Instance) -> Answer:
        target = json_body(call).get("compartmentId")
        if target not in (self.tenancy.compartment, self.tenancy.tenancy):
            raise not_found()
        instance.details["compartmentId"] = target
        request = self.work.open("MOVE_CONTAINER_INSTANCE", target, instance.identifier, "UPDATED")
        request.succeed()
        return self._accepted(request)

    async def update(self, call: Call) -> Answer:
        instance = self.found(call)
        self._check_match(call, instance.etag)
        self._change(instance.details, json_body(call))
        instance.move(instance.state, time.time(), instance.state_details)
        request = self.work.open("UPDATE_CONTAINER_INSTANCE", instance.compartment, instance.identifier, "UPDATED")
        request.succeed()
        return self._accepted(request)

    async def update_container(self, call: Call) -> Answer:
        instance, container = self.found_container(call)
        self._check_match(call, container.etag)
        self._change(container.details, json_body(call))
        container.move(container.state, time.time(), container.state_details)
        request = self.work.open("UPDATE_CONTAINER", instance.compartment, instance.identifier, "UPDATED")
        request.succeed()
        return self._accepted(request)

    @staticmethod
    def _change(details: dict[str, Any], changes: dict[str, Any]) -> None:
        """Only the name and the tags can be changed after the creation."""
        unknown = set(changes) - {"displayName", "freeformTags", "definedTags"}
        if unknown:
            raise invalid(f"Cannot be updated: {', '.join(sorted(unknown))}.")
        details.update({key: value for key, value in changes.items() if value is not None})

    # MARK: the emulator's own endpoint

    async def place_deleted(self, call: Call) -> Answer:
        """`{"count": N, "create": BODY}`: records of N DELETED instances; `#` in a tag is the number of each."""
        order = json_body(call)
        count, template = order.get("count"), order.get("create")
        if not isinstance(count, int) or not isinstance(template, dict):
            raise invalid('The body must be {"count": N, "create": BODY}.')
        check_create(template, self.settings, self.tenancy)
        for number in range(count):
            body = copy.deepcopy(template)
            tags = body.get("freeformTags") or {}
            body["freeformTags"] = {name: value.replace("#", f"{number:032x}") for name, value in tags.items()}
            instance = self._make(body)
            instance.move("DELETED", time.time())
            # It has been so for long, and every listing shows it.
            instance.appearances = [replace(instance.appearances[-1], since=0.0)]
        return Answer({"count": count})

    def admin_operations(self) -> list[Operation]:
        path = "/emulator/deleted-instances"
        return [Operation("EmulatorPlaceDeleted", "POST", path, self.place_deleted, access="open")]

    def operations(self) -> list[Operation]:
        one, box = "/20210415/containerInstances/{id}", "/20210415/containers/{id}"
        return [
            Operation("CreateContainerInstance", "POST", "/20210415/containerInstances", self.create),
            Operation("ListContainerInstances", "GET", "/20210415/containerInstances", self.list_all),
            Operation("GetContainerInstance", "GET", one, self.get),
            Operation("UpdateContainerInstance", "PUT", one, self.update),
            Operation("DeleteContainerInstance", "DELETE", one, self.delete),
            Operation("ContainerInstanceAction", "POST", one + "/actions/{action}", self.act),
            Operation("ListContainers", "GET", "/20210415/containers", self.list_containers),
            Operation("GetContainer", "GET", box, self.get_container),
            Operation("UpdateContainer", "PUT", box, self.update_container),
            Operation("RetrieveLogs", "POST", box + "/actions/retrieveLogs", self.retrieve_logs),
            Operation("ListContainerInstanceShapes", "GET", "/20210415/containerInstanceShapes", self.list_shapes),
        ]

# SPDX-License-Identifier: Apache-2.0
"""Container instances and their containers: the records, and what the API shows of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oci_emulator.identifiers import etag, ocid, rfc3339
from oci_emulator.runtimes import Running

PROCESSOR = "2.55 GHz AMD EPYC 7J13 (Milan)"


@dataclass
class Container:
    """One container. Its states: CREATING -> ACTIVE -> UPDATING -> INACTIVE -> DELETED, or FAILED."""

    details: dict[str, Any]
    instance_id: str
    directory: Path
    created: float
    identifier: str = field(default_factory=lambda: ocid("computecontainer"))
    etag: str = field(default_factory=etag)
    state: str = "CREATING"
    state_details: str | None = None
    updated: float = 0.0
    terminated: float | None = None
    exit_code: int | None = None
    attempts: int = 0
    running: Running | None = None

    def move(self, state: str, now: float, details: str | None = None) -> None:
        self.state, self.state_details, self.updated = state, details, now
        self.etag = etag()

    @property
    def task_id(self) -> str | None:
        return (self.details.get("environmentVariables") or {}).get("TASK_ID")

    @property
    def shown_exit_code(self) -> int | None:
        """The API shows 0 as a placeholder while ACTIVE; only afterwards it is the process's own."""
        return 0 if self.state == "ACTIVE" else self.exit_code


@dataclass(frozen=True)
class Appearance:
    """What a listing shows of an instance that changes."""

    since: float  # by the monotonic clock
    state: str
    state_details: str | None
    updated: float


@dataclass(eq=False)
class Instance:
    """One container instance.

    States: CREATING -> ACTIVE (processes run) -> INACTIVE (all ended, or stopped) -> DELETING -> DELETED;
    FAILED when it could not be started. DELETED records are shown for a while, then forgotten.
    """

    details: dict[str, Any]
    tenancy: str
    created: float
    fault_domain: str
    number: int = 0  # in the order of the creates
    identifier: str = field(default_factory=lambda: ocid("computecontainerinstance"))
    vnic: str = field(default_factory=lambda: ocid("vnic"))
    etag: str = field(default_factory=etag)
    state: str = "CREATING"
    state_details: str | None = None
    updated: float = 0.0
    containers: list[Container] = field(default_factory=list)
    life: asyncio.Task[None] | None = None
    virtual_seconds: float = 0.0  # how far its timestamps are ahead, in virtual mode
    appearances: list[Appearance] = field(default_factory=list)  # all there were, the newest last
    forgotten_at: float | None = None  # when its record went, by the monotonic clock
    on_move: Callable[[Instance], None] | None = None  # told of each new state, the first included

    def __post_init__(self) -> None:
        self.move(self.state, self.created)

    def move(self, state: str, now: float, details: str | None = None) -> None:
        self.state, self.state_details, self.updated = state, details, now
        self.etag = etag()
        self.appearances.append(Appearance(time.monotonic(), state, details, now))
        if self.on_move is not None:
            self.on_move(self)

    def appearance(self, then: float) -> Appearance | None:
        """How it was at `then`, by the monotonic clock; None: there was no record of it."""
        if self.forgotten_at is not None and self.forgotten_at <= then:
            return None
        return next((one for one in reversed(self.appearances) if one.since <= then), None)

    @property
    def compartment(self) -> str:
        return self.details["compartmentId"]

    @property
    def display_name(self) -> str:
        return self.details["displayName"]

    @property
    def counts_toward_limit(self) -> bool:
        """Stopped and failed instances count as well, until they are deleted."""
        return self.state not in ("DELETING", "DELETED")


def tags(details: dict[str, Any]) -> dict[str, Any]:
    return {
        "freeformTags": details.get("freeformTags") or {},
        "definedTags": details.get("definedTags") or {},
        "systemTags": {},
    }


def instance_summary(instance: Instance, then: Appearance) -> dict[str, Any]:
    """A list item as it was `then`: no containers, volumes, vnics or tenant."""
    details, config = instance.details, instance.details["shapeConfig"]
    ocpus = float(config["ocpus"])
    return {
        "id": instance.identifier,
        "displayName": instance.display_name,
        "compartmentId": instance.compartment,
        "availabilityDomain": details["availabilityDomain"],
        "faultDomain": instance.fault_domain,
        "lifecycleState": then.state,
        "lifecycleDetails": then.state_details,
        "timeCreated": rfc3339(instance.created),
        "timeUpdated": rfc3339(then.updated),
        "shape": details["shape"],
        "shapeConfig": {
            "ocpus": ocpus,
            "memoryInGBs": float(config.get("memoryInGBs") or 16.0 * ocpus),
            "processorDescription": PROCESSOR,
            "networkingBandwidthInGbps": min(40.0, max(1.0, ocpus)),
        },
        "containerCount": len(instance.containers),
        "gracefulShutdownTimeoutInSeconds": int(details.get("gracefulShutdownTimeoutInSeconds") or 0),
        "volumeCount": len(details.get("volumes") or []),
        "containerRestartPolicy": details["containerRestartPolicy"],
        "securityContext": details.get("securityContext"),
        **tags(details),
    }


def instance_view(instance: Instance) -> dict[str, Any]:
    details = instance.details
    secrets = [
        {key: secret[key] for key in ("secretType", "registryEndpoint", "secretId") if key in secret}
        for secret in details.get("imagePullSecrets") or []
    ]
    return {
        **instance_summary(instance, instance.appearances[-1]),
        "tenantId": instance.tenancy,
        "containers": [
            {"containerId": container.identifier, "displayName": container.details["displayName"]}
            for container in instance.containers
        ],
        "volumes": details.get("volumes") or [],
        "vnics": [{"vnicId": instance.vnic}],
        "dnsConfig": details.get("dnsConfig"),
        "imagePullSecrets": secrets,
    }


def container_summary(instance: Instance, container: Container) -> dict[str, Any]:
    details = container.details
    return {
        "id": container.identifier,
        "displayName": details["displayName"],
        "compartmentId": instance.compartment,
        "availabilityDomain": instance.details["availabilityDomain"],
        "faultDomain": instance.fault_domain,
        "lifecycleState": container.state,
        "lifecycleDetails": container.state_details,
        "timeCreated": rfc3339(container.created),
        "timeUpdated": rfc3339(container.updated),
        "containerInstanceId": instance.identifier,
        "imageUrl": details["imageUrl"],
        "resourceConfig": details.get("resourceConfig"),
        "isResourcePrincipalDisabled": bool(details.get("isResourcePrincipalDisabled")),
        "securityContext": details.get("securityContext"),
        **tags(details),
    }


def container_view(instance: Instance, container: Container) -> dict[str, Any]:
    details = container.details
    return {
        **container_summary(instance, container),
        "exitCode": container.shown_exit_code,
        "timeTerminated": rfc3339(container.terminated) if container.terminated else None,
        "command": details.get("command") or [],
        "arguments": details.get("arguments") or [],
        "workingDirectory": details.get("workingDirectory"),
        "environmentVariables": details.get("environmentVariables") or {},
        "volumeMounts": details.get("volumeMounts") or [],
        "healthChecks": details.get("healthChecks") or [],
        "containerRestartAttemptCount": container.attempts,
    }

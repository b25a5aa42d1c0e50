# SPDX-License-Identifier: Apache-2.0
"""What a CreateContainerInstance body must look like, and the shapes there are.

Strict on purpose: an unknown member, a wrong type or an empty optional string is refused, so that a client
that works here does not owe it to our leniency.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oci_emulator.calls import ServiceError, invalid
from oci_emulator.settings import Settings
from oci_emulator.tenancy import Tenancy

TOTAL_BYTES = 64 * 1024  # all environment variables of a container; all its arguments
CONTAINERS = 60
VOLUMES = 32


def _shape(name: str, processor: str, ocpus: float, memory: float) -> dict[str, Any]:
    return {
        "name": name,
        "processorDescription": processor,
        "ocpuOptions": {"min": 1.0, "max": ocpus},
        "memoryOptions": {
            "minInGBs": 1.0,
            "maxInGBs": memory,
            "defaultPerOcpuInGBs": 16.0,
            "minPerOcpuInGBs": 1.0,
            "maxPerOcpuInGBs": 64.0,
        },
        "networkingBandwidthOptions": {"minInGbps": 1.0, "maxInGbps": 40.0, "defaultPerOcpuInGbps": 1.0},
    }


SHAPES = {
    shape["name"]: shape
    for shape in (
        _shape("CI.Standard.E3.Flex", "2.25 GHz AMD EPYC 7742 (Rome)", 64.0, 1024.0),
        _shape("CI.Standard.E4.Flex", "2.55 GHz AMD EPYC 7J13 (Milan)", 64.0, 1024.0),
        _shape("CI.Standard.A1.Flex", "3.0 GHz Ampere Altra", 76.0, 488.0),
    )
}

TAGS = {"freeformTags": dict, "definedTags": dict}
# Members by object; a trailing * marks the required ones.
INSTANCE = {
    "compartmentId*": str, "availabilityDomain*": str, "faultDomain": str, "displayName": str, "shape*": str,
    "shapeConfig*": dict, "containers*": list, "vnics*": list, "dnsConfig": dict, "volumes": list,
    "imagePullSecrets": list, "containerRestartPolicy": str, "gracefulShutdownTimeoutInSeconds": int,
    "securityContext": dict, **TAGS,
}  # fmt: skip
SHAPE_CONFIG = {"ocpus*": float, "memoryInGBs": float}
CONTAINER = {
    "imageUrl*": str, "displayName": str, "command": list, "arguments": list, "workingDirectory": str,
    "environmentVariables": dict, "volumeMounts": list, "isResourcePrincipalDisabled": bool,
    "resourceConfig": dict, "healthChecks": list, "securityContext": dict, **TAGS,
}  # fmt: skip
VNIC = {
    "subnetId*": str, "displayName": str, "hostnameLabel": str, "isPublicIpAssigned": bool,
    "skipSourceDestCheck": bool, "nsgIds": list, "privateIp": str, **TAGS,
}  # fmt: skip
SECRETS = {
    "BASIC": {"secretType*": str, "registryEndpoint*": str, "username*": str, "password*": str},
    "VAULT": {"secretType*": str, "registryEndpoint*": str, "secretId*": str},
}


def check_members(value: Any, members: Mapping[str, type], where: str) -> None:
    """`value` must be an object with these members and no others; null counts as absent."""
    if not isinstance(value, dict):
        raise invalid(f"{where} must be an object.")
    known = {name.rstrip("*"): kind for name, kind in members.items()}
    for name, item in value.items():
        kind = known.get(name)
        if kind is None:
            raise ServiceError(400, "CannotParseRequest", f"Unrecognized field '{name}' in {where}.")
        numeric = kind is float and isinstance(item, int) and not isinstance(item, bool)
        is_fake_int = kind is int and isinstance(item, bool)
        if item is not None and not numeric and (not isinstance(item, kind) or is_fake_int):
            raise ServiceError(400, "CannotParseRequest", f"'{name}' in {where} must be a {kind.__name__}.")
        if item == "":
            raise invalid(f"'{name}' in {where} must not be empty.")
    for name in members:
        if name.endswith("*") and value.get(name[:-1]) is None:
            raise ServiceError(400, "MissingParameter", f"'{name[:-1]}' in {where} is required.")


def check_container(container: Any, where: str) -> None:
    check_members(container, CONTAINER, where)
    variables = container.get("environmentVariables") or {}
    words = (container.get("arguments") or []) + (container.get("command") or [])
    if not all(isinstance(text, str) for pair in variables.items() for text in pair):
        raise ServiceError(400, "CannotParseRequest", f"{where}: environment variables must be strings.")
    if not all(isinstance(text, str) for text in words):
        raise ServiceError(400, "CannotParseRequest", f"{where}: command and arguments must be strings.")
    if sum(len(name.encode()) + len(text.encode()) for name, text in variables.items()) > TOTAL_BYTES:
        raise invalid(f"{where}: the environment variables are larger than 64 KB in total.")
    if sum(len(text.encode()) for text in container.get("arguments") or []) > TOTAL_BYTES:
        raise invalid(f"{where}: the arguments are larger than 64 KB in total.")


def check_shape(body: dict[str, Any]) -> None:
    shape, config = SHAPES.get(body["shape"]), body["shapeConfig"]
    if shape is None:
        raise invalid(f"Shape {body['shape']} is not a valid container instance shape.")
    check_members(config, SHAPE_CONFIG, "shapeConfig")
    ocpus, memory = config["ocpus"], config.get("memoryInGBs")
    options, sizes = shape["ocpuOptions"], shape["memoryOptions"]
    if not 0 < ocpus <= options["max"]:
        raise invalid(f"ocpus must be from {options['min']} to {options['max']}.")
    if memory is not None and not max(1.0, ocpus) <= memory <= min(sizes["maxInGBs"], 64.0 * max(1.0, ocpus)):
        raise invalid(f"memoryInGBs {memory} is not valid for {ocpus} OCPUs.")


def check_create(body: dict[str, Any], settings: Settings, tenancy: Tenancy) -> None:
    """Raise the error that OCI would answer with, or return."""
    check_members(body, INSTANCE, "CreateContainerInstanceDetails")
    if body["compartmentId"] not in (tenancy.compartment, tenancy.tenancy):
        raise ServiceError(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")
    if body["availabilityDomain"] not in settings.availability_domains:
        raise invalid(f"Availability domain {body['availabilityDomain']} does not exist.")
    check_shape(body)
    if not 1 <= len(body["containers"]) <= CONTAINERS:
        raise invalid(f"containers must hold 1 to {CONTAINERS} entries.")
    for number, container in enumerate(body["containers"]):
        check_container(container, f"containers[{number}]")
    if len(body["vnics"]) != 1:
        raise invalid("Exactly one VNIC is supported.")
    check_members(body["vnics"][0], VNIC, "vnics[0]")
    if body["vnics"][0]["subnetId"] != tenancy.subnet:
        raise ServiceError(
            400, "RelatedResourceNotAuthorizedOrNotFound", "The subnet does not exist or you have no access to it."
        )
    if len(body.get("volumes") or []) > VOLUMES:
        raise invalid(f"volumes must not hold more than {VOLUMES} entries.")
    if body.get("containerRestartPolicy") not in (None, "ALWAYS", "NEVER", "ON_FAILURE"):
        raise invalid("containerRestartPolicy must be ALWAYS, NEVER or ON_FAILURE.")
    for secret in body.get("imagePullSecrets") or []:
        kind = secret.get("secretType") if isinstance(secret, dict) else None
        if kind not in SECRETS:
            raise invalid("secretType must be BASIC or VAULT.")
        check_members(secret, SECRETS[kind], "imagePullSecrets")

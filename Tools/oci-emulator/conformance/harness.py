# SPDX-License-Identifier: Apache-2.0
"""The official SDK against the emulator, with every JSON answer checked against the SDK's own models.

A member that the model does not know, a required one that is missing or null, and an enum value that the SDK
does not know all fail the test that received them.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import oci
from oci.base_client import BaseClient

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
sys.path.insert(0, str(HERE.parent))

from support import EmulatorProcess  # noqa: E402

__all__ = ["HERE", "EmulatorProcess", "ModelMismatch", "check_model", "client", "config", "emulator"]

REQUIRED = re.compile(r"\*\*\[Required\]\*\* Gets the ")
UNKNOWN = "UNKNOWN_ENUM_VALUE"
_shared: list[EmulatorProcess] = []


def emulator() -> EmulatorProcess:
    """One emulator for all modules of a run."""
    if not _shared:
        _shared.append(EmulatorProcess("--fast", "--switch", "logging-search-data=container-logs"))
        atexit.register(_shared[0].close)
        # Where it is set already it would win over anything that is set on a client.
        os.environ["REQUESTS_CA_BUNDLE"] = _shared[0].environment["OCI_CA_BUNDLE"]
    return _shared[0]


def config(profile: str = "DEFAULT") -> dict[str, Any]:
    return oci.config.from_file(emulator().environment["OCI_CONFIG_FILE"], profile)


def client(kind: type, running: EmulatorProcess | None = None, **options: Any) -> Any:
    """An SDK client that talks to the emulator: endpoint and CA are all that is changed."""
    environment = (running or emulator()).environment
    settings = options.pop("config", None)
    if settings is None:
        settings = oci.config.from_file(environment["OCI_CONFIG_FILE"])
    # What the SDK appends to a service_endpoint is its base path, so each service finds its own.
    os.environ["REQUESTS_CA_BUNDLE"] = environment["OCI_CA_BUNDLE"]
    options.setdefault("retry_strategy", oci.retry.NoneRetryStrategy())  # a failure is to be seen, not retried
    return kind(settings, service_endpoint=environment["OCI_ENDPOINT"], **options)


class ModelMismatch(AssertionError):
    """An answer that the SDK's model of it does not describe."""


def check_model(data: Any, declared: str, mappings: dict[str, Any], where: str) -> None:
    """Walk an answer beside the model that the SDK declares for it."""
    if data is None:
        return
    inner = re.fullmatch(r"list\[(.*)\]", declared)
    if inner:
        if not isinstance(data, list):
            raise ModelMismatch(f"{where}: expected a list, got {data!r}")
        for index, item in enumerate(data):
            check_model(item, inner[1], mappings, f"{where}[{index}]")
        return
    inner = re.fullmatch(r"dict\(([^,]*), (.*)\)", declared)
    if inner:
        for key, item in data.items():
            check_model(item, inner[2], mappings, f"{where}.{key}")
        return
    kind = mappings.get(declared)
    if kind is None or not hasattr(kind, "__init__") or declared in ("object", "date", "datetime"):
        return
    if hasattr(kind, "get_subtype"):
        kind = mappings[kind.get_subtype(data)]
    model: Any = kind() if isinstance(kind, type) else None
    if not hasattr(model, "attribute_map"):
        check_primitive(data, declared, where)
        return
    if not isinstance(data, dict):
        raise ModelMismatch(f"{where}: expected an object, got {data!r}")
    names = model.attribute_map
    unknown = set(data) - set(names.values())
    if unknown:
        raise ModelMismatch(f"{where}: members that {declared} does not have: {sorted(unknown)}")
    for attribute, name in names.items():
        documentation = getattr(kind, attribute).__doc__ or ""
        if REQUIRED.search(documentation) and data.get(name) is None:
            raise ModelMismatch(f"{where}: the required member {name} is missing")
        check_model(data.get(name), model.swagger_types[attribute], mappings, f"{where}.{name}")
        setattr(model, attribute, data.get(name))
        if getattr(model, attribute) == UNKNOWN:
            raise ModelMismatch(f"{where}.{name}: the SDK does not know the value {data[name]!r}")


def check_primitive(data: Any, declared: str, where: str) -> None:
    kinds = {"str": str, "int": int, "float": (int, float), "bool": bool}
    kind = kinds.get(declared)
    wrong_bool = isinstance(data, bool) and declared in ("int", "float")
    if kind is not None and (not isinstance(data, kind) or wrong_bool):  # type: ignore[arg-type]
        raise ModelMismatch(f"{where}: expected {declared}, got {data!r}")


_deserialize = BaseClient.deserialize_response_data


def _checked(self: BaseClient, response_data: bytes, response_type: str, *rest: Any) -> Any:
    try:
        data = json.loads(response_data)
    except ValueError:
        data = None
    if data is not None:
        check_model(data, response_type, self.type_mappings, response_type)
    return _deserialize(self, response_data, response_type, *rest)


# From here on every answer that an SDK client of this process reads is checked.
BaseClient.deserialize_response_data = _checked

# SPDX-License-Identifier: Apache-2.0
"""What passes between the gateway and the services: a call, an answer, an error, an operation."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oci_emulator.credentials import Principal


class ServiceError(Exception):
    """An error answer: OCI's `{"code", "message"}` with a status (and extra headers, if any)."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def not_found(message: str = "Authorization failed or requested resource not found.") -> ServiceError:
    """Missing and forbidden look the same on purpose: OCI never tells whether the thing exists."""
    return ServiceError(404, "NotAuthorizedOrNotFound", message)


def invalid(message: str) -> ServiceError:
    return ServiceError(400, "InvalidParameter", message)


@dataclass
class FileSlice:
    """A part of a file that is sent without being read into memory at once."""

    path: Path
    offset: int
    length: int


@dataclass
class Answer:
    """A success. `body`: None (empty), bytes, a FileSlice, or anything that JSON can hold."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Call:
    """One authenticated request. `stream` yields the body of operations that are declared as streaming."""

    operation: str
    method: str
    parameters: dict[str, str]
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    stream: AsyncIterator[bytes] | None
    principal: Principal
    request_id: str
    target: str = ""
    late_failure: tuple[str, str] | None = None  # code and message with which a create fails after it was accepted

    def need(self, name: str) -> str:
        """A query parameter that must be there."""
        value = self.query.get(name)
        if not value:
            raise ServiceError(400, "MissingParameter", f"The required parameter '{name}' is missing.")
        return value

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        text = self.query.get(name)
        if text is None or text == "":
            return default
        if not re.fullmatch(r"\d{1,9}", text) or not lowest <= int(text) <= highest:
            raise invalid(f"The parameter '{name}' must be a number from {lowest} to {highest}.")
        return int(text)


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass
class Operation:
    """A row of the routing table.

    `path` is matched against the path as sent, still percent-encoded: `{name}` is one segment, `{name...}`
    the rest. `body`: "hashed" (read whole, its SHA-256 is signed), "stream" (exempt from hashing, as
    PutObject and UploadPart are), "none". `access`: "signed", or "open" where the service itself decides.
    """

    name: str
    method: str
    path: str
    handler: Handler
    body: str = "none"
    access: str = "signed"
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        text = re.sub(r"\{(\w+)\.\.\.\}", r"(?P<\1>.+)", self.path)
        text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text)
        self.pattern = re.compile(text + "/?" if not self.path.endswith("...}") else text)
        if self.method in ("POST", "PUT", "PATCH") and self.body == "none":
            self.body = "hashed"

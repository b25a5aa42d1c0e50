# SPDX-License-Identifier: Apache-2.0
"""Carries faults out on one HTTP exchange: before the work, after it, and while the answer is sent."""

from __future__ import annotations

import asyncio
import json
import socket
import struct

from aiohttp import web

from oci_emulator.calls import Answer, FileSlice, ServiceError
from oci_emulator.faults import STATUS_CODES, Rule
from oci_emulator.switches import SWITCHES

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
CAPACITY = "Out of host capacity."
LIMIT = "The following service limits were exceeded: container-instance-count."
STALL_SECONDS = 3600.0


class Aborted(Exception):
    """The connection is gone; there is nothing left to answer."""


def reset(request: web.BaseRequest) -> None:
    """End the connection with a TCP reset, in the middle of whatever the client is doing."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def late_failure(rule: Rule | None, switches: dict[str, str]) -> tuple[str, str] | None:
    """Code and message with which an accepted create shall fail afterwards."""
    if rule is None:
        return None
    if rule.kind == "limit-late":
        return "LimitExceeded", LIMIT
    if rule.kind == "capacity-late" or (rule.kind == "capacity" and switches["capacity-where"] == "work-request"):
        return switches["capacity-code"], CAPACITY
    return None


def refusal(rule: Rule, switches: dict[str, str]) -> ServiceError | None:
    """The error that takes the place of the work, when the rule wants one."""
    options, kind = rule.options, rule.kind
    headers: dict[str, str] = {}
    if "retry-after" in options:
        headers["retry-after"] = options["retry-after"]
    if kind == "429":
        headers["connection"] = "close"  # as the real one does
    if rule.status is not None:
        message = options.get("message", "Too many requests for the user" if kind == "429" else "Fault by script.")
        return ServiceError(
            rule.status, options.get("code", STATUS_CODES.get(rule.status, "InternalServerError")), message, headers
        )
    if kind == "capacity" and switches["capacity-where"] == SWITCHES["capacity-where"].values[0]:
        return ServiceError(500, switches["capacity-code"], options.get("message", CAPACITY), headers)
    if kind == "limit":
        return ServiceError(400, "LimitExceeded", options.get("message", LIMIT))
    if kind == "quota":
        return ServiceError(400, "QuotaExceeded", options.get("message", "The compartment quota was exceeded."))
    if kind == "unauthenticated":
        return ServiceError(401, "NotAuthenticated", "The token is not accepted any more.")
    return None


async def before(rule: Rule, request: web.BaseRequest, switches: dict[str, str]) -> None:
    """Before the work. Raises ServiceError or Aborted when there shall be none."""
    if rule.kind in ("reset-before", "outage"):
        reset(request)
        raise Aborted
    if rule.kind == "stall":
        await asyncio.sleep(rule.seconds(STALL_SECONDS))
    if rule.kind == "delay":
        await asyncio.sleep(rule.seconds(1.0))
    error = refusal(rule, switches)
    if error is not None:
        raise error


async def after(rule: Rule, request: web.BaseRequest) -> None:
    """The work is done; now the connection may still fail."""
    if rule.kind == "reset-after":
        reset(request)
        raise Aborted
    if rule.kind == "stall-after":
        await asyncio.sleep(rule.seconds(STALL_SECONDS))


def proxy_answer() -> Answer:
    return Answer(HTML, 502, {"content-type": "text/html"})


def bends_body(rule: Rule | None) -> bool:
    return rule is not None and rule.kind in ("truncate", "corrupt", "slow")


def whole_body(answer: Answer) -> bytes:
    body = answer.body
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, FileSlice):
        with body.path.open("rb") as file:
            file.seek(body.offset)
            return file.read(body.length)
    answer.headers.setdefault("content-type", "application/json")
    return json.dumps(body, separators=(",", ":")).encode()


async def send_bent(rule: Rule, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Send the answer with a body that is cut, changed or slow; its headers promise the whole one."""
    body = whole_body(answer)
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(body)
    await response.prepare(request)
    if rule.kind == "truncate":
        await response.write(body[: len(body) // 2])
        await asyncio.sleep(0.01)  # lets the half arrive; a reset would take it back
        if request.transport is not None:
            request.transport.close()
        raise Aborted
    if rule.kind == "corrupt" and body:
        middle = len(body) // 2
        body = body[:middle] + bytes([body[middle] ^ 0x55]) + body[middle + 1 :]
        await response.write(body)
    elif rule.kind == "slow":
        rate = max(1, int(float(rule.options.get("bytes", 1000)) / 10))
        for offset in range(0, len(body), rate):
            await response.write(body[offset : offset + rate])
            await asyncio.sleep(0.1)
    await response.write_eof()
    return response

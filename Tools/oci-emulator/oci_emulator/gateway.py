# SPDX-License-Identifier: Apache-2.0
"""The way of every request: route, authenticate, read the body, call the service, answer, write it down.

A fault by script may step in at each point of it (misbehavior.py).

Works on the request line and headers as they were sent: a signature covers those very bytes, and an object
name keeps its `%2F`.
"""

from __future__ import annotations

import json
import time
import traceback
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate

from aiohttp import web

from oci_emulator import identifiers, misbehavior, signatures
from oci_emulator.calls import Answer, Call, FileSlice, Operation, ServiceError, invalid, not_found
from oci_emulator.credentials import Keyring, Principal
from oci_emulator.faults import Faults, Rule
from oci_emulator.journal import Journal
from oci_emulator.settings import Settings

BODY_LIMIT_BYTES = 16 << 20
CHUNK_BYTES = 1 << 18
# What a container's resource principal may do, as the policy that `provision` writes grants it: no listing.
RESOURCE_OPERATIONS = {
    "GetNamespace", "PutObject", "GetObject", "HeadObject",
    "DeleteObject", "BatchDeleteObjects", "CreateMultipartUpload", "UploadPart", "CommitMultipartUpload",
    "AbortMultipartUpload", "ListMultipartUploadParts",
}  # fmt: skip
GONE = (ConnectionError, web.RequestPayloadError)  # how a client that went away shows itself
NOT_AUTHENTICATED = "The required information to complete authentication was not provided or was incorrect."


@dataclass
class Exchange:
    """One request on its way, with what the journal will say of it."""

    request: web.BaseRequest
    request_id: str
    operation: str = "Unknown"
    rule: Rule | None = None
    refusal: str | None = None
    status: int = 0  # no answer was sent
    now: float | None = None
    caller: str = "unknown"


class Gateway:
    def __init__(
        self, settings: Settings, keyring: Keyring, journal: Journal, operations: list[Operation], faults: Faults
    ) -> None:
        self.faults = faults
        self.settings = settings
        self.keyring = keyring
        self.journal = journal
        self.operations = operations

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        began = time.monotonic()
        exchange = Exchange(request, identifiers.request_id(request.headers.get("opc-request-id")))
        try:
            answer = await self._answer(exchange)
            self._add_trace_headers(exchange, answer)
            exchange.status = answer.status
        except (*GONE, misbehavior.Aborted):
            return web.Response()  # goes nowhere: the connection is closed
        finally:
            # Before the answer is sent: whoever has it finds it in the report.
            if not exchange.operation.startswith("Emulator"):
                self._write_down(exchange, time.monotonic() - began)
        try:
            return await self._send(exchange, answer)
        except (*GONE, misbehavior.Aborted):
            return web.Response()

    def _write_down(self, exchange: Exchange, seconds: float) -> None:
        target = exchange.request.raw_path
        self.journal.write(
            "request",
            operation=exchange.operation,
            status=exchange.status,
            caller=exchange.caller,
            milliseconds=round(seconds * 1000, 2),
            target=target if len(target) <= 300 else target[:300] + "...",
            **({"refusal": exchange.refusal} if exchange.refusal else {}),
        )

    async def _answer(self, exchange: Exchange) -> Answer:
        """The work itself; every error becomes an answer here."""
        try:
            return await self._work(exchange)
        except signatures.Refusal as error:
            exchange.refusal = str(error)
            return self._error(ServiceError(401, "NotAuthenticated", NOT_AUTHENTICATED))
        except ServiceError as error:
            return self._error(error)
        except (*GONE, misbehavior.Aborted):
            raise
        except Exception:  # noqa: BLE001 - our own bug: shown on stderr, counted, and the server lives on
            traceback.print_exc()
            exchange.refusal = "bug in the emulator, see its stderr"
            return self._error(ServiceError(500, "InternalServerError", "Bug in the emulator."))

    async def _work(self, exchange: Exchange) -> Answer:
        request = exchange.request
        target = request.raw_path
        path, _, query_text = target.partition("?")
        operation, parameters = self._route(request.method, path)
        exchange.operation = operation.name
        rule = exchange.rule = self._choose_fault(request, operation)
        if rule is not None:
            await misbehavior.before(rule, request, self.settings.switches)
            if rule.kind == "proxy":
                return misbehavior.proxy_answer()
        now = time.time() + (rule.seconds(600.0) if rule is not None and rule.kind == "skew" else 0.0)
        exchange.now = now
        principal = self._authenticate(request, operation, target, now)
        exchange.caller = principal.kind
        if principal.kind == "resource" and operation.name not in RESOURCE_OPERATIONS:
            raise not_found()
        query = dict(urllib.parse.parse_qsl(query_text, keep_blank_values=True))
        call = Call(
            operation.name, request.method, parameters, query, request.headers, b"", None, principal,
            exchange.request_id, target, misbehavior.late_failure(rule, self.settings.switches),
        )  # fmt: skip
        await self._read_body(request, operation, call)
        answer = await operation.handler(call)
        if rule is not None:
            await misbehavior.after(rule, request)
        return answer

    def _choose_fault(self, request: web.BaseRequest, operation: Operation) -> Rule | None:
        if not self.faults.rules or operation.name.startswith("Emulator"):
            return None
        # Faults come before authentication, so the caller's kind is what its key id says, right or wrong.
        caller = "user"
        try:
            key_id = signatures.parse(request.headers.get("authorization")).key_id
            caller = self.keyring.find(key_id, 0.0)[0].kind
        except signatures.Refusal:
            pass
        rule = self.faults.choose(operation.name, caller)
        if rule is not None:
            self.journal.write("fault", operation=operation.name, fault=rule.kind)
        return rule

    # MARK: steps

    def _route(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        is_path_known = False
        for operation in self.operations:
            match = operation.pattern.fullmatch(path)
            if match is None:
                continue
            is_path_known = True
            if operation.method == method:
                try:
                    values = {
                        key: urllib.parse.unquote(text, errors="strict") for key, text in match.groupdict().items()
                    }
                except UnicodeDecodeError:
                    raise invalid("The path is not UTF-8.") from None
                return operation, values
        if is_path_known:
            raise ServiceError(405, "MethodNotAllowed", f"Method {method} is not allowed here.")
        raise not_found()

    def _authenticate(self, request: web.BaseRequest, operation: Operation, target: str, now: float) -> Principal:
        if operation.access == "open" or not self.settings.check_signatures:
            return Principal("anonymous", "anonymous", "")
        header = signatures.parse(request.headers.get("authorization"))
        principal, key = self.keyring.find(header.key_id, now)
        signatures.verify(
            header, key, request.method, target, request.headers, now, is_body_exempt=operation.body == "stream"
        )
        return principal

    async def _read_body(self, request: web.BaseRequest, operation: Operation, call: Call) -> None:
        """Only now may the body come: a client that asked first (100-continue) is told so."""
        if operation.body == "none":
            return
        if operation.body == "stream" and "content-length" not in request.headers:
            raise ServiceError(411, "MissingContentLength", "The Content-Length header is required.")
        expectation = request.headers.get("expect")
        if expectation is not None:
            if expectation.lower() != "100-continue":
                raise ServiceError(400, "InvalidHeader", "The only expectation supported is 100-continue.")
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        if operation.body == "stream":
            call.stream = self._chunks(request)
            return
        parts, size = [], 0
        async for chunk in self._chunks(request):
            size += len(chunk)
            if size > BODY_LIMIT_BYTES:
                raise ServiceError(413, "PayloadTooLarge", "The request body is too large.")
            parts.append(chunk)
        call.body = b"".join(parts)
        if operation.access == "signed" and self.settings.check_signatures:
            signatures.check_body(request.headers, call.body)

    @staticmethod
    async def _chunks(request: web.BaseRequest) -> AsyncIterator[bytes]:
        while chunk := await request.content.read(CHUNK_BYTES):
            yield chunk

    @staticmethod
    def _error(error: ServiceError) -> Answer:
        return Answer({"code": error.code, "message": error.message}, error.status, error.headers)

    @staticmethod
    def _add_trace_headers(exchange: Exchange, answer: Answer) -> None:
        answer.headers["opc-request-id"] = exchange.request_id
        if exchange.now is not None:
            answer.headers["date"] = formatdate(exchange.now, usegmt=True)
        client_id = exchange.request.headers.get("opc-client-request-id")
        if client_id:
            answer.headers["opc-client-request-id"] = client_id

    async def _send(self, exchange: Exchange, answer: Answer) -> web.StreamResponse:
        request, body = exchange.request, answer.body
        if exchange.rule is not None and misbehavior.bends_body(exchange.rule) and request.method != "HEAD":
            return await misbehavior.send_bent(exchange.rule, request, answer)
        if isinstance(body, FileSlice):
            return await self._send_file(request, answer, body)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, separators=(",", ":")).encode()
            answer.headers.setdefault("content-type", "application/json")
        if request.method == "HEAD":
            body = None  # an error's code and message go nowhere: a client has the status alone
        response = web.Response(status=answer.status, headers=answer.headers, body=body)
        if answer.headers.get("connection") == "close":
            response.force_close()
        if answer.status >= 400 and not request.content.is_eof() and request.headers.get("expect"):
            response.force_close()  # the body was not asked for; nobody knows whether it will still come
        await response.prepare(request)
        await response.write_eof()
        return response

    @staticmethod
    async def _send_file(request: web.BaseRequest, answer: Answer, part: FileSlice) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_length = part.length
        # Opened before the first await: an object replaced meanwhile is still read to its end.
        with part.path.open("rb") as file:
            await response.prepare(request)
            file.seek(part.offset)
            left = part.length
            while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                await response.write(chunk)
                left -= len(chunk)
        await response.write_eof()
        return response

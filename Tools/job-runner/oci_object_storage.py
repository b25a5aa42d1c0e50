# SPDX-License-Identifier: Apache-2.0
"""Get and put of whole objects in one OCI bucket: signed HTTP/1.1 with retries, and nothing more.

Signing is OCI's "version 1" of draft-cavage-http-signatures-08: RSA-SHA256 over `date`,
`(request-target)` and `host`. That is the whole list for GET and for PutObject, which Object Storage
exempts from hashing the body.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import random
import ssl
import time
import urllib.parse
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import oci_principal

#: A service that is away for minutes must not cost a task that ran for hours its result.
PATIENCE_SECONDS = 300.0
BACK_OFF_CAP_SECONDS = 15.0
RETRY_AFTER_CAP_SECONDS = 60.0
TIMEOUT_SECONDS = 60.0
ALLOWED_SKEW_SECONDS = 300.0


class StorageError(Exception):
    """An answer other than success, with what support will ask for: code and opc-request-id."""

    def __init__(self, method: str, name: str, status: int, body: bytes, request_id: str | None) -> None:
        text = body[:500].decode("utf-8", "replace")
        super().__init__(f"{method} object {name!r}: HTTP {status} {text} (opc-request-id {request_id})")
        self.status = status


def is_worth_retrying(status: int, body: bytes) -> bool:
    """The SDKs' own rule: throttling, a server's trouble, and the two 409 that pass by themselves."""
    if status == 409:
        return b"IncorrectState" in body or b"LockConflict" in body
    return status == 429 or (status >= 500 and status != 501)


def pause_seconds(attempt: int, retry_after: str | None) -> float:
    """Full jitter over 0.5, 1, 2 ... 15 s: a thousand containers throttled at once must not return at once."""
    if retry_after is not None and retry_after.isdigit():
        return min(float(retry_after), RETRY_AFTER_CAP_SECONDS) + random.random()
    return random.random() * min(0.5 * 2 ** min(attempt, 10), BACK_OFF_CAP_SECONDS)


class Bucket:
    """One bucket, one connection that is opened when needed and again after a failure."""

    def __init__(self, endpoint: str, namespace: str, bucket: str, principal: Any, ca_bundle: str | None) -> None:
        url = urllib.parse.urlsplit(endpoint)
        self.host = url.netloc
        self.is_tls = url.scheme != "http"
        self.base = f"{url.path.rstrip('/')}/n/{urllib.parse.quote(namespace)}/b/{urllib.parse.quote(bucket)}/o/"
        self.principal = principal
        self.ca_bundle = ca_bundle
        self.connection: http.client.HTTPConnection | None = None
        self.clock_offset_seconds = 0.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Bucket:
        for name in ("OCI_NAMESPACE", "OCI_BUCKET"):
            if not environment.get(name):
                raise ValueError(f"the environment variable {name} is not set")
        principal = oci_principal.from_environment(environment)
        endpoint = environment.get("OCI_ENDPOINT") or principal.object_storage_endpoint()
        ca_bundle = environment.get("OCI_CA_BUNDLE") or None
        return cls(endpoint, environment["OCI_NAMESPACE"], environment["OCI_BUCKET"], principal, ca_bundle)

    def get(self, name: str) -> bytes:
        """The whole object; a body shorter than announced counts as a lost connection."""
        return self._call("GET", name, None, {})

    def put(self, name: str, body: Any) -> None:
        """Store bytes or a seekable file. The MD5 makes the service refuse a body that was damaged."""
        digest = hashlib.md5(usedforsecurity=False)
        if isinstance(body, bytes):
            digest.update(body)
            length = len(body)
        else:
            body.seek(0)
            length = 0
            while chunk := body.read(1 << 20):
                digest.update(chunk)
                length += len(chunk)
        headers = {
            "content-length": str(length),
            "content-type": "application/octet-stream",
            "content-md5": base64.b64encode(digest.digest()).decode(),
        }
        self._call("PUT", name, body, headers)

    def _call(self, method: str, name: str, body: Any, headers: dict[str, str]) -> bytes:
        target = self.base + urllib.parse.quote(name, safe="")
        refreshed = False
        attempt = 0
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            attempt += 1
            retry_after = None
            try:
                if body is not None and not isinstance(body, bytes):
                    body.seek(0)
                status, answer, answer_headers = self._exchange(method, target, body, headers)
                if status < 300:
                    return answer
                failure: Exception = StorageError(method, name, status, answer, answer_headers.get("opc-request-id"))
                if status == 401 and not refreshed:
                    # Either the token is stale (its files are rewritten before it ends) or our clock is wrong.
                    refreshed = True
                    self._correct_clock(answer_headers.get("date"))
                    self.principal.refresh()
                    continue
                if not is_worth_retrying(status, answer):
                    raise failure
                retry_after = answer_headers.get("retry-after")
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, ssl.SSLCertVerificationError):
                    raise
                failure = error
            self._disconnect()
            pause = pause_seconds(attempt, retry_after)
            if time.monotonic() + pause > deadline:
                raise failure
            time.sleep(pause)

    def _exchange(self, method: str, target: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes, Any]:
        if self.connection is None:
            self.connection = self._connect()
        date = formatdate(time.time() + self.clock_offset_seconds, usegmt=True)
        text = f"date: {date}\n(request-target): {method.lower()} {target}\nhost: {self.host}"
        key_id, signature = self.principal.sign(text.encode("utf-8"))
        self.connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        signed = {
            "host": self.host,
            "date": date,
            "user-agent": "scaler-job-runner",
            "authorization": f'Signature version="1",headers="date (request-target) host",keyId="{key_id}",'
            f'algorithm="rsa-sha256",signature="{base64.b64encode(signature).decode()}"',
        }
        for header, value in {**signed, **headers}.items():
            self.connection.putheader(header, value)
        self.connection.endheaders(body)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.will_close:
            self._disconnect()
        return answer.status, data, answer.headers

    def _connect(self) -> http.client.HTTPConnection:
        if not self.is_tls:
            return http.client.HTTPConnection(self.host, timeout=TIMEOUT_SECONDS)
        context = ssl.create_default_context(cafile=self.ca_bundle)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return http.client.HTTPSConnection(self.host, timeout=TIMEOUT_SECONDS, context=context)

    def _disconnect(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _correct_clock(self, date: str | None) -> None:
        """The service refuses dates more than five minutes off; its own date tells how far we are."""
        try:
            server = parsedate_to_datetime(date or "").timestamp()
        except (TypeError, ValueError):
            return
        if abs(server - time.time()) > ALLOWED_SKEW_SECONDS:
            self.clock_offset_seconds = server - time.time()

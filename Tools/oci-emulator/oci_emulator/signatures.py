# SPDX-License-Identifier: Apache-2.0
"""Verification of OCI request signatures (draft-cavage-http-signatures-08, OCI's "version 1").

The rules, as Oracle's "Request Signatures" page and its SDKs have them:

* GET, HEAD, DELETE sign at least `date` (or `x-date`), `(request-target)` and `host`.
* POST, PUT, PATCH sign `content-length`, `content-type` and `x-content-sha256` as well, also with an empty
  body. PutObject and UploadPart are exempt.
* A federation request does not sign `host`: its signer does not know what a proxy will make of it.
* `x-date` wins over `date`; more than five minutes off is refused.
* The signing string takes the request target exactly as sent, so nothing here decodes or sorts it.

Pure: bytes and values in, a verdict out. Whose key it is stays the caller's question.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

ALLOWED_SKEW_SECONDS = 300
PARAMETER = re.compile(r'\s*([A-Za-z]+)="([^"]*)"\s*(?:,|$)')
BODY_HEADERS = ("content-length", "content-type", "x-content-sha256")


class Refusal(Exception):
    """Why a signature is not accepted; the text goes to the journal, the client learns less."""


@dataclass(frozen=True)
class SignatureHeader:
    """The parts of an Authorization header."""

    key_id: str
    headers: tuple[str, ...]
    signature: bytes


def parse(authorization: str | None) -> SignatureHeader:
    """Read the header; raises Refusal when it is absent or is not a version 1 RSA-SHA256 signature."""
    if not authorization:
        raise Refusal("no Authorization header")
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "signature":
        raise Refusal(f"scheme {scheme!r} instead of Signature")
    values: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = PARAMETER.match(rest, position)
        if match is None:
            raise Refusal("malformed signature parameters")
        if match[1] in values:
            raise Refusal(f"parameter {match[1]} given twice")
        values[match[1]] = match[2]
        position = match.end()
    if values.get("algorithm", "").lower() != "rsa-sha256":
        raise Refusal(f"algorithm {values.get('algorithm')!r} instead of rsa-sha256")
    if values.get("version", "1") != "1":
        raise Refusal(f"signature version {values['version']!r} instead of 1")
    try:
        signature = base64.b64decode(values["signature"], validate=True)
        return SignatureHeader(values["keyId"], tuple(values["headers"].split(" ")), signature)
    except (KeyError, binascii.Error) as error:
        raise Refusal(f"missing or malformed parameter: {error}") from None


def required_headers(method: str, is_body_exempt: bool, is_federation: bool) -> tuple[str, ...]:
    """Names that must be signed; the date is apart, since x-date may stand for it."""
    names: tuple[str, ...] = ("(request-target)",) if is_federation else ("(request-target)", "host")
    return names + BODY_HEADERS if method in ("POST", "PUT", "PATCH") and not is_body_exempt else names


def signing_string(names: Iterable[str], method: str, target: str, headers: Mapping[str, str]) -> str:
    lines = []
    for name in names:
        if name != name.lower():
            raise Refusal(f"header name {name!r} is not in lower case")
        if name == "(request-target)":
            lines.append(f"{name}: {method.lower()} {target}")
        elif name in headers:
            lines.append(f"{name}: {headers[name].strip()}")
        else:
            raise Refusal(f"signed header {name!r} is not in the request")
    return "\n".join(lines)


def check_date(names: Iterable[str], headers: Mapping[str, str], now: float) -> None:
    """The date that counts must be signed and close to ours."""
    name = "x-date" if "x-date" in headers else "date"
    if name not in names:
        raise Refusal(f"{name} is not signed")
    try:
        sent = parsedate_to_datetime(headers[name]).timestamp()
    except (KeyError, TypeError, ValueError):
        raise Refusal(f"{name} is missing or is no RFC 1123 date") from None
    if abs(sent - now) > ALLOWED_SKEW_SECONDS:
        raise Refusal(f"{name} '{headers[name]}' is not within allowed clock skew ({sent - now:+.0f} s)")


def verify(
    header: SignatureHeader,
    key: RSAPublicKey,
    method: str,
    target: str,
    headers: Mapping[str, str],
    now: float,
    is_body_exempt: bool = False,
    is_federation: bool = False,
) -> None:
    """Everything but the body's hash, so that a refused request's body need not be read.

    `headers` must look names up without regard to case; `target` is the request line's, verbatim.
    Raises Refusal.
    """
    for name in required_headers(method, is_body_exempt, is_federation):
        if name not in header.headers:
            raise Refusal(f"{name} is not signed")
    check_date(header.headers, headers, now)
    text = signing_string(header.headers, method, target, headers)
    try:
        key.verify(header.signature, text.encode("utf-8"), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise Refusal("the signature does not match") from None


def check_body(headers: Mapping[str, str], body: bytes) -> None:
    """The signed hash and length must be those of the body that arrived. Raises Refusal."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if headers.get("x-content-sha256") != digest:
        raise Refusal("x-content-sha256 does not match the body")
    if headers.get("content-length") != str(len(body)):
        raise Refusal("content-length does not match the body")

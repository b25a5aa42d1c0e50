# SPDX-License-Identifier: Apache-2.0
"""Who may call: registered API keys, and tokens that this emulator issued itself.

A token (key id `ST$<JWT>`) carries the public half of the key it goes with in its `jwk` claim, as OCI's
do, so checking one takes no table: our own signature on the JWT, the expiry, then that key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oci_emulator.signatures import Refusal


@dataclass(frozen=True)
class Principal:
    """The caller: `kind` is "user", "instance", "resource" or "anonymous"."""

    kind: str
    subject: str
    tenancy: str
    token: str | None = None


def fingerprint(key: RSAPublicKey) -> str:
    """An API key's fingerprint: MD5 of the SubjectPublicKeyInfo, lower-case hex with colons."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.md5(der, usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode_number(number: int) -> str:
    return encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


class Keyring:
    """Registered API keys and the key that signs tokens (an EC key: nobody but us reads the signature)."""

    def __init__(self, token_key: EllipticCurvePrivateKey) -> None:
        self._api_keys: dict[str, tuple[Principal, RSAPublicKey]] = {}
        self._token_key = token_key
        self._verified: dict[str, tuple[Principal, RSAPublicKey, float]] = {}

    def register(self, tenancy: str, user: str, key: RSAPublicKey) -> str:
        """Make an API key known; returns its fingerprint."""
        mark = fingerprint(key)
        self._api_keys[f"{tenancy}/{user}/{mark}"] = (Principal("user", user, tenancy), key)
        return mark

    def issue(self, principal: Principal, key: RSAPublicKey, now: float, lifetime: float, **claims: Any) -> str:
        """A token that lets the holder of `key` call as `principal` until now + lifetime (seconds)."""
        numbers = key.public_numbers()
        header = {"kid": "emulator", "alg": "ES256", "typ": "JWT"}
        body = {
            "sub": principal.subject,
            "ptype": principal.kind,
            "tenant": principal.tenancy,
            "iat": int(now),
            "exp": int(now + lifetime),
            "jwk": json.dumps({"kty": "RSA", "n": encode_number(numbers.n), "e": encode_number(numbers.e)}),
            **claims,
        }
        return self._signed(header, body)

    def statement(self, claims: dict[str, Any], now: float, lifetime: float) -> str:
        """A signed JWT of any claims, for services that give out tokens which nobody signs calls with."""
        header = {"kid": "emulator", "alg": "ES256", "typ": "JWT"}
        body = {**claims, "iat": int(now), "exp": int(now + lifetime), "jti": str(uuid.uuid4())}
        return self._signed(header, body)

    def _signed(self, *parts: dict[str, Any]) -> str:
        text = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
        return f"{text}.{encode(self._token_key.sign(text.encode(), ECDSA(SHA256())))}"

    def find(self, key_id: str, now: float) -> tuple[Principal, RSAPublicKey]:
        """The caller and the key that must have signed; raises Refusal."""
        if not key_id.startswith("ST$"):
            try:
                return self._api_keys[key_id]
            except KeyError:
                raise Refusal(f"unknown key {key_id!r}") from None
        token = key_id[3:]
        known = self._verified.get(token)
        if known is None:
            known = self._check(token)
            if len(self._verified) > 10_000:
                self._verified.clear()  # only a cache
            self._verified[token] = known
        principal, key, expiry = known
        if now >= expiry:
            raise Refusal("the token has expired")
        return principal, key

    def _check(self, token: str) -> tuple[Principal, RSAPublicKey, float]:
        try:
            text, _, signature = token.rpartition(".")
            self._token_key.public_key().verify(decode(signature), text.encode(), ECDSA(SHA256()))
            claims = json.loads(decode(text.split(".")[1]))
            jwk = json.loads(claims["jwk"])
            numbers = (int.from_bytes(decode(jwk[name]), "big") for name in ("e", "n"))
            key = RSAPublicNumbers(*numbers).public_key()
            principal = Principal(claims["ptype"], claims["sub"], claims["tenant"], token)
            return principal, key, float(claims["exp"])
        except (InvalidSignature, ValueError, KeyError, IndexError, TypeError):
            raise Refusal("the token is not one of ours") from None

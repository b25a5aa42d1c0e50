# SPDX-License-Identifier: Apache-2.0
"""How principals that are no users get their tokens: metadata service, federation, session refresh.

An instance principal reads a leaf certificate and its key from the metadata service, makes a session key,
and trades them for a token at `POST /v1/x509`, in a request signed with the leaf's key. The chain, the
fingerprint in the key id and the tenancy in the leaf's subject are all checked here.
"""

from __future__ import annotations

import asyncio
import functools
import json
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID

from oci_emulator import signatures
from oci_emulator.authority import Authority, new_rsa_key, pem_of
from oci_emulator.calls import Answer, Call, Operation, ServiceError, not_found
from oci_emulator.credentials import Keyring, Principal
from oci_emulator.identifiers import REGIONAL_KEY, ocid
from oci_emulator.object_api import json_body
from oci_emulator.settings import Settings
from oci_emulator.signatures import Refusal
from oci_emulator.tenancy import Tenancy

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host")


class InstanceIdentity:
    """The instance that the clients run on: its OCID, its certificate chain and the leaf's key."""

    def __init__(self, authority: Authority, tenancy: Tenancy) -> None:
        self.instance = ocid("instance")
        self._authority = authority
        self._tenancy = tenancy
        self._intermediate_key, self.intermediate = authority.intermediate()

    @functools.cached_property
    def key(self) -> RSAPrivateKey:
        return new_rsa_key()

    @functools.cached_property
    def leaf(self) -> x509.Certificate:
        units = (
            "opc-certtype:instance",
            f"opc-compartment:{self._tenancy.compartment}",
            f"opc-instance:{self.instance}",
            f"opc-tenant:{self._tenancy.tenancy}",
        )
        names = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "emulated instance"), *names])
        issuer = (self._intermediate_key, self.intermediate)
        return self._authority.issue(subject, self.key.public_key(), issuer=issuer)


class MetadataService:
    """IMDS version 2. Plain HTTP, as the real one."""

    def __init__(self, settings: Settings, identity: InstanceIdentity) -> None:
        self.settings = settings
        self.identity = identity

    @functools.cached_property
    def values(self) -> dict[str, str]:
        identity = self.identity
        leaf, middle = identity.leaf, identity.intermediate
        return {
            "instance/region": REGIONAL_KEY,
            "instance/canonicalRegionName": self.settings.region,
            "instance/id": identity.instance,
            "instance/regionInfo": json.dumps(
                {
                    "realmKey": "oc1",
                    "realmDomainComponent": "oraclecloud.com",
                    "regionKey": REGIONAL_KEY.upper(),
                    "regionIdentifier": self.settings.region,
                }
            ),
            "identity/cert.pem": leaf.public_bytes(Encoding.PEM).decode(),
            "identity/key.pem": pem_of(identity.key).decode(),
            "identity/intermediate.pem": middle.public_bytes(Encoding.PEM).decode(),
        }

    async def get(self, call: Call) -> Answer:
        if any(name in call.headers for name in FORWARDED):
            raise ServiceError(400, "InvalidParameter", "Requests that were forwarded are not answered.")
        if call.headers.get("authorization") != "Bearer Oracle":
            raise ServiceError(401, "NotAuthenticated", "The header 'Authorization: Bearer Oracle' is missing.")
        values = await asyncio.to_thread(lambda: self.values)  # the first time it makes the keys
        value = values.get(call.parameters["path"])
        if value is None:
            raise not_found()
        kind = "application/json" if value.startswith("{") else "text/plain"
        return Answer(value.encode(), headers={"content-type": kind})

    def operations(self) -> list[Operation]:
        return [Operation("GetInstanceMetadata", "GET", "/opc/v2/{path...}", self.get, access="open")]


class FederationService:
    def __init__(self, settings: Settings, authority: Authority, keyring: Keyring, tenancy: Tenancy) -> None:
        self.settings = settings
        self.authority = authority
        self.keyring = keyring
        self.tenancy = tenancy

    async def exchange(self, call: Call) -> Answer:
        """`POST /v1/x509`: certificates and a session public key in, a token out."""
        body = json_body(call)
        try:
            leaf = x509.load_der_x509_certificate(_der(body["certificate"]))
            middles = [x509.load_der_x509_certificate(_der(text)) for text in body["intermediateCertificates"]]
            session = load_der_public_key(_der(body["publicKey"]))
            self._check_chain(leaf, middles)
            tenancy, instance = _subject(leaf)
        except (KeyError, ValueError, TypeError, InvalidSignature) as error:
            raise Refusal(f"federation: bad certificate or key: {error!r}") from None
        key = leaf.public_key()
        if not isinstance(key, RSAPublicKey) or not isinstance(session, RSAPublicKey):
            raise Refusal("federation: the keys must be RSA")
        header = signatures.parse(call.headers.get("authorization"))
        if tenancy != self.tenancy.tenancy or header.key_id not in _key_ids(tenancy, leaf):
            raise Refusal("federation: the key id is not that of the leaf certificate")
        now = time.time()
        signatures.verify(header, key, call.method, call.target, call.headers, now, is_federation=True)
        signatures.check_body(call.headers, call.body)
        principal = Principal("instance", instance, tenancy)
        token = self.keyring.issue(principal, session, now, self.settings.token_lifetime, **{"opc-instance": instance})
        return Answer({"token": token})

    def _check_chain(self, leaf: x509.Certificate, middles: list[x509.Certificate]) -> None:
        issuer = next((one for one in middles if one.subject == leaf.issuer), None)
        if issuer is None:
            raise ValueError("the intermediate certificate is missing")
        leaf.verify_directly_issued_by(issuer)
        issuer.verify_directly_issued_by(self.authority.certificate)

    async def refresh(self, call: Call) -> Answer:
        """`POST /v1/authentication/refresh`, signed with the very token that it renews."""
        token = json_body(call).get("currentToken")
        if token is None or token != call.principal.token:
            raise ServiceError(401, "NotAuthenticated", "The token cannot be refreshed.")
        now = time.time()
        _, key = self.keyring.find("ST$" + token, now)
        return Answer({"token": self.keyring.issue(call.principal, key, now, self.settings.token_lifetime)})

    def operations(self) -> list[Operation]:
        return [
            Operation("ExchangeX509", "POST", "/v1/x509", self.exchange, access="open"),
            Operation("RefreshSession", "POST", "/v1/authentication/refresh", self.refresh),
        ]


def _der(text: str) -> bytes:
    """The SDKs send PEM bodies without their BEGIN and END lines and without line feeds; some leave them in."""
    import base64

    lines = [line for line in text.replace("-----", "\n-----\n").split("\n") if line and "-----" not in line]
    kept = [line for line in lines if not line.startswith(("BEGIN", "END"))]
    return base64.b64decode("".join(kept))


def _subject(leaf: x509.Certificate) -> tuple[str, str]:
    """Tenancy and instance from the subject's `opc-...:` units."""
    found = {}
    for attribute in leaf.subject:
        name, _, value = str(attribute.value).partition(":")
        found[name] = value
    return found["opc-tenant"], found["opc-instance"]


def _key_ids(tenancy: str, leaf: x509.Certificate) -> tuple[str, str]:
    """As the Python SDK writes it (SHA-1, upper case) and as the Go SDK does (SHA-256, lower case)."""
    return (
        f"{tenancy}/fed-x509/{leaf.fingerprint(SHA1()).hex(':').upper()}",
        f"{tenancy}/fed-x509-sha256/{leaf.fingerprint(SHA256()).hex(':')}",
    )

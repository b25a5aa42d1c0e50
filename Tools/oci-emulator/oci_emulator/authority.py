# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates, all made on the spot: nothing secret is shipped, nothing outlives its state directory.

A second start with the same state directory finds its CA and API key again, so that a client configured
once survives a restart of the emulator.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def oci_domains(*regions: str) -> list[str]:
    """Where the service hosts of regions live: compute-containers is in the first, objectstorage in the second."""
    names = dict.fromkeys(region for region in regions if region)
    return [domain for name in names for domain in (f"{name}.oci.oraclecloud.com", f"{name}.oraclecloud.com")]


def new_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_secret(path: Path, data: bytes) -> None:
    """Readable by the owner only, from the first moment, and never half-written."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(partial, path)


def stored_rsa_key(path: Path) -> rsa.RSAPrivateKey:
    """The key in the file; made first when there is none."""
    if path.exists():
        key = load_pem_private_key(path.read_bytes(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    key = new_rsa_key()
    write_secret(path, pem_of(key))
    return key


def stored_rsa_keys(*paths: Path) -> list[rsa.RSAPrivateKey]:
    """Several at once, each on a thread: making them is most of what a first start takes."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(stored_rsa_key, paths))


def stored_token_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The key that tokens are signed with; it is kept, so that tokens survive a restart as keys do."""
    if path.exists():
        key = load_pem_private_key(path.read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key
    key = ec.generate_private_key(ec.SECP256R1())
    write_secret(path, pem_of(key))
    return key


class Authority:
    """A throw-away certificate authority. EC keys: a handshake then costs a tenth of RSA's."""

    def __init__(self, directory: Path) -> None:
        self.certificate_path = directory / "ca.pem"
        key_path = directory / "ca.key"
        if self.certificate_path.exists() and key_path.exists():
            key = load_pem_private_key(key_path.read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            self._key = key
            self.certificate = x509.load_pem_x509_certificate(self.certificate_path.read_bytes())
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "oci-emulator throw-away CA")])
        builder = self._builder(name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        builder = builder.add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True
        )
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
        )
        self.certificate = builder.issuer_name(name).sign(self._key, SHA256())
        write_secret(key_path, pem_of(self._key))
        self.certificate_path.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def _builder(self, subject: x509.Name, key: object, days: int = 365) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key)  # type: ignore[arg-type]
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=days))
        )

    def issue(
        self,
        subject: x509.Name,
        key: object,
        *extensions: x509.ExtensionType,
        issuer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None = None,
        is_authority: bool = False,
    ) -> x509.Certificate:
        """A certificate signed by this CA, or by `issuer`, an intermediate."""
        signer, certificate = issuer or (self._key, self.certificate)
        builder = self._builder(subject, key).issuer_name(certificate.subject)
        constraints = x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None)
        builder = builder.add_extension(constraints, critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer, SHA256())

    def intermediate(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """A certificate authority between us and the instances, as OCI has one."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "oci-emulator intermediate CA")])
        return key, self.issue(name, key.public_key(), is_authority=True)

    def server_context(self, directory: Path, host: str, *regions: str) -> ssl.SSLContext:
        """TLS for localhost, *.localhost, the loopback addresses, `host`, and OCI's own names (see proxy.py)."""
        key = ec.generate_private_key(ec.SECP256R1())
        addresses = {"127.0.0.1", "::1"}
        names = {"localhost", "*.localhost", *(f"*.{domain}" for domain in oci_domains(*regions))}
        try:
            addresses.add(str(ipaddress.ip_address(host)))
        except ValueError:
            names.add(host)
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in sorted(names)]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in sorted(addresses)]
        certificate = self.issue(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "oci-emulator")]),
            key.public_key(),
            x509.SubjectAlternativeName(alternatives),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        )
        key_path, certificate_path = directory / "server.key", directory / "server.pem"
        write_secret(key_path, pem_of(key))
        certificate_path.write_bytes(certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate_path, key_path)
        return context

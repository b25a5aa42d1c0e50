# SPDX-License-Identifier: Apache-2.0
"""The one tenancy that exists: its OCIDs, its API key, and the files that tell a client about them."""

from __future__ import annotations

import json
import os
import shlex
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from oci_emulator.authority import stored_rsa_keys, write_secret
from oci_emulator.credentials import Keyring, Principal, fingerprint
from oci_emulator.identifiers import ocid
from oci_emulator.settings import Settings


@dataclass
class Tenancy:
    tenancy: str
    user: str
    compartment: str
    vcn: str
    subnet: str

    @classmethod
    def load(cls, directory: Path) -> Tenancy:
        """The OCIDs of the state directory; made at its first use, so that clients survive a restart."""
        path = directory / "tenancy.json"
        if path.exists():
            return cls(**json.loads(path.read_text()))
        made = cls(
            ocid("tenancy", is_regional=False),
            ocid("user", is_regional=False),
            ocid("compartment", is_regional=False),
            ocid("vcn"),
            ocid("subnet"),
        )
        path.write_text(json.dumps(asdict(made), indent=1))
        return made

    def register_api_key(self, directory: Path, region: str, keyring: Keyring, token_lifetime: float) -> Path:
        """Make the API key known to the keyring and write the OCI config file that uses it.

        The profile SESSION is what `oci session authenticate` leaves: no user, a token and the key it is for.
        """
        key_path = directory / "api_key.pem"
        session_key_path, token_path = directory / "session_key.pem", directory / "session_token"
        key, session_private_key = stored_rsa_keys(key_path, session_key_path)
        mark = keyring.register(self.tenancy, self.user, key.public_key())
        lines = {
            "user": self.user,
            "fingerprint": mark,
            "tenancy": self.tenancy,
            "region": region,
            "key_file": str(key_path),
        }
        session_key = session_private_key.public_key()
        principal = Principal("user", self.user, self.tenancy)
        token = keyring.issue(principal, session_key, time.time(), token_lifetime)
        write_secret(token_path, token.encode())
        session = {
            "fingerprint": fingerprint(session_key),
            "key_file": str(session_key_path),
            "tenancy": self.tenancy,
            "region": region,
            "security_token_file": str(token_path),
        }
        path = directory / "config"
        text = "".join(
            f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in section.items()) + "\n"
            for name, section in (("DEFAULT", lines), ("SESSION", session))
        )
        write_secret(path, text.encode())
        return path

    def environment(self, settings: Settings, endpoint: str, plain_endpoint: str, proxy_url: str) -> dict[str, str]:
        """The variables to export, for clients and for our own daemon alike."""
        directory = settings.state_directory
        return {
            "OCI_ENDPOINT": endpoint,
            "OCI_CA_BUNDLE": str(directory / "ca.pem"),
            "OCI_CONFIG_FILE": str(directory / "config"),
            "OCI_REGION": settings.region,
            "OCI_COMPARTMENT_ID": self.compartment,
            "OCI_AVAILABILITY_DOMAIN": settings.availability_domains[0],
            "OCI_SUBNET_ID": self.subnet,
            "OCI_CONTAINER_IMAGE": settings.image,
            "OCI_OBJECT_STORAGE_NAMESPACE": settings.namespace,
            "OCI_OBJECT_STORAGE_BUCKET": settings.bucket,
            "OCI_METADATA_BASE_URL": plain_endpoint + "/opc/v2",
            "OCI_EMULATOR_PROXY": proxy_url,
            "OCI_EMULATOR_URL": plain_endpoint + "/emulator",
        }


def write_environment(path: Path, variables: dict[str, str]) -> str:
    """`export` lines, moved into place only when complete: the file's existence means that we listen."""
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    os.replace(partial, path)
    return text

# SPDX-License-Identifier: Apache-2.0
"""An emulator in a process of its own, and a small signing client that shares no code with it."""

from __future__ import annotations

import base64
import configparser
import hashlib
import http.client
import json
import os
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

HERE = Path(__file__).resolve().parent
COMMAND = HERE.parent / "oci-emulator"
DEADLINE_SECONDS = 30.0


class EmulatorProcess:
    """`oci-emulator serve`, started on a free port and ended by its pid."""

    def __init__(self, *arguments: str) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="oci-emulator-test-"))
        self.process = subprocess.Popen(
            [sys.executable, str(COMMAND), "serve", "--state-dir", str(self.state), *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.environment: dict[str, str] = {}
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == "ready":
                break
            name, _, value = line.removeprefix("export ").strip().partition("=")
            self.environment[name] = shlex.split(value)[0]
        else:
            raise RuntimeError("the emulator did not start")

    def client(self) -> Client:
        return Client(self.environment)

    def report(self) -> dict[str, Any]:
        output = subprocess.check_output(
            [sys.executable, str(COMMAND), "report", "--json", "--state-dir", str(self.state)]
        )
        return json.loads(output)

    def stop(self) -> int:
        self.process.terminate()
        assert self.process.stdout is not None
        self.output = self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(DEADLINE_SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.state, ignore_errors=True)


@dataclass
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Signs as Oracle's page on request signing says; every part of it can be bent by a test."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(environment["OCI_CONFIG_FILE"])
        section = parser["DEFAULT"]
        self.key = cast(RSAPrivateKey, load_pem_private_key(Path(section["key_file"]).read_bytes(), None))
        self.key_id = f"{section['tenancy']}/{section['user']}/{section['fingerprint']}"
        url = urllib.parse.urlsplit(environment["OCI_ENDPOINT"])
        self.host = url.netloc
        self.context = ssl.create_default_context(cafile=environment["OCI_CA_BUNDLE"])
        self.connection = http.client.HTTPSConnection(self.host, context=self.context, timeout=DEADLINE_SECONDS)
        self.bucket = f"/n/{environment['OCI_OBJECT_STORAGE_NAMESPACE']}/b/{environment['OCI_OBJECT_STORAGE_BUCKET']}"

    def signed_headers(
        self, method: str, target: str, body: bytes, is_exempt: bool, headers: dict[str, str], date: str | None
    ) -> dict[str, str]:
        values = {"date": date or formatdate(usegmt=True), "host": self.host, **headers}
        names = ["date", "(request-target)", "host"]
        if method in ("POST", "PUT", "PATCH"):
            values["content-length"] = str(len(body))
            values.setdefault("content-type", "application/json")
            if not is_exempt:
                values.setdefault("x-content-sha256", base64.b64encode(hashlib.sha256(body).digest()).decode())
                names += ["content-length", "content-type", "x-content-sha256"]
        values["(request-target)"] = f"{method.lower()} {target}"
        text = "\n".join(f"{name}: {values[name]}" for name in names)
        signature = base64.b64encode(self.key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
        del values["(request-target)"]
        values["authorization"] = (
            f'Signature version="1",headers="{" ".join(names)}",keyId="{self.key_id}",'
            f'algorithm="rsa-sha256",signature="{signature}"'
        )
        return values

    def call(
        self,
        method: str,
        target: str,
        body: bytes | dict[str, Any] = b"",
        headers: dict[str, str] | None = None,
        date: str | None = None,
        change: Callable[[dict[str, str]], None] | None = None,
    ) -> Reply:
        """`change` may bend the headers after the signature was made."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        is_exempt = method == "PUT" and ("/o/" in target or "/u/" in target)
        values = self.signed_headers(method, target, data, is_exempt, headers or {}, date)
        if change is not None:
            change(values)
        self.connection.request(method, target, body=data or None, headers=values)
        answer = self.connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())

    def object_path(self, name: str) -> str:
        return f"{self.bucket}/o/{urllib.parse.quote(name, safe='')}"

    def create_body(self, variables: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
        container: dict[str, Any] = {"imageUrl": self.environment["OCI_CONTAINER_IMAGE"]}
        if variables is not None:
            container["environmentVariables"] = variables
        body: dict[str, Any] = {
            "compartmentId": self.environment["OCI_COMPARTMENT_ID"],
            "availabilityDomain": self.environment["OCI_AVAILABILITY_DOMAIN"],
            "shape": "CI.Standard.E4.Flex",
            "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 6.0},
            "containers": [container],
            "vnics": [{"subnetId": self.environment["OCI_SUBNET_ID"]}],
            "containerRestartPolicy": "NEVER",
            "displayName": "a test",
        }
        body.update(changes)
        return body

    def create(self, body: dict[str, Any], token: str | None = None) -> Reply:
        headers = {"opc-retry-token": token} if token else {}
        return self.call("POST", "/20210415/containerInstances", body, headers)

    def instance(self, identifier: str) -> Reply:
        return self.call("GET", f"/20210415/containerInstances/{identifier}")

    def container(self, identifier: str) -> Reply:
        return self.call("GET", f"/20210415/containers/{identifier}")

    def wait_for(self, identifier: str, *states: str) -> dict[str, Any]:
        """Poll an instance until it is in one of `states`: the API has no other way to tell."""
        ends = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < ends:
            view = self.instance(identifier).json
            if view["lifecycleState"] in states:
                return view
            time.sleep(0.02)
        raise AssertionError(f"{identifier} did not become {states}: {view}")

    def task_variables(self, payload: bytes, task_id: str = "00ff", **changes: str) -> dict[str, str]:
        return {
            "TASK_ID": task_id,
            "OCI_NAMESPACE": self.environment["OCI_OBJECT_STORAGE_NAMESPACE"],
            "OCI_BUCKET": self.environment["OCI_OBJECT_STORAGE_BUCKET"],
            "OCI_PREFIX": "tasks/owner",
            "OCI_OBJECT_KEY": "none",
            "PAYLOAD_B64": base64.b64encode(payload).decode(),
            "COMPRESSED": "0",
            **changes,
        }


def process_is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

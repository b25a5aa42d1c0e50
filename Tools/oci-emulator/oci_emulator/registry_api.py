# SPDX-License-Identifier: Apache-2.0
"""The container registry's own host: only the token that a signed request gets in place of a password.

Images are not moved. What a push would leave behind is put there by `POST /emulator/images`.
"""

from __future__ import annotations

import time

from oci_emulator.artifacts_api import ArtifactsService
from oci_emulator.calls import Answer, Call, Operation, ServiceError, invalid
from oci_emulator.credentials import Keyring
from oci_emulator.object_api import json_body
from oci_emulator.tenancy import Tenancy

TOKEN_SECONDS = 1200


class RegistryService:
    def __init__(self, tenancy: Tenancy, keyring: Keyring, artifacts: ArtifactsService) -> None:
        self.tenancy = tenancy
        self.keyring = keyring
        self.artifacts = artifacts
        self.tokens: set[str] = set()

    async def token(self, call: Call) -> Answer:
        token = self.keyring.statement({"sub": call.principal.subject}, time.time(), TOKEN_SECONDS)
        self.tokens.add(token)
        return Answer({"token": token, "access_token": token, "expires_in": TOKEN_SECONDS})

    async def push(self, call: Call) -> Answer:
        """What `docker push` does to the control plane: `{"repository", "version", "password"}`."""
        body = json_body(call)
        if body.get("password") not in self.tokens:
            raise ServiceError(401, "NotAuthenticated", "The registry does not know that password.")
        repository, version = body.get("repository"), body.get("version")
        if not isinstance(repository, str) or not isinstance(version, str):
            raise invalid("repository and version must be strings.")
        self.artifacts.push(repository, version)
        return Answer({})

    def operations(self) -> list[Operation]:
        return [Operation("IssueRegistryToken", "GET", "/20180419/docker/token", self.token)]

    def admin_operations(self) -> list[Operation]:
        return [Operation("EmulatorPushImage", "POST", "/emulator/images", self.push, access="open")]

# SPDX-License-Identifier: Apache-2.0
"""Artifacts 20160918: container repositories and images (the control plane of the registry, not its data)."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from oci_emulator.calls import Answer, Call, Operation, ServiceError, invalid, not_found
from oci_emulator.identifiers import etag, ocid, rfc3339
from oci_emulator.object_api import json_body
from oci_emulator.paging import is_sort_descending, page_of
from oci_emulator.settings import Settings
from oci_emulator.tenancy import Tenancy

TAGS: dict[str, Any] = {"freeformTags": {}, "definedTags": {}, "systemTags": {}}
SUMMARY_OMITS = ("createdBy", "isImmutable", "readme", "timeLastPushed")
IMAGE_SUMMARY_OMITS = (
    "createdBy", "layers", "layersSizeInBytes", "manifestSizeInBytes", "pullCount", "timeLastPulled", "versions",
)  # fmt: skip


class ArtifactsService:
    """One repository with one image is there at the start: the one of Settings.image."""

    def __init__(self, settings: Settings, tenancy: Tenancy) -> None:
        self.settings = settings
        self.tenancy = tenancy
        self.repositories: dict[str, dict[str, Any]] = {}
        self.images: dict[str, dict[str, Any]] = {}
        self.etags: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        name, _, version = settings.image.partition("/")[2].partition("/")[2].partition(":")
        repository = self._add_repository(name, {"compartmentId": tenancy.compartment}, tenancy.user)
        self._add_image(repository, version or "latest")

    def _add_repository(self, name: str, body: dict[str, Any], owner: str) -> dict[str, Any]:
        repository = {
            "id": ocid("containerrepo"),
            "compartmentId": body["compartmentId"],
            "createdBy": owner,
            "displayName": name,
            "imageCount": 0,
            "isImmutable": bool(body.get("isImmutable")),
            "isPublic": bool(body.get("isPublic")),
            "layerCount": 0,
            "layersSizeInBytes": 0,
            "lifecycleState": "AVAILABLE",
            "readme": body.get("readme"),
            "timeCreated": rfc3339(time.time()),
            "timeLastPushed": None,
            "billableSizeInGBs": 0,
            "namespace": self.settings.namespace,
            **TAGS,
            **{key: body[key] for key in ("freeformTags", "definedTags") if body.get(key)},
        }
        self.repositories[repository["id"]] = repository
        self.etags[repository["id"]] = etag()
        return repository

    def _add_image(self, repository: dict[str, Any], version: str) -> None:
        now = rfc3339(time.time())
        digest = "sha256:" + hashlib.sha256(repository["id"].encode()).hexdigest()
        image = {
            "id": ocid("containerimage"),
            "compartmentId": repository["compartmentId"],
            "createdBy": repository["createdBy"],
            "digest": digest,
            "displayName": f"{repository['displayName']}:{version}",
            "layers": [{"digest": digest, "sizeInBytes": 50_000_000, "timeCreated": now}],
            "layersSizeInBytes": 50_000_000,
            "lifecycleState": "AVAILABLE",
            "manifestSizeInBytes": 1000,
            "pullCount": 0,
            "repositoryId": repository["id"],
            "repositoryName": repository["displayName"],
            "timeCreated": now,
            "timeLastPulled": None,
            "version": version,
            "versions": [{"createdBy": repository["createdBy"], "timeCreated": now, "version": version}],
            **TAGS,
        }
        self.images[image["id"]] = image
        self.etags[image["id"]] = etag()
        repository.update(imageCount=1, layerCount=1, layersSizeInBytes=50_000_000, timeLastPushed=now)

    def push(self, name: str, version: str) -> None:
        """What a push leaves behind; the repository is made by the first one, in the root compartment."""
        found = [one for one in self.repositories.values() if one["displayName"] == name]
        body = {"compartmentId": self.tenancy.tenancy}
        self._add_image(found[0] if found else self._add_repository(name, body, self.tenancy.user), version)

    def _check_match(self, call: Call, identifier: str) -> None:
        if call.headers.get("if-match") not in (None, "*", self.etags[identifier]):
            raise ServiceError(412, "NoEtagMatch", "The etag given in if-match is not the resource's.")

    def _one(self, table: dict[str, dict[str, Any]], identifier: str) -> Answer:
        if identifier not in table:
            raise not_found()
        return Answer(table[identifier], headers={"etag": self.etags[identifier]})

    async def create_repository(self, call: Call) -> Answer:
        body, token = json_body(call), call.headers.get("opc-retry-token")
        for name in ("compartmentId", "displayName"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise ServiceError(400, "MissingParameter", f"The required parameter '{name}' is missing.")
        if body["compartmentId"] not in (self.tenancy.tenancy, self.tenancy.compartment):
            raise not_found()
        if token in self.tokens:
            return self._one(self.repositories, self.tokens[token])
        if any(one["displayName"] == body["displayName"] for one in self.repositories.values()):
            raise ServiceError(409, "NAMESPACE_CONFLICT", f"Repository {body['displayName']} already exists.")
        made = self._add_repository(body["displayName"], body, call.principal.subject)
        if token:
            self.tokens[token] = made["id"]
        return self._one(self.repositories, made["id"])

    async def get_repository(self, call: Call) -> Answer:
        return self._one(self.repositories, call.parameters["id"])

    async def delete_repository(self, call: Call) -> Answer:
        identifier = call.parameters["id"]
        self._one(self.repositories, identifier)
        self._check_match(call, identifier)
        del self.repositories[identifier]
        self.images = {key: image for key, image in self.images.items() if image["repositoryId"] != identifier}
        return Answer(status=204)

    def _listed(self, call: Call, table: dict[str, dict[str, Any]], filters: dict[str, str]) -> list[dict[str, Any]]:
        compartment = call.need("compartmentId")
        if call.query.get("compartmentIdInSubtree") == "true":
            if compartment != self.tenancy.tenancy:
                raise invalid("compartmentIdInSubtree is for the root compartment only.")
            found = list(table.values())
        else:
            found = [item for item in table.values() if item["compartmentId"] == compartment]
        for parameter, member in filters.items():
            wanted = call.query.get(parameter)
            if wanted is not None:
                found = [item for item in found if str(item[member]) == wanted]
        return found

    async def list_repositories(self, call: Call) -> Answer:
        filters = {"repositoryId": "id", "displayName": "displayName", "lifecycleState": "lifecycleState"}
        found = self._listed(call, self.repositories, filters)
        page, headers = self._page(call, found)
        body = {
            "layerCount": sum(one["layerCount"] for one in found),
            "layersSizeInBytes": sum(one["layersSizeInBytes"] for one in found),
            "imageCount": sum(one["imageCount"] for one in found),
            "items": [{key: one[key] for key in one if key not in SUMMARY_OMITS} for one in page],
            "remainingItemsCount": len(found) - len(page),
            "repositoryCount": len(found),
        }
        return Answer(body, headers=headers)

    @staticmethod
    def _page(call: Call, found: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, str]]:
        by = "displayName" if call.query.get("sortBy") == "DISPLAYNAME" else "timeCreated"
        descending = is_sort_descending(call, by == "timeCreated")
        return page_of(call, found, lambda one: [one[by], one["id"]], descending, 100, 1000)

    async def list_images(self, call: Call) -> Answer:
        filters = {
            "repositoryId": "repositoryId", "version": "version", "displayName": "displayName",
            "imageDigest": "digest", "lifecycleState": "lifecycleState", "imageId": "id",
        }  # fmt: skip
        found = self._listed(call, self.images, filters)
        name = call.query.get("repositoryName")
        if name is not None:
            prefix, star = name.removesuffix("*"), name.endswith("*")
            found = [
                one for one in found
                if one["repositoryName"] == prefix or (star and one["repositoryName"].startswith(prefix))
            ]  # fmt: skip
        page, headers = self._page(call, found)
        items = [{key: one[key] for key in one if key not in IMAGE_SUMMARY_OMITS} for one in page]
        return Answer({"items": items, "remainingItemsCount": len(found) - len(page)}, headers=headers)

    async def get_image(self, call: Call) -> Answer:
        return self._one(self.images, call.parameters["id"])

    async def delete_image(self, call: Call) -> Answer:
        identifier = call.parameters["id"]
        self._one(self.images, identifier)
        self._check_match(call, identifier)
        repository = self.repositories.get(self.images.pop(identifier)["repositoryId"])
        if repository is not None:
            repository.update(imageCount=0, layerCount=0, layersSizeInBytes=0)
        return Answer(status=204)

    async def remove_version(self, call: Call) -> Answer:
        self._one(self.images, call.parameters["id"])
        image, version = self.images[call.parameters["id"]], json_body(call).get("version")
        if version not in [one["version"] for one in image["versions"]]:
            raise invalid(f"The image has no version '{version}'.")
        image["versions"] = [one for one in image["versions"] if one["version"] != version]
        image["version"] = image["versions"][0]["version"] if image["versions"] else None
        return self._one(self.images, image["id"])

    async def get_configuration(self, call: Call) -> Answer:
        if call.need("compartmentId") != self.tenancy.tenancy:
            raise not_found()
        return Answer({"isRepositoryCreatedOnFirstPush": True, "namespace": self.settings.namespace})

    def operations(self) -> list[Operation]:
        repositories, images = "/20160918/container/repositories", "/20160918/container/images"
        return [
            Operation("CreateContainerRepository", "POST", repositories, self.create_repository),
            Operation("ListContainerRepositories", "GET", repositories, self.list_repositories),
            Operation("GetContainerRepository", "GET", repositories + "/{id}", self.get_repository),
            Operation("DeleteContainerRepository", "DELETE", repositories + "/{id}", self.delete_repository),
            Operation("ListContainerImages", "GET", images, self.list_images),
            Operation("GetContainerImage", "GET", images + "/{id}", self.get_image),
            Operation("DeleteContainerImage", "DELETE", images + "/{id}", self.delete_image),
            Operation("RemoveContainerVersion", "POST", images + "/{id}/actions/removeVersion", self.remove_version),
            Operation("GetContainerConfiguration", "GET", "/20160918/container/configuration", self.get_configuration),
        ]

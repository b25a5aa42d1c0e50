# SPDX-License-Identifier: Apache-2.0
"""Object Storage: namespace, buckets, lifecycle policy, and the list and batch operations.

The single-object operations are in object_data_api.py, multipart uploads in multipart_api.py.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from oci_emulator.calls import Answer, Call, Operation, ServiceError, invalid
from oci_emulator.identifiers import etag, ocid, rfc3339
from oci_emulator.journal import Journal
from oci_emulator.objects import Bucket, ObjectStore, StoredObject
from oci_emulator.paging import page_of
from oci_emulator.settings import Settings

BUCKET_NAME = re.compile(r"[A-Za-z0-9\-_.]{1,256}")
LIST_FIELDS = ("name", "size", "etag", "md5", "timecreated", "timemodified", "storagetier", "archivalstate")
BATCH_LIMIT = 1000


def json_body(call: Call) -> dict[str, Any]:
    try:
        body = json.loads(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ServiceError(400, "CannotParseRequest", "Incorrectly formatted request. Please refer to documentation.")
    return body


class ObjectService:
    def __init__(self, settings: Settings, store: ObjectStore, journal: Journal) -> None:
        self.settings = settings
        self.store = store
        self.journal = journal
        # Whether a policy lets the service delete objects by itself; asked only where a switch says so.
        self.is_service_allowed: Callable[[], bool] = lambda: True

    # MARK: finding things

    def bucket(self, call: Call) -> Bucket:
        self.namespace(call)
        name = call.parameters["bucket"]
        found = self.store.buckets.get(name)
        if found is None:
            raise ServiceError(
                404,
                "BucketNotFound",
                f"Either the bucket named '{name}' does not exist in the namespace "
                f"'{self.settings.namespace}' or you are not authorized to access it",
            )
        return found

    def namespace(self, call: Call) -> str:
        name = call.parameters["namespace"]
        if name != self.settings.namespace:
            raise ServiceError(404, "NamespaceNotFound", f"You do not have authorization to use namespace '{name}'")
        return name

    # MARK: buckets

    def add_bucket(self, name: str, compartment: str, owner: str) -> Bucket:
        bucket = Bucket(name, compartment, owner, time.time(), etag())
        bucket.details["id"] = ocid("bucket")
        self.store.buckets[name] = bucket
        return bucket

    def bucket_view(self, bucket: Bucket) -> dict[str, Any]:
        details = bucket.details
        return {
            "namespace": self.settings.namespace,
            "name": bucket.name,
            "compartmentId": bucket.compartment,
            "metadata": details.get("metadata") or {},
            "createdBy": bucket.owner,
            "timeCreated": rfc3339(bucket.created),
            "etag": bucket.etag,
            "publicAccessType": details.get("publicAccessType", "NoPublicAccess"),
            "storageTier": details.get("storageTier", "Standard"),
            "objectEventsEnabled": bool(details.get("objectEventsEnabled", False)),
            "freeformTags": details.get("freeformTags") or {},
            "definedTags": details.get("definedTags") or {},
            "kmsKeyId": details.get("kmsKeyId"),
            "objectLifecyclePolicyEtag": (bucket.lifecycle or {}).get("etag"),
            "replicationEnabled": False,
            "isReadOnly": False,
            "id": details["id"],
            "versioning": details.get("versioning", "Disabled"),
            "autoTiering": details.get("autoTiering", "Disabled"),
        }

    async def get_namespace(self, call: Call) -> Answer:
        return Answer(self.settings.namespace)

    async def create_bucket(self, call: Call) -> Answer:
        self.namespace(call)
        body = json_body(call)
        name, compartment = body.get("name"), body.get("compartmentId")
        if not isinstance(name, str) or not BUCKET_NAME.fullmatch(name):
            raise ServiceError(400, "InvalidBucketName", "The bucket name is missing or not valid.")
        if not isinstance(compartment, str):
            raise ServiceError(400, "MissingParameter", "compartmentId is missing.")
        if name in self.store.buckets:
            raise ServiceError(
                409,
                "BucketAlreadyExists",
                f"Either the bucket '{name}' in namespace '{self.settings.namespace}' already exists or you are not "
                "authorized to create it",
            )
        bucket = self.add_bucket(name, compartment, call.principal.subject)
        bucket.details.update(body)
        location = f"/n/{self.settings.namespace}/b/{name}"
        return Answer(self.bucket_view(bucket), headers={"etag": bucket.etag, "location": location})

    async def get_bucket(self, call: Call) -> Answer:
        bucket = self.bucket(call)
        view = self.bucket_view(bucket)
        fields = call.query.get("fields", "")
        if "approximateCount" in fields:
            view["approximateCount"] = len(bucket.objects)
        if "approximateSize" in fields:
            view["approximateSize"] = sum(item.blob.size for item in bucket.objects.values())
        return Answer(view, headers={"etag": bucket.etag})

    async def head_bucket(self, call: Call) -> Answer:
        return Answer(headers={"etag": self.bucket(call).etag})

    async def list_buckets(self, call: Call) -> Answer:
        self.namespace(call)
        compartment = call.need("compartmentId")
        found = [bucket for bucket in self.store.buckets.values() if bucket.compartment == compartment]
        page, headers = page_of(call, found, lambda bucket: bucket.name, False, 1000, 1000)
        names = ("namespace", "name", "compartmentId", "createdBy", "timeCreated", "etag")
        views = [self.bucket_view(bucket) for bucket in page]
        return Answer([{name: view[name] for name in names} for view in views], headers=headers)

    async def update_bucket(self, call: Call) -> Answer:
        bucket = self.bucket(call)
        self.check_match(call, bucket.etag)
        changes = json_body(call)
        bucket.compartment = changes.get("compartmentId") or bucket.compartment
        changes.pop("name", None)
        bucket.details.update(changes)
        bucket.etag = etag()
        return Answer(self.bucket_view(bucket), headers={"etag": bucket.etag})

    async def delete_bucket(self, call: Call) -> Answer:
        bucket = self.bucket(call)
        self.check_match(call, bucket.etag)
        if bucket.objects or bucket.uploads:
            raise ServiceError(
                409, "BucketNotEmpty", f"Bucket named '{bucket.name}' is not empty. Delete all objects first."
            )
        del self.store.buckets[bucket.name]
        return Answer(status=204)

    @staticmethod
    def check_match(call: Call, current: str | None) -> None:
        """`if-match` against the current etag, which is None when there is nothing."""
        wanted = call.headers.get("if-match")
        if wanted is not None and wanted not in (current, "*" if current else None):
            raise ServiceError(412, "IfMatchFailed", "The If-Match header does not match the ETag of the resource.")

    # MARK: lists

    def summary(self, item: StoredObject, fields: list[str]) -> dict[str, Any]:
        view: dict[str, Any] = {"name": item.name}
        if "size" in fields:
            view["size"] = item.blob.size
        if "etag" in fields:
            view["etag"] = item.etag
        if "md5" in fields:
            view["md5"] = item.multipart_md5 or item.blob.md5_base64()
        if "timecreated" in fields:
            view["timeCreated"] = rfc3339(item.created)
        if "timemodified" in fields:
            view["timeModified"] = rfc3339(item.modified)
        if "storagetier" in fields:
            view["storageTier"] = "Standard"
        if "archivalstate" in fields:
            view["archivalState"] = None
        return view

    async def list_objects(self, call: Call) -> Answer:
        bucket = self.bucket(call)
        query = call.query
        limit = call.number("limit", 1000, 1, 1000)
        fields = [name.strip().lower() for name in query.get("fields", "name").split(",")]
        unknown = [name for name in fields if name and name not in LIST_FIELDS]
        if unknown:
            raise invalid(f"Invalid fields: {', '.join(unknown)}")
        delimiter = query.get("delimiter")
        if delimiter not in (None, "", "/"):
            raise invalid("The only delimiter supported is '/'.")
        prefix, end, after = query.get("prefix", ""), query.get("end"), query.get("startAfter")
        objects: list[dict[str, Any]] = []
        prefixes: list[str] = []
        answer: dict[str, Any] = {"objects": objects, "prefixes": prefixes}
        for name in bucket.names_from(max(prefix, query.get("start", ""), after or "")):
            if not name.startswith(prefix) or (end and name >= end):
                break
            if after and name <= after:
                continue
            cut = name.find("/", len(prefix)) if delimiter else -1
            group = name[: cut + 1] if cut >= 0 else None
            if group is not None and prefixes and prefixes[-1] == group:
                continue
            if len(objects) + len(prefixes) == limit:
                answer["nextStartWith"] = name
                break
            if group is not None:
                prefixes.append(group)
            else:
                objects.append(self.summary(bucket.objects[name], fields))
        return Answer(answer)

    async def batch_delete(self, call: Call) -> Answer:
        bucket = self.bucket(call)
        body = json_body(call)
        entries = body.get("objects")
        if not isinstance(entries, list) or not 1 <= len(entries) <= BATCH_LIMIT:
            raise invalid(f"objects must hold 1 to {BATCH_LIMIT} entries.")
        deleted, failed = [], []
        for entry in entries:
            name = entry.get("objectName") if isinstance(entry, dict) else None
            if not isinstance(name, str):
                raise invalid("objectName is missing.")
            item = bucket.objects.get(name)
            wanted = entry.get("ifMatch")
            if item is not None and wanted is not None and wanted != item.etag:
                failed.append({"objectName": name, "statusCode": 412, "errorMessage": "IfMatchFailed"})
            elif item is None and self.settings.switches["batch-delete-missing"] == "failed":
                failed.append({"objectName": name, "statusCode": 404, "errorMessage": "ObjectNotFound"})
            else:
                if item is not None:
                    self.remove(bucket, name)
                moment = rfc3339(item.modified if item is not None else time.time())
                deleted.append({"objectName": name, "timeLastModified": moment})
        if body.get("isSkipDeletedResult"):
            deleted = []
        return Answer({"deleted": deleted, "failed": failed})

    def remove(self, bucket: Bucket, name: str) -> StoredObject | None:
        item = bucket.remove(name)
        if item is not None:
            self.journal.write("object-deleted", bucket=bucket.name, name=name)
        return item

    # MARK: lifecycle policy

    async def put_lifecycle(self, call: Call) -> Answer:
        bucket = self.bucket(call)
        if self.settings.switches["lifecycle-needs-policy"] == "yes" and not self.is_service_allowed():
            raise ServiceError(
                400,
                "InsufficientServicePermissions",
                f"Permissions granted to the object storage service principal 'objectstorage-{self.settings.region}' "
                "to this bucket are insufficient.",
            )
        items = json_body(call).get("items", [])
        for item in items:
            missing = [name for name in ("name", "action", "timeAmount", "timeUnit", "isEnabled") if name not in item]
            if missing:
                raise ServiceError(400, "MissingParameter", f"Lifecycle rule without {', '.join(missing)}.")
            if item["action"] not in ("ARCHIVE", "INFREQUENT_ACCESS", "DELETE", "ABORT"):
                raise invalid(f"Unknown lifecycle action {item['action']!r}.")
            if item["timeUnit"] not in ("DAYS", "YEARS"):
                raise invalid(f"Unknown time unit {item['timeUnit']!r}.")
        bucket.lifecycle = {"items": items, "timeCreated": rfc3339(time.time()), "etag": etag()}
        return await self.get_lifecycle(call)

    async def get_lifecycle(self, call: Call) -> Answer:
        policy = self.bucket(call).lifecycle
        if policy is None:
            raise ServiceError(404, "LifecyclePolicyNotFound", "The bucket has no lifecycle policy.")
        return Answer(
            {"timeCreated": policy["timeCreated"], "items": policy["items"]}, headers={"etag": policy["etag"]}
        )

    async def delete_lifecycle(self, call: Call) -> Answer:
        bucket = self.bucket(call)
        if bucket.lifecycle is None:
            raise ServiceError(404, "LifecyclePolicyNotFound", "The bucket has no lifecycle policy.")
        bucket.lifecycle = None
        return Answer(status=204)

    def operations(self) -> list[Operation]:
        bucket = "/n/{namespace}/b/{bucket}"
        return [
            Operation("GetNamespace", "GET", "/n", self.get_namespace),
            Operation("CreateBucket", "POST", "/n/{namespace}/b", self.create_bucket),
            Operation("ListBuckets", "GET", "/n/{namespace}/b", self.list_buckets),
            Operation("GetBucket", "GET", bucket, self.get_bucket),
            Operation("HeadBucket", "HEAD", bucket, self.head_bucket),
            Operation("UpdateBucket", "POST", bucket, self.update_bucket),
            Operation("DeleteBucket", "DELETE", bucket, self.delete_bucket),
            Operation("ListObjects", "GET", bucket + "/o", self.list_objects),
            Operation("BatchDeleteObjects", "POST", bucket + "/actions/batchDeleteObjects", self.batch_delete),
            Operation("PutObjectLifecyclePolicy", "PUT", bucket + "/l", self.put_lifecycle),
            Operation("GetObjectLifecyclePolicy", "GET", bucket + "/l", self.get_lifecycle),
            Operation("DeleteObjectLifecyclePolicy", "DELETE", bucket + "/l", self.delete_lifecycle),
        ]

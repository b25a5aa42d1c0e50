# SPDX-License-Identifier: Apache-2.0
"""Object Storage: multipart uploads."""

from __future__ import annotations

import time
import uuid
from email.utils import formatdate
from typing import Any

from oci_emulator.calls import Answer, Call, Operation, ServiceError, invalid
from oci_emulator.identifiers import etag, rfc3339
from oci_emulator.object_api import json_body
from oci_emulator.object_data_api import ObjectDataService, check_absent, check_md5, md5_of_parts, stored_headers
from oci_emulator.objects import BlobWriter, Bucket, StoredObject, Upload, chunks_of, collect
from oci_emulator.paging import page_of


class MultipartService:
    def __init__(self, data: ObjectDataService) -> None:
        self.data = data
        self.service = data.service

    def view(self, bucket: Bucket, upload: Upload) -> dict[str, Any]:
        return {
            "namespace": self.service.settings.namespace,
            "bucket": bucket.name,
            "object": upload.name,
            "uploadId": upload.identifier,
            "timeCreated": rfc3339(upload.created),
            "storageTier": "Standard",
        }

    def found(self, call: Call) -> tuple[Bucket, Upload]:
        bucket = self.service.bucket(call)
        upload = bucket.uploads.get(call.need("uploadId"))
        if upload is None or upload.name != call.parameters["object"]:
            raise ServiceError(404, "NoSuchUpload", "The specified upload does not exist.")
        return bucket, upload

    async def create(self, call: Call) -> Answer:
        bucket = self.service.bucket(call)
        body = json_body(call)
        name = body.get("object")
        if not isinstance(name, str) or not name:
            raise ServiceError(400, "MissingParameter", "object is missing.")
        check_absent(call, bucket.objects.get(name))
        given = {
            "content-type": body.get("contentType"),
            "content-language": body.get("contentLanguage"),
            "content-encoding": body.get("contentEncoding"),
            "content-disposition": body.get("contentDisposition"),
            "cache-control": body.get("cacheControl"),
            **(body.get("metadata") or {}),
        }
        headers = stored_headers({key: value for key, value in given.items() if value})
        upload = Upload(str(uuid.uuid4()), name, time.time(), headers)
        bucket.uploads[upload.identifier] = upload
        return Answer(self.view(bucket, upload))

    async def upload_part(self, call: Call) -> Answer:
        _, upload = self.found(call)
        number = call.number("uploadPartNum", 0, 1, 10_000)
        if number == 0:
            raise ServiceError(400, "MissingParameter", "uploadPartNum is missing.")
        assert call.stream is not None
        blob = await collect(call.stream, self.service.store.directory)
        try:
            check_md5(call, blob)
        except ServiceError:
            blob.discard()
            raise
        former = upload.parts.get(number)
        if former is not None:
            former[1].discard()
        mark = etag()
        upload.parts[number] = (mark, blob)
        return Answer(headers={"etag": mark, "opc-content-md5": blob.md5_base64()})

    async def commit(self, call: Call) -> Answer:
        bucket, upload = self.found(call)
        body = json_body(call)
        wanted = body.get("partsToCommit")
        if not isinstance(wanted, list) or not wanted:
            raise ServiceError(400, "MissingParameter", "partsToCommit is missing.")
        excluded = set(body.get("partsToExclude") or [])
        numbers = sorted(entry.get("partNum", 0) for entry in wanted)
        etags = {entry.get("partNum"): entry.get("etag") for entry in wanted}
        for number in numbers:
            if number not in upload.parts or upload.parts[number][0] != etags[number]:
                raise ServiceError(400, "InvalidUploadPart", f"Part {number} does not exist or its etag differs.")
        if len(numbers) != len(etags) or set(upload.parts) != set(numbers) | (excluded & set(upload.parts)):
            raise invalid("Every uploaded part must be either committed or excluded, once.")
        current = bucket.objects.get(upload.name)
        self.service.check_match(call, current.etag if current is not None else None)
        check_absent(call, current)
        parts = [upload.parts[number][1] for number in numbers]
        writer = BlobWriter(self.service.store.directory)
        for part in parts:
            for chunk in chunks_of(part):
                writer.write(chunk)
        has_suffix = self.service.settings.switches["multipart-md5-suffix"] == "yes"
        now = time.time()
        item = StoredObject(
            upload.name, writer.finish(), etag(), now, now, upload.headers, md5_of_parts(parts, has_suffix)
        )
        self.discard(bucket, upload)
        self.data.store(bucket, item)
        headers = {"etag": item.etag, "last-modified": formatdate(now, usegmt=True), "version-id": item.version}
        headers["opc-multipart-md5"] = item.multipart_md5 or ""
        return Answer(headers=headers)

    @staticmethod
    def discard(bucket: Bucket, upload: Upload) -> None:
        del bucket.uploads[upload.identifier]
        for _, blob in upload.parts.values():
            blob.discard()

    async def abort(self, call: Call) -> Answer:
        self.discard(*self.found(call))
        return Answer(status=204)

    async def list_parts(self, call: Call) -> Answer:
        _, upload = self.found(call)
        page, headers = page_of(call, sorted(upload.parts), lambda number: number, False, 1000, 1000)
        views = []
        for number in page:
            mark, blob = upload.parts[number]
            views.append({"partNumber": number, "etag": mark, "md5": blob.md5_base64(), "size": blob.size})
        return Answer(views, headers=headers)

    async def list_uploads(self, call: Call) -> Answer:
        bucket = self.service.bucket(call)
        uploads = list(bucket.uploads.values())
        page, headers = page_of(call, uploads, lambda one: [one.name, one.identifier], False, 1000, 1000)
        return Answer([self.view(bucket, upload) for upload in page], headers=headers)

    def operations(self) -> list[Operation]:
        uploads = "/n/{namespace}/b/{bucket}/u"
        return [
            Operation("CreateMultipartUpload", "POST", uploads, self.create),
            Operation("ListMultipartUploads", "GET", uploads, self.list_uploads),
            Operation("UploadPart", "PUT", uploads + "/{object...}", self.upload_part, body="stream"),
            Operation("CommitMultipartUpload", "POST", uploads + "/{object...}", self.commit),
            Operation("AbortMultipartUpload", "DELETE", uploads + "/{object...}", self.abort),
            Operation("ListMultipartUploadParts", "GET", uploads + "/{object...}", self.list_parts),
        ]

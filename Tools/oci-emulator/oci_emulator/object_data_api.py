# SPDX-License-Identifier: Apache-2.0
"""Object Storage: put, get, head and delete of one object, with ranges, conditions, MD5 and metadata."""

from __future__ import annotations

import base64
import re
import time
from email.utils import formatdate
from typing import Any

from oci_emulator.calls import Answer, Call, FileSlice, Operation, ServiceError
from oci_emulator.identifiers import etag
from oci_emulator.object_api import ObjectService
from oci_emulator.objects import Blob, Bucket, StoredObject, collect

STORED_HEADERS = ("content-type", "content-language", "content-encoding", "content-disposition", "cache-control")
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
OBJECT_LIMIT_BYTES = 50 << 30


def stored_headers(headers: Any) -> dict[str, str]:
    """What a put keeps and a get gives back."""
    kept = {name: headers[name] for name in STORED_HEADERS if headers.get(name)}
    kept.setdefault("content-type", "application/octet-stream")
    for name, value in headers.items():
        if name.lower().startswith("opc-meta-"):
            kept[name.lower()] = value
    return kept


def check_absent(call: Call, item: StoredObject | None) -> None:
    """`if-none-match: *` on writes: only if there is no such object yet."""
    condition = call.headers.get("if-none-match")
    if condition == "*" and item is not None:
        raise ServiceError(412, "IfNoneMatchFailed", "The object already exists.")


class ObjectDataService:
    def __init__(self, service: ObjectService) -> None:
        self.service = service

    def found(self, call: Call) -> tuple[Bucket, StoredObject]:
        bucket = self.service.bucket(call)
        name = call.parameters["object"]
        item = bucket.objects.get(name)
        if item is None:
            raise ServiceError(
                404, "ObjectNotFound", f"The object '{name}' was not found in the bucket '{bucket.name}'"
            )
        return bucket, item

    async def put(self, call: Call) -> Answer:
        bucket = self.service.bucket(call)
        name = call.parameters["object"]
        if not 1 <= len(name.encode()) <= 1024 or re.search(r"[\r\n\0]", name):
            raise ServiceError(400, "InvalidObjectName", "The object name is not valid.")
        if int(call.headers.get("content-length", "0")) > OBJECT_LIMIT_BYTES:
            raise ServiceError(413, "RequestEntityTooLarge", "The object is larger than 50 GiB.")
        self._check_conditions(call, bucket, name)
        assert call.stream is not None
        blob = await collect(call.stream, self.service.store.directory)
        try:
            check_md5(call, blob)
            self._check_conditions(call, bucket, name)  # somebody else may have been faster
        except ServiceError:
            blob.discard()
            raise
        now = time.time()
        item = StoredObject(name, blob, etag(), now, now, stored_headers(call.headers))
        self.store(bucket, item)
        return Answer(
            headers={
                "etag": item.etag,
                "opc-content-md5": blob.md5_base64(),
                "last-modified": formatdate(now, usegmt=True),
                "version-id": item.version,
            }
        )

    def store(self, bucket: Bucket, item: StoredObject) -> None:
        bucket.put(item)
        self.service.journal.write("object-stored", bucket=bucket.name, name=item.name, size=item.blob.size)

    def _check_conditions(self, call: Call, bucket: Bucket, name: str) -> None:
        current = bucket.objects.get(name)
        self.service.check_match(call, current.etag if current is not None else None)
        check_absent(call, current)

    def _headers(self, item: StoredObject) -> dict[str, str]:
        headers = dict(item.headers)
        headers["etag"] = item.etag
        headers["last-modified"] = formatdate(item.modified, usegmt=True)
        headers["accept-ranges"] = "bytes"
        headers["version-id"] = item.version
        headers["storage-tier"] = "Standard"
        if item.multipart_md5 is None:
            headers["content-md5"] = item.blob.md5_base64()
        else:
            headers["opc-multipart-md5"] = item.multipart_md5
        return headers

    def _read_conditions(self, call: Call, item: StoredObject) -> Answer | None:
        self.service.check_match(call, item.etag)
        condition = call.headers.get("if-none-match")
        if condition == "*":
            raise ServiceError(400, "InvalidHeader", "If-None-Match: * is not supported on reads.")
        if condition == item.etag:
            return Answer(status=304, headers={"etag": item.etag})
        return None

    async def get(self, call: Call) -> Answer:
        _, item = self.found(call)
        unchanged = self._read_conditions(call, item)
        if unchanged is not None:
            return unchanged
        headers, blob = self._headers(item), item.blob
        for name, value in call.query.items():
            # httpResponseContentType and its like override what was stored.
            if name.startswith("httpResponse"):
                words = re.findall(r"[A-Z][a-z]+", name[len("httpResponse") :])
                headers["-".join(words).lower()] = value
        window = self._window(call, blob)
        if window is None:
            return Answer(slice_of(blob, 0, blob.size), headers=headers)
        first, length = window
        headers["content-range"] = f"bytes {first}-{first + length - 1}/{blob.size}"
        headers.pop("content-md5", None)  # it is the whole object's; a client would check the part against it
        return Answer(slice_of(blob, first, length), 206, headers)

    def _window(self, call: Call, blob: Blob) -> tuple[int, int] | None:
        """Offset and length of a satisfiable `range`; None for the whole object."""
        text = call.headers.get("range")
        if text is None:
            return None
        match = RANGE.fullmatch(text.strip())
        if match is None or not (match[1] or match[2]):
            raise ServiceError(400, "InvalidRange", "Only one range of the form bytes=first-last is supported.")
        if match[1]:
            first = int(match[1])
            last = min(int(match[2]), blob.size - 1) if match[2] else blob.size - 1
        else:
            first, last = max(0, blob.size - int(match[2])), blob.size - 1
        if first > last:
            if self.service.settings.switches["range-unsatisfiable"] == "200":
                return None
            raise ServiceError(
                416, "InvalidRange", "The range is not satisfiable.", {"content-range": f"bytes */{blob.size}"}
            )
        return first, last - first + 1

    async def head(self, call: Call) -> Answer:
        _, item = self.found(call)
        unchanged = self._read_conditions(call, item)
        if unchanged is not None:
            return unchanged
        return Answer(headers={**self._headers(item), "content-length": str(item.blob.size)})

    async def delete(self, call: Call) -> Answer:
        bucket, item = self.found(call)
        self.service.check_match(call, item.etag)
        self.service.remove(bucket, item.name)
        return Answer(
            status=204, headers={"last-modified": formatdate(item.modified, usegmt=True), "version-id": item.version}
        )

    def operations(self) -> list[Operation]:
        path = "/n/{namespace}/b/{bucket}/o/{object...}"
        return [
            Operation("PutObject", "PUT", path, self.put, body="stream"),
            Operation("GetObject", "GET", path, self.get),
            Operation("HeadObject", "HEAD", path, self.head),
            Operation("DeleteObject", "DELETE", path, self.delete),
        ]


def check_md5(call: Call, blob: Blob) -> None:
    sent = call.headers.get("content-md5")
    if sent is not None and sent != blob.md5_base64():
        raise ServiceError(
            400, "UnmatchedContentMD5", f"The computed MD5 of the body does not match Content-MD5 '{sent}'."
        )


def slice_of(blob: Blob, offset: int, length: int) -> bytes | FileSlice:
    if blob.data is not None:
        return blob.data[offset : offset + length]
    assert blob.path is not None
    return FileSlice(blob.path, offset, length)


def md5_of_parts(parts: list[Blob], has_suffix: bool) -> str:
    """Base64 MD5 over the parts' binary MD5s, with `-<count>` as the switch says."""
    import hashlib

    digest = hashlib.md5(b"".join(part.md5 for part in parts), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode() + (f"-{len(parts)}" if has_suffix else "")

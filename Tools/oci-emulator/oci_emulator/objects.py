# SPDX-License-Identifier: Apache-2.0
"""Buckets and objects: the store behind the Object Storage API, without its HTTP.

Small objects live in memory, others in files. Nothing is written in place: an object is complete before
its name points to it, and a name always gives the newest copy (Object Storage is strongly consistent).
"""

from __future__ import annotations

import base64
import bisect
import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEMORY_BYTES = 1 << 20


@dataclass
class Blob:
    """Bytes with their MD5, in memory or in a file of their own."""

    size: int
    md5: bytes
    data: bytes | None
    path: Path | None

    def md5_base64(self) -> str:
        return base64.b64encode(self.md5).decode()

    def discard(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)


class BlobWriter:
    """Collects a blob; it goes to a file as soon as it is too big for memory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._digest = hashlib.md5(usedforsecurity=False)
        self._memory = bytearray()
        self._path: Path | None = None
        self._file: Any = None
        self.size = 0

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        self.size += len(data)
        if self._file is None and self.size > MEMORY_BYTES:
            self._path = self._directory / uuid.uuid4().hex
            self._file = self._path.open("wb")
            self._file.write(self._memory)
            self._memory.clear()
        if self._file is None:
            self._memory += data
        else:
            self._file.write(data)

    def finish(self) -> Blob:
        if self._file is not None:
            self._file.close()
        data = None if self._path is not None else bytes(self._memory)
        return Blob(self.size, self._digest.digest(), data, self._path)

    def abandon(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def chunks_of(blob: Blob) -> Iterator[bytes]:
    if blob.data is not None:
        yield blob.data
    elif blob.path is not None:
        with blob.path.open("rb") as file:
            while chunk := file.read(1 << 20):
                yield chunk


async def collect(stream: AsyncIterator[bytes], directory: Path) -> Blob:
    """A whole streamed body; nothing of it stays behind when the client breaks off."""
    writer = BlobWriter(directory)
    try:
        async for chunk in stream:
            writer.write(chunk)
    except BaseException:
        writer.abandon()
        raise
    return writer.finish()


@dataclass
class StoredObject:
    name: str
    blob: Blob
    etag: str
    created: float
    modified: float
    headers: dict[str, str]  # content-type, opc-meta-* and their like, as they are given back
    multipart_md5: str | None = None
    version: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Upload:
    """A multipart upload in progress: parts by number."""

    identifier: str
    name: str
    created: float
    headers: dict[str, str]
    parts: dict[int, tuple[str, Blob]] = field(default_factory=dict)


class Bucket:
    def __init__(self, name: str, compartment: str, owner: str, now: float, etag: str) -> None:
        self.name = name
        self.compartment = compartment
        self.owner = owner
        self.created = now
        self.etag = etag
        self.details: dict[str, Any] = {}
        self.lifecycle: dict[str, Any] | None = None
        self.uploads: dict[str, Upload] = {}
        self.objects: dict[str, StoredObject] = {}
        self._names: list[str] = []

    def put(self, item: StoredObject) -> None:
        former = self.objects.get(item.name)
        if former is None:
            bisect.insort(self._names, item.name)
        else:
            item.created = former.created
            former.blob.discard()
        self.objects[item.name] = item

    def remove(self, name: str) -> StoredObject | None:
        item = self.objects.pop(name, None)
        if item is not None:
            del self._names[bisect.bisect_left(self._names, name)]
            item.blob.discard()
        return item

    def names_from(self, start: str) -> Iterator[str]:
        """Names >= start in order. (Code point order and UTF-8 byte order are the same.)"""
        for index in range(bisect.bisect_left(self._names, start), len(self._names)):
            yield self._names[index]


class ObjectStore:
    """The buckets of the one namespace."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in directory.iterdir():
            os.unlink(leftover)
        self.buckets: dict[str, Bucket] = {}

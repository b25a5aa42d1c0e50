# SPDX-License-Identifier: Apache-2.0
"""Files to be packed, and archives of them that are the same bytes wherever and whenever they are made."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class File:
    """A file of an archive, or a folder, whose path ends in a slash."""

    path: str
    content: bytes = b""
    mode: int = 0o644

    @property
    def is_folder(self) -> bool:
        return self.path.endswith("/")


def folder(path: str, mode: int = 0o755) -> File:
    return File(f"{path}/", mode=mode)


def with_folders(files: Iterable[File]) -> list[File]:
    """The files and all folders above them, each before what is in it."""
    every = {file.path.rstrip("/"): file for file in files}
    for path in list(every):
        for above in PurePosixPath(path).parents[:-1]:
            every.setdefault(str(above), folder(str(above)))
    return [every[path] for path in sorted(every)]


def tar(files: Iterable[File], epoch: int, prefix: str = "") -> bytes:
    """All of root, and of one time; `prefix` comes before each path but that of the top folder, `.`."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in files:
            path = file.path.rstrip("/")
            entry = tarfile.TarInfo(path if path == "." else prefix + path)
            entry.mode, entry.mtime, entry.size = file.mode, epoch, len(file.content)
            entry.uname = entry.gname = "root"
            if file.is_folder:
                entry.type = tarfile.DIRTYPE
            archive.addfile(entry, io.BytesIO(file.content))
    return target.getvalue()


def compressed(data: bytes, level: int = 6) -> bytes:
    """In gzip's form, without a time; 9 is the highest level, and takes twice as long for a hundredth less."""
    return gzip.compress(data, compresslevel=level, mtime=0)

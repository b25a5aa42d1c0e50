# SPDX-License-Identifier: Apache-2.0
"""The archive for every other system, with a script that installs it."""

from __future__ import annotations

import installed
from archive import File, compressed, tar, with_folders
from release import NAME, PACKAGING, Release


def folder_name(release: Release) -> str:
    return f"{NAME}-{release.version}-linux-{release.machine}"


def name(release: Release) -> str:
    return f"{folder_name(release)}.tar.gz"


def build(release: Release) -> bytes:
    files = [*installed.files(release), File("install.sh", (PACKAGING / "install.sh").read_bytes(), 0o755)]
    below = [File(f"{folder_name(release)}/{file.path}", file.content, file.mode) for file in files]
    return compressed(tar(with_folders(below), release.epoch))

# SPDX-License-Identifier: Apache-2.0
"""The wheel (packaging.python.org/specifications/binary-distribution-format): pip puts the program on the path."""

from __future__ import annotations

import base64
import hashlib
import io
import time
import zipfile

import sbom
from archive import File
from installed import copyright_notes
from release import NAME, PACKAGING, SUMMARY, Release

MODULE = "scaler_oci_hpc"
MODULE_FILES = ("__init__.py", "__main__.py")


def tag(release: Release) -> str:
    """Every Python 3, on each Linux whose C library is as new as the program needs (PEP 600)."""
    major, minor = release.program.newest_glibc
    return f"py3-none-manylinux_{major}_{minor}_{release.machine}"


def name(release: Release) -> str:
    return f"{MODULE}-{release.version}-{tag(release)}.whl"


def build(release: Release) -> bytes:
    information = f"{MODULE}-{release.version}.dist-info"
    files = [
        *(File(f"{MODULE}/{name}", (PACKAGING / "wheel" / MODULE / name).read_bytes()) for name in MODULE_FILES),
        File(f"{MODULE}-{release.version}.data/scripts/{NAME}", release.content, 0o755),
        File(f"{information}/METADATA", metadata(release).encode()),
        File(f"{information}/WHEEL", wheel(release).encode()),
        File(f"{information}/licenses/copyright", copyright_notes(release)),
        # PEP 770 has the folder.
        File(f"{information}/sboms/{NAME}.cdx.json", sbom.document(release)),
    ]
    record = "".join(f"{file.path},sha256={digest(file.content)},{len(file.content)}\n" for file in files)
    files.append(File(f"{information}/RECORD", f"{record}{information}/RECORD,,\n".encode()))
    return zipped(files, release.epoch)


def metadata(release: Release) -> str:
    return (
        "Metadata-Version: 2.4\n"
        f"Name: {NAME}\n"
        f"Version: {release.version}\n"
        f"Summary: {SUMMARY}\n"
        "License-Expression: Apache-2.0\n"
        "License-File: copyright\n"
        "Requires-Python: >=3.10\n"
    )


def wheel(release: Release) -> str:
    return f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: false\nTag: {tag(release)}\n"


def digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def zipped(files: list[File], epoch: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.path, time.gmtime(epoch)[:6])
            # Unix, whatever this is made on; a regular file's mode.
            entry.create_system = 3
            entry.external_attr = (0o100000 | file.mode) << 16
            archive.writestr(entry, file.content, zipfile.ZIP_DEFLATED, 6)
    return target.getvalue()

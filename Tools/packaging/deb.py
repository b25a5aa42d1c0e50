# SPDX-License-Identifier: Apache-2.0
"""Debian's binary package, as deb(5) has it."""

from __future__ import annotations

import hashlib
from email.utils import formatdate

import installed
from archive import File, compressed, folder, tar, with_folders
from release import NAME, SUMMARY, Release

MAINTAINER = "scaler-oci-hpc maintainers <maintainers@scaler-oci-hpc.invalid>"
#: Nothing is restarted: what an upgrade stops is for the operator to say, for tasks may run in the cloud.
DESCRIPTION = """\
 Runs the tasks of an OpenGRIS Scaler cluster as OCI Container Instances: it
 connects to the scheduler as a worker manager, starts one container instance
 for each task, relays payload and result through OCI Object Storage, and
 answers.
 .
 A systemd unit runs one daemon for each file /etc/scaler-oci-hpc/NAME.toml. An
 upgrade restarts none of them.
"""
#: Of the folders that systemd makes for the unit's daemons.
AFTER_REMOVAL = f"""\
#!/bin/sh
set -e
if [ "$1" = purge ]; then
    rm -rf /var/lib/{NAME} /var/lib/private/{NAME}
fi
"""
LINTIAN_OVERRIDES = f"""\
# Linked in on purpose: one program for Debian, Ubuntu and Oracle Linux. The list of components is in
# /usr/share/doc/{NAME}/{NAME}.cdx.json.
{NAME}: embedded-library
# Holds the API key.
{NAME}: non-standard-dir-perm 0700 != 0755 [etc/{NAME}/oci/]
"""


def name(release: Release) -> str:
    return f"{NAME}_{release.version}_{release.debian_machine}.deb"


def build(release: Release) -> bytes:
    files = [File(f"usr/{file.path}", file.content, file.mode) for file in installed.files(release)]
    files += [
        File(f"usr/{installed.DOCUMENTS}/changelog.gz", compressed(changelog(release), level=9)),
        File(f"usr/share/lintian/overrides/{NAME}", LINTIAN_OVERRIDES.encode()),
        folder(f"etc/{NAME}"),
        folder(f"etc/{NAME}/oci", 0o700),
    ]
    members = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", archived(control_files(release, files), release)),
        ("data.tar.gz", archived(with_folders(files), release)),
    ]
    return b"!<arch>\n" + b"".join(member(name, data, release.epoch) for name, data in members)


def archived(files: list[File], release: Release) -> bytes:
    return compressed(tar([folder("."), *files], release.epoch, prefix="./"))


def control_files(release: Release, files: list[File]) -> list[File]:
    sums = "".join(f"{hashlib.md5(file.content).hexdigest()}  {file.path}\n" for file in files if not file.is_folder)
    return [
        File("control", control(release, files).encode()),
        File("md5sums", sums.encode()),
        File("postrm", AFTER_REMOVAL.encode(), 0o755),
    ]


def control(release: Release, files: list[File]) -> str:
    kibibytes = sum(-(-len(file.content) // 1024) for file in files)
    glibc = ".".join(map(str, release.program.newest_glibc))
    return (
        f"Package: {NAME}\n"
        f"Version: {release.version}\n"
        f"Architecture: {release.debian_machine}\n"
        f"Maintainer: {MAINTAINER}\n"
        f"Installed-Size: {kibibytes}\n"
        f"Depends: ca-certificates, libc6 (>= {glibc}), libgcc-s1 (>= 3.0)\n"
        "Section: admin\n"
        "Priority: optional\n"
        f"Description: {SUMMARY}\n{DESCRIPTION}"
    )


def changelog(release: Release) -> bytes:
    return (
        f"{NAME} ({release.version}) unstable; urgency=medium\n\n"
        "  * The page Changelog of the documentation says what changed.\n\n"
        f" -- {MAINTAINER}  {formatdate(release.epoch)}\n"
    ).encode()


def member(name: str, data: bytes, epoch: int) -> bytes:
    """One file of an archive as ar(5) has it: a head of 60 bytes, and an even number behind it."""
    head = f"{name:16}{epoch:<12}{0:<6}{0:<6}{0o100644:<8o}{len(data):<10}`\n"
    return head.encode() + data + b"\n" * (len(data) % 2)

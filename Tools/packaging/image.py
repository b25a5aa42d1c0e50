# SPDX-License-Identifier: Apache-2.0
"""The container image, as an archive of an OCI image layout (github.com/opencontainers/image-spec, v1.1).

It holds the program, the C library of the machine that it was built on, and Debian's authorities: no shell, and nothing
that root owns is to be written to.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive import File, compressed, folder, tar, with_folders
from installed import copyright_notes
from release import NAME, SUMMARY, Release, output

USER = 65532
HOME = "home/nonroot"
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
MEDIA = "application/vnd.oci.image"


def name(release: Release) -> str:
    return f"{NAME}-{release.version}-image-{release.debian_machine}.tar"


def build(release: Release) -> bytes:
    blobs: dict[str, bytes] = {}

    def stored(media: str, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(content)}

    layer = tar(with_folders(contents(release)), release.epoch)
    config = stored(f"{MEDIA}.config.v1+json", written(configuration(release, layer)))
    layers = [stored(f"{MEDIA}.layer.v1.tar+gzip", compressed(layer))]
    manifest = {"schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json", "config": config, "layers": layers}
    entry = stored(f"{MEDIA}.manifest.v1+json", written(manifest))
    entry["annotations"] = {
        # What podman and docker call it when they load the archive.
        "io.containerd.image.name": f"localhost/{NAME}:{release.version}",
        "org.opencontainers.image.ref.name": f"localhost/{NAME}:{release.version}",
    }
    index = {"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json", "manifests": [entry]}
    files = [File(f"blobs/sha256/{digest}", content) for digest, content in blobs.items()]
    files += [File("index.json", written(index)), File("oci-layout", written({"imageLayoutVersion": "1.0.0"}))]
    return tar(with_folders(files), release.epoch)


def configuration(release: Release, layer: bytes) -> dict[str, Any]:
    created = datetime.fromtimestamp(release.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "created": created,
        "architecture": release.debian_machine,
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "Env": [f"HOME=/{HOME}", "PATH=/usr/bin"],
            "Entrypoint": [f"/usr/bin/{NAME}"],
            # For objects of tasks, where the root is not to be written to.
            "Volumes": {"/var/tmp": {}},
            "WorkingDir": "/",
            "Labels": {
                "org.opencontainers.image.title": NAME,
                "org.opencontainers.image.description": SUMMARY,
                "org.opencontainers.image.version": release.version,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": created, "created_by": "Tools/package image"}],
    }


def contents(release: Release) -> list[File]:
    accounts = f"root:x:0:0:root:/:/none\nnonroot:x:{USER}:{USER}:nonroot:/{HOME}:/none\n"
    return [
        File(f"usr/bin/{NAME}", release.content, 0o755),
        *libraries(release),
        File(AUTHORITIES, authorities()),
        File("etc/passwd", accounts.encode()),
        File("etc/group", f"root:x:0:\nnonroot:x:{USER}:\n".encode()),
        folder(HOME),
        folder("tmp", 0o1777),
        folder("var/tmp", 0o1777),
    ]


def authorities() -> bytes:
    """Those of Debian's package alone, and not what this machine trusts besides."""
    return b"".join(path.read_bytes() for path in sorted(Path("/usr/share/ca-certificates/mozilla").glob("*.crt")))


def libraries(release: Release) -> list[File]:
    """The loader and the shared libraries, under the paths where the loader looks, with their copyright notes."""
    listed = output("ldd", str(release.binary))
    paths = {*re.findall(r"=> (/\S+)", listed), release.program.interpreter}
    files = [File(path.lstrip("/"), Path(path).read_bytes(), 0o755) for path in sorted(paths)]
    files.append(File(f"usr/share/doc/{NAME}/copyright", copyright_notes(release)))
    owners = {owner(Path(path).resolve()) for path in paths}
    notes = [f"usr/share/doc/{owner}/copyright" for owner in sorted({*owners, "ca-certificates"})]
    return files + [File(path, Path(f"/{path}").read_bytes()) for path in notes]


def owner(path: Path) -> str:
    """Debian's package that a library belongs to; some are listed below /lib although /lib is a link by now."""
    return output("dpkg-query", "--search", f"*{path.parent.name}/{path.name}").partition(":")[0]


def written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

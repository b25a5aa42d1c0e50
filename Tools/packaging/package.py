# SPDX-License-Identifier: Apache-2.0
"""Makes the packages of what Tools/build-release built, with their checksums and the list of components."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import deb
import image
import release
import sbom
import tarball
import wheel

FORMATS = {"deb": deb, "wheel": wheel, "image": image, "tarball": tarball}
CHECKSUMS = "SHA256SUMS"


def make(one: release.Release, formats: list[str], target: Path) -> list[Path]:
    """Writes the packages into the folder; returns their paths, the list of components and the checksums among them."""
    target.mkdir(parents=True, exist_ok=True)
    made = {f"{release.NAME}-{one.version}.cdx.json": sbom.document(one)}
    made |= {FORMATS[name].name(one): FORMATS[name].build(one) for name in formats}
    made[CHECKSUMS] = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(made.items())
    ).encode()
    for name, content in made.items():
        (target / name).write_bytes(content)
    return [target / name for name in made]


def main() -> None:
    parser = argparse.ArgumentParser(prog="Tools/package", description=__doc__)
    parser.add_argument("format", choices=[*FORMATS, "all"], help="what to make")
    default = release.ROOT / ".build" / "packages"
    parser.add_argument("--output", type=Path, default=default, metavar="FOLDER", help="where (default: %(default)s)")
    options = parser.parse_args()
    formats = list(FORMATS) if options.format == "all" else [options.format]
    for path in make(release.this(), formats, options.output):
        print(f"{path.stat().st_size:>10}  {path}")


if __name__ == "__main__":
    main()

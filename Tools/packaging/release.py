# SPDX-License-Identifier: Apache-2.0
"""What every package is made of: the program, its version, its time, and what is linked into it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import elf

ROOT = Path(__file__).resolve().parents[2]
NAME = "scaler-oci-hpc"
PACKAGING = ROOT / "Tools" / "packaging"
SUMMARY = "Scaler worker manager for OCI Container Instances"

#: By what Debian's source package is called, else by name; as SPDX has them.
LICENCES = {
    "c-ares": "MIT",
    "gcc": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libev": "BSD-2-Clause OR GPL-2.0-or-later",
    "openssl": "Apache-2.0",
    "swift": "Apache-2.0 WITH Swift-exception",
    "swift-log": "Apache-2.0",
    "zlib": "Zlib",
}


@dataclass(frozen=True, order=True)
class Component:
    """Something that is linked into the program."""

    name: str
    version: str
    #: package URL (purl), which says where it comes from
    url: str
    #: Debian's package whose copyright file holds for it, if any
    package: str | None = None


@dataclass(frozen=True)
class Release:
    """One build of the program, for one kind of machine."""

    binary: Path
    version: str
    #: seconds since 1970: the time that all files of all packages bear
    epoch: int

    @cached_property
    def program(self) -> elf.Program:
        return elf.read(self.binary)

    @cached_property
    def content(self) -> bytes:
        return self.binary.read_bytes()

    @property
    def machine(self) -> str:
        """As uname has it: x86_64, aarch64."""
        return {"Advanced Micro Devices X86-64": "x86_64", "AArch64": "aarch64"}[self.program.machine]

    @property
    def debian_machine(self) -> str:
        """As Debian and OCI's images have it: amd64, arm64."""
        return {"x86_64": "amd64", "aarch64": "arm64"}[self.machine]

    @cached_property
    def components(self) -> list[Component]:
        return sorted({*archives(), swift(), *packages()})


def this() -> Release:
    """What Tools/build-release made in this checkout."""
    source = (ROOT / "Sources" / "Configuration" / "HelpText.swift").read_text()
    version = re.search(r'enum Version \{[^}]*static let text = "([^"]+)"', source)
    assert version is not None, "HelpText.swift has the version"
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or output("git", "-C", str(ROOT), "log", "-1", "--format=%ct")
    return Release(ROOT / ".build" / "release" / NAME, version[1], int(epoch))


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def archives() -> list[Component]:
    """The libraries that Tools/build-release gave to the linker, by the packages that they come from."""
    found = []
    for archive in sorted((ROOT / ".build" / "archives").glob("*.a")):
        package = output("dpkg-query", "--search", str(archive.resolve())).partition(": ")[0].split(":")[0]
        form = "${source:Package} ${source:Version}\n"
        # Of several architectures the first line is the host's.
        source, version = output("dpkg-query", "--show", f"--showformat={form}", package).splitlines()[0].split()
        # A package URL bears no epoch but as a qualifier.
        epoch, _, plain = version.rpartition(":")
        url = f"pkg:deb/debian/{source}@{plain}?arch=source" + (f"&epoch={epoch}" if epoch else "")
        upstream = re.sub(r"-[^-]*$", "", plain)
        found.append(Component(source, re.sub(r"\.dfsg$", "", upstream), url, package))
    # Of one source the first package speaks for all.
    return list({component.name: component for component in reversed(found)}.values())


def swift() -> Component:
    version = re.search(r"Swift version (\S+)", output("swift", "--version"))
    assert version is not None, "swift --version tells it"
    return Component("swift", version[1], f"pkg:github/swiftlang/swift@swift-{version[1]}-RELEASE")


def packages() -> list[Component]:
    pins = json.loads((ROOT / "Package.resolved").read_text())["pins"]
    return [
        Component(pin["identity"], pin["state"]["version"], f"pkg:swift/{where}@{pin['state']['version']}")
        for pin in pins
        for where in [pin["location"].removeprefix("https://").removesuffix(".git")]
    ]

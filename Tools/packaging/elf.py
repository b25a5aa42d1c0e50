# SPDX-License-Identifier: Apache-2.0
"""What a program asks of the system that runs it, as readelf tells it."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Program:
    """One ELF executable."""

    #: as in its header: "Advanced Micro Devices X86-64", "AArch64"
    machine: str
    is_position_independent: bool
    binds_at_start: bool
    #: folders in which it looks for libraries before the system's
    run_path: list[str]
    #: shared libraries, in order
    needed: list[str]
    #: the loader's path
    interpreter: str
    #: version of a shared library, as "GLIBC_2.34": what of that version is used
    symbols: dict[str, list[str]]

    @property
    def newest_glibc(self) -> tuple[int, int]:
        """The oldest C library that has all that the program uses."""
        found = [re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version) for version in self.symbols]
        return max((int(match[1]), int(match[2])) for match in found if match)


def read(path: Path) -> Program:
    command = ["readelf", "--wide", "--file-header", "--program-headers", "--dynamic", "--dyn-syms", str(path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}).stdout
    symbols = defaultdict(list)
    for name, version in re.findall(r" UND (\S+)@(\S+)", text):
        symbols[version].append(name)

    def first(pattern: str) -> str:
        match = re.search(pattern, text)
        return match[1] if match else ""

    return Program(
        machine=first(r"Machine:\s+(.+)"),
        is_position_independent="DYN (Position-Independent Executable file)" in text,
        binds_at_start=bool(re.search(r"\((?:BIND_NOW|FLAGS_1)\).*\bNOW\b|\(BIND_NOW\)", text)),
        run_path=re.findall(r"\((?:RUNPATH|RPATH)\)\s+.*\[(.*)\]", text),
        needed=re.findall(r"\(NEEDED\)\s+Shared library: \[(.*)\]", text),
        interpreter=first(r"Requesting program interpreter: (.*)\]"),
        symbols=dict(symbols),
    )

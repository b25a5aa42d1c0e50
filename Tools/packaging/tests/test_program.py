# SPDX-License-Identifier: Apache-2.0
"""What the release binary asks of the system that it is brought to."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import elf
import release

#: Of Oracle Linux 9, Ubuntu 22.04 and Debian 12 the oldest, that of the first. Older ones cannot be reached with this
#: toolchain: since this version the start of a program, threads and dlopen(3) have new symbols, which a link takes.
GLIBC_MAX = (2, 34)
SIZE_MAX = 17 << 20
ALWAYS_THERE = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


class ReleaseBinary(unittest.TestCase):
    release: release.Release
    program: elf.Program

    @classmethod
    def setUpClass(cls) -> None:
        cls.release = release.this()
        cls.program = cls.release.program

    def test_needs_nothing_but_the_c_library(self):
        self.assertIn("libc.so.6", self.program.needed)
        self.assertLessEqual(set(self.program.needed), ALWAYS_THERE)

    def test_runs_with_the_c_library_of_every_system_that_is_supported(self):
        newer = {
            version: names
            for version, names in self.program.symbols.items()
            if version.startswith("GLIBC_")
            and tuple(map(int, version.removeprefix("GLIBC_").split(".")[:2])) > GLIBC_MAX
        }
        self.assertEqual(newer, {}, "these symbols hold the program back from older systems")
        self.assertEqual(self.program.newest_glibc, GLIBC_MAX, "the bound can be lowered")

    def test_is_hardened(self):
        self.assertTrue(self.program.is_position_independent)
        self.assertTrue(self.program.binds_at_start)
        self.assertEqual(self.program.run_path, [])

    def test_is_small(self):
        self.assertLessEqual(len(self.release.content), SIZE_MAX)

    def test_holds_nothing_of_the_folder_that_it_was_built_in(self):
        self.assertFalse(str(release.ROOT).encode() in self.release.content)
        # The hash of each module is one of its paths, too.
        self.assertFalse(b".swift_modhash" in self.release.content)

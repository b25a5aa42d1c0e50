# SPDX-License-Identifier: Apache-2.0
"""What Tools/set-up would install on each system, and that Python's packages are pinned."""

from __future__ import annotations

import re
import subprocess
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2]
SYSTEMS = ["debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04", "oracle-9"]


def listed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(TOOLS / "set-up"), "--list", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


class Packages(unittest.TestCase):
    def test_every_system_has_a_package_for_every_need(self):
        table = (TOOLS / "set-up").read_text().partition("readonly table='\n")[2].partition("\n'\n")[0].splitlines()
        self.assertGreaterEqual(len(table), 15)
        for row in table:
            self.assertEqual(len(row.split()), 1 + len(SYSTEMS), row)
        for system in SYSTEMS:
            with self.subTest(system):
                names = listed(system).stdout.split()
                # Oracle's Python brings its venv module along, and Ubuntu has no browser as a package.
                self.assertEqual(len(names), len(table) - (not system.startswith("debian")))
                self.assertEqual(len(set(names)), len(names))
                self.assertFalse({"=", "-"} & set(names))

    def test_a_cell_takes_what_stands_to_its_left(self):
        self.assertIn("libev-dev", listed("ubuntu-24.04").stdout.split())
        self.assertIn("python3.11-venv", listed("ubuntu-22.04").stdout.split())
        self.assertIn("python3-venv", listed("ubuntu-24.04").stdout.split())
        self.assertIn("libev-devel", listed("oracle-9").stdout.split())

    def test_a_system_without_a_column_is_refused(self):
        done = listed("plan-9")
        self.assertEqual(done.returncode, 1)
        self.assertIn("'plan-9' is none of debian-12 debian-13", done.stderr)

    def test_this_system_is_in_the_table_or_has_a_relative_there(self):
        self.assertIn(listed().stdout, [listed(system).stdout for system in SYSTEMS])


class Requirements(unittest.TestCase):
    def test_everything_that_is_asked_for_is_pinned_with_hashes(self):
        text = (TOOLS / "requirements.txt").read_text()
        pins = re.split(r"\n(?=\S)", text)
        names = set()
        for pin in pins:
            if pin.startswith("#"):
                continue
            self.assertRegex(pin, r"^[\w.-]+(\[\w+\])?==\S+")
            self.assertIn("--hash=sha256:", pin)
            names.add(re.split(r"[=\[]", pin)[0])
        asked = (TOOLS / "requirements.in").read_text().splitlines()
        wanted = {re.split(r"[=\[]", line)[0] for line in asked if line and not line.startswith("#")}
        self.assertLessEqual(wanted, names)


if __name__ == "__main__":
    unittest.main()

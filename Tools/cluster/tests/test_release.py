# SPDX-License-Identifier: Apache-2.0
"""What Tools/release asks for before it builds anything."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

RELEASE = Path(__file__).resolve().parents[2] / "release"
SOURCE = "Sources/Configuration/HelpText.swift"
CHANGELOG = "Sources/ScalerOCIHPC/Documentation.docc/Changelog.md"
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


class Readiness(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="release-"))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "Tools").mkdir()
        shutil.copy(RELEASE, self.root / "Tools" / "release")
        self.git("init", "--quiet")
        today = datetime.datetime.now(datetime.UTC).date()
        self.write(SOURCE, f'    package static let text = "0.2.0"\n    package static let date = "{today}"\n')
        self.write(CHANGELOG, "# Changelog\n\n## Not released yet\n\n## 0.2.0\n\n- New.\n\n## 0.1.0\n\nThe first.\n")
        self.commit()

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=self.root, env={**os.environ, **GIT}, check=True)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self) -> None:
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")

    def look(self, version: str = "0.2.0") -> tuple[int, str]:
        command = [str(self.root / "Tools" / "release"), version, "--look-only"]
        done = subprocess.run(command, env={**os.environ, **GIT}, check=False, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_a_release_that_is_ready_has_nothing_to_be_said_of_but_that_it_is_the_first(self):
        self.assertEqual(self.look(), (0, "there is no earlier release, so no upgrade from one can be tried\n"))

    def test_what_is_not_ready_is_said(self):
        source, changelog = ((self.root / path).read_text() for path in (SOURCE, CHANGELOG))
        lines = source.splitlines()
        cases = [
            ("", SOURCE, source, "give the version"),
            ("0.3.0", SOURCE, source, "the program calls itself 0.2.0; write 0.3.0"),
            ("0.2.0", SOURCE, f'{lines[0]}\n    package static let date = "2001-01-01"\n', "have the date 2001-01-01"),
            ("0.2.0", CHANGELOG, changelog.replace("- New.\n", ""), "says nothing under '## 0.2.0'"),
            ("0.2.0", CHANGELOG, changelog.replace("yet\n", "yet\n\n- More.\n"), "has lines under '## Not"),
        ]
        for version, path, text, line in cases:
            with self.subTest(line):
                self.write(SOURCE, source)
                self.write(CHANGELOG, changelog)
                self.write(path, text)
                self.commit()
                code, output = self.look(version)
                self.assertEqual(code, 1)
                self.assertIn(line, output)

    def test_a_checkout_that_is_not_committed_and_a_tag_that_exists_are_refused(self):
        self.write("other", "x")
        self.assertIn("the checkout differs from its last commit", self.look()[1])
        self.commit()
        self.git("tag", "v0.2.0")
        self.assertIn("there is a tag v0.2.0 already", self.look()[1])

    def test_a_second_release_needs_the_test_of_the_upgrade(self):
        self.git("tag", "v0.1.0")
        code, output = self.look()
        self.assertEqual(code, 1)
        self.assertIn("no test yet upgrades from it", output)


if __name__ == "__main__":
    unittest.main()

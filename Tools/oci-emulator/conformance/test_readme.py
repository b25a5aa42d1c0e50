# SPDX-License-Identifier: Apache-2.0
"""The README's five lines work as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unittest

import harness


class Readme(unittest.TestCase):
    def test_the_five_lines(self) -> None:
        text = (harness.HERE.parent / "README.md").read_text()
        (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        self.assertEqual(len([line for line in program.splitlines() if line]), 5)
        environment = {**os.environ, **harness.emulator().environment}
        printed = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
        self.assertEqual(printed.strip(), "emulatedns")


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""Code that another minor version of Python compiled is refused before it can crash this one, and no other code is.

The trampoline, which the daemon sends along, looks at it; `vectors/functions.json` holds what clients of each version
send.
"""

from __future__ import annotations

import ast
import asyncio.base_events
import json
import platform
import sys
import types
import typing
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle

ROOT = Path(__file__).resolve().parents[3]
FUNCTIONS = json.loads((Path(__file__).parent / "vectors" / "functions.json").read_text())
OWN = "{}.{}".format(*sys.version_info[:2])
#: What two versions agree on, and so may run: pickled by the one, run by the other.
ALIKE = {
    "double": {("3.11", "3.12"), ("3.12", "3.11")},
    "countdown": {("3.12", "3.11")},
    "constant": {("3.11", "3.12")},
}
#: What does not tell 3.11 and 3.12 apart for others.
VAGUE = {"double", "constant", "generator", "countdown"}


def trampoline() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile((ROOT / "Sources" / "TaskPayload" / "trampoline.py").read_text(), "trampoline", "exec"), names)
    return names


def every_code(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from every_code(value)


class ForeignCode(unittest.TestCase):
    def setUp(self) -> None:
        self.names = trampoline()

    def refusal(self, version: str, name: str) -> str | None:
        try:
            self.names["loaded"](cloudpickle.loads, bytes.fromhex(FUNCTIONS[version][name]), "function")
        except RuntimeError as error:
            return str(error)
        return None

    def test_a_function_of_another_version_is_refused_with_both_versions_and_the_remedy(self):
        checked = 0
        for version, functions in FUNCTIONS.items():
            for name in functions:
                with self.subTest(version=version, name=name):
                    text = self.refusal(version, name)
                    if version == OWN or (version, OWN) in ALIKE.get(name, set()):
                        self.assertIsNone(text)
                        continue
                    assert text is not None
                    checked += 1
                    self.assertIn(f"its container has Python {platform.python_version()}", text)
                    self.assertIn(version, text.partition("pickled by Python ")[2].partition(",")[0])
                    if version in ("3.10", "3.13") or (version != "3.9" and name not in VAGUE):
                        self.assertIn(f"the task's function was pickled by Python {version}, ", text)
                        self.assertIn(f"build-image --python {version})", text)
        self.assertGreater(checked, 15)

    def test_no_code_of_this_version_is_refused(self):
        make, parts = self.names["CodeCheck"]().code, cloudpickle.cloudpickle._code_reduce
        count = 0
        for module in (ast, json.decoder, typing, unittest.case, platform, asyncio.base_events):
            path = module.__file__
            assert path is not None
            for code in every_code(compile(Path(path).read_text(), path, "exec")):
                self.assertEqual(make(*parts(code)[1]), code)
                count += 1
        self.assertGreater(count, 500)

    def test_the_row_of_this_version_is_what_the_interpreter_says(self):
        check, known = self.names["CodeCheck"], self.names["INLINE_UNITS"]
        if OWN not in known:
            self.skipTest(f"Python {OWN} has no row")
        resume, units = check.own_table()
        self.assertEqual((resume, {number: count for number, count in units.items() if count}), known[OWN])

    def test_a_version_that_is_not_known_is_told_as_such(self):
        text = self.names["foreign_code"]([], "argument 1")
        self.assertIn("the task's argument 1 was pickled by another minor version of Python", text)

    def test_code_that_asks_for_the_type_of_code_has_it(self):
        def is_code(value: Any) -> bool:
            return isinstance(value, type_of_code)

        type_of_code = types.CodeType
        loaded = self.names["loaded"](cloudpickle.loads, cloudpickle.dumps(is_code), "function")
        self.assertEqual((loaded(is_code.__code__), loaded(3)), (True, False))

    def test_the_check_ends_with_the_loading(self):
        before = cloudpickle.cloudpickle._builtin_type
        self.refusal("3.9", "outer")
        self.assertIs(cloudpickle.cloudpickle._builtin_type, before)


if __name__ == "__main__":
    unittest.main()

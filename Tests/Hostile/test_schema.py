# SPDX-License-Identifier: Apache-2.0
"""The verdicts of the table of messages, beside what Scaler's own library makes of the same bytes.

Where we take a message, Scaler's reader does; where we refuse one, it refuses, too, or dies of it.
"""

from __future__ import annotations

import ast
import contextlib
import enum
import os
import resource
import signal
import unittest
from pathlib import Path
from typing import Any

from peers import Case, table
from scaler.protocol import capnp

#: What a list of half a thousand million nothings takes in Python is not asked for.
MEMORY_BYTES_MAX = 2 << 30
SECONDS_MAX = 10
#: Where we differ, and why.
DIFFERENCES = {
    "a number of no meaning": "a later release may send it: it is passed over, and Scaler's reader has no name for it",
    "a word too much": "the server writes 80 bytes, and reads 80 whatever the length is",
}
TYPES = Path(capnp.__file__ or "").with_suffix(".pyi")
#: The fields of each struct, as the library declares them; those in capitals are constants.
FIELDS = {
    struct.name: [
        field.target.id
        for field in struct.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and not field.target.id.isupper()
    ]
    for struct in ast.parse(TYPES.read_text()).body
    if isinstance(struct, ast.ClassDef)
}


def visit(value: Any) -> None:
    """Reads all that a message says, for the library looks at a field when it is asked for."""
    if value is None or isinstance(value, (bytes, str, int, float, enum.Enum)):
        return
    if hasattr(value, "which"):
        visit(getattr(value, str(value.which())))
    elif type(value).__name__ in FIELDS:
        for field in FIELDS[type(value).__name__]:
            visit(getattr(value, field))
    elif hasattr(value, "__iter__"):
        for element in value:
            visit(element)


def is_taken(case: Case) -> bool:
    """Whether the library reads the case's bytes to their end, in a process of its own."""
    data = b"".join(piece * count for _, piece, count in case.steps)
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
        signal.alarm(SECONDS_MAX)
        with contextlib.suppress(BaseException):
            visit((capnp.ObjectResponseHeader if case.section == "storage" else capnp.Message).from_bytes(data))
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Schema(unittest.TestCase):
    def test_scalers_library_takes_what_we_take_and_nothing_else(self):
        for case in table("capnp"):
            with self.subTest(case.title):
                is_alike = is_taken(case) == case.verdict.startswith("accepted")
                self.assertEqual(is_alike, case.name not in DIFFERENCES, case.verdict)


if __name__ == "__main__":
    unittest.main()

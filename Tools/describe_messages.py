#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tell what Scaler's own library reads in messages.

Usage: describe_messages.py < messages > descriptions
Each input line is one message in hexadecimal; each output line is what the library reads in it, as JSON.
Needs an interpreter that has opengris-scaler 2.9.0.

The tests give it what our encoders write: an encoder and a decoder by one hand can share a mistake, and only the
library that a scheduler runs can tell. It also makes the `fields` of Tests/Vectors/scaler-messages.json.
"""

import json
import sys
from enum import IntEnum
from pathlib import Path
from typing import Any

from scaler.io.utility import deserialize

LAYOUTS = Path(__file__).parent.parent / "Tests" / "Vectors" / "scaler-layouts.json"
VERSION = "2.9.0"


def read_field_names() -> dict[str, list[str]]:
    """Collect the field names of each struct: the library makes attributes of them only when they are read."""
    types = json.loads(LAYOUTS.read_text())["versions"][VERSION]["types"].values()
    return {
        entry["name"].split(".")[-1]: [field["name"] for field in entry["fields"]]
        for entry in types
        if entry["kind"] == "struct"
    }


def describe(value: Any, names: dict[str, list[str]]) -> Any:
    """Turn a value of the library into JSON: bytes become {"b": hexadecimal}, enumerants name=number."""
    if isinstance(value, IntEnum):
        return f"{value.name}={int(value)}"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"b": bytes(value).hex()}
    if isinstance(value, (bool, int, str)):
        return value
    struct = type(value).__name__
    if struct in names:
        return {"_": struct} | {name: describe(getattr(value, name), names) for name in names[struct]}
    return [describe(element, names) for element in value]


def main() -> None:
    """Read everything before writing anything, so that the caller need not do both at once."""
    names = read_field_names()
    for line in sys.stdin.read().split():
        print(json.dumps(describe(deserialize(bytes.fromhex(line)), names)))


if __name__ == "__main__":
    main()

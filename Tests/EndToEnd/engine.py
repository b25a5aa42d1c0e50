#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for docker: builds nothing, but takes what docker takes, and leaves in the registry what a push leaves.

The local OCI has no registry to push to, and many machines no docker. What it is told is appended to the file
ENGINE_LOG, one JSON list a line. ENGINE_FAILS names a command that fails.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

PARTS = {"Dockerfile", "job_runner.py", "oci_object_storage.py", "oci_principal.py"}


def build(arguments: list[str]) -> int:
    context = Path(arguments[-1])
    missing = PARTS - {path.name for path in context.iterdir()}
    if missing:
        print(f"{context} lacks {missing}", file=sys.stderr)
        return 1
    for path in context.glob("*.py"):
        compile(path.read_text(), path.name, "exec")
    return 0


def push(arguments: list[str], password: Path) -> int:
    repository, _, version = arguments[-1].partition("/")[2].partition("/")[2].partition(":")
    body = {"repository": repository, "version": version, "password": password.read_text()}
    url = os.environ["OCI_EMULATOR_URL"] + "/images"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        with error:
            print(f"denied: {json.load(error)['message']}", file=sys.stderr)
        return 1
    print("latest: digest: sha256:00")
    return 0


def main(arguments: list[str]) -> int:
    log = Path(os.environ["ENGINE_LOG"])
    command = arguments[0]
    if command != "info":
        with log.open("a") as lines:
            lines.write(json.dumps(arguments) + "\n")
    if os.environ.get("ENGINE_FAILS") == command:
        print(f"{command}: it was told to fail", file=sys.stderr)
        return 1
    password = log.with_name("password")
    if command == "login":
        password.write_text(sys.stdin.read())
    if command == "build":
        return build(arguments)
    if command == "push":
        return push(arguments, password)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

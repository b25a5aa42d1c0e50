# SPDX-License-Identifier: Apache-2.0
"""Runs a program with the system calls that a systemd unit allows it, and has the kernel kill it at any other.

Usage: system_calls.py UNIT PROGRAM [ARGUMENT...]

systemd itself would make such a call fail with EPERM, which a program may pass over in silence.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

KILL_PROCESS, ALLOW, FAIL_WITH_EPERM = 0x80000000, 0x7FFF0000, 0x00050001
#: cachestat(2): younger than the groups of calls in older systemds, and the daemon can do without, as it has to on
#: older kernels. The number is the same on every architecture.
OPTIONAL = (451,)


def groups() -> dict[str, list[str]]:
    """What each of systemd's groups of calls names: calls, and groups again."""
    text = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter"], check=True, capture_output=True, text=True
    ).stdout
    # At the end come calls of the kernel that no group holds, as comments.
    found = re.findall(r"(?m)^(@[\w-]+)\n((?:    .*\n)*)", text)
    lines = {name: [line.strip() for line in body.splitlines()] for name, body in found}
    return {name: [line for line in body if not line.startswith("#")] for name, body in lines.items()}


def expanded(names: Iterable[str], known: dict[str, list[str]]) -> set[str]:
    """The calls behind names of calls and groups."""
    calls: set[str] = set()
    for name in names:
        calls |= expanded(known[name], known) if name.startswith("@") else {name}
    return calls


def allowed(unit: str, known: dict[str, list[str]]) -> set[str]:
    """The calls that the lines `SystemCallFilter=` of a unit leave, those that systemd always allows among them."""
    calls = expanded(["@default"], known)
    for line in re.findall(r"(?m)^SystemCallFilter=(.+)$", unit):
        names = line.removeprefix("~").split()
        calls = calls - expanded(names, known) if line.startswith("~") else calls | expanded(names, known)
    return calls


def confine(calls: set[str]) -> None:
    """Leaves this process, and what it becomes, these calls alone."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    context = library.seccomp_init(KILL_PROCESS)
    for call in sorted(calls):
        number = library.seccomp_syscall_resolve_name(call.encode())
        # Some are another architecture's or a newer kernel's.
        if number >= 0:
            library.seccomp_rule_add(context, ALLOW, number, 0)
    for number in OPTIONAL:
        library.seccomp_rule_add(context, FAIL_WITH_EPERM, number, 0)
    # It sets no_new_privs as well.
    failure = library.seccomp_load(context)
    if failure:
        raise OSError(-failure, os.strerror(-failure))


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    calls = allowed(Path(sys.argv[1]).read_text(), groups())
    confine(calls)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()

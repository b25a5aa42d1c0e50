# SPDX-License-Identifier: Apache-2.0
"""Usage: unread.py FLAG COMMAND ...

Becomes COMMAND, whose output goes through a small pipe; a child of it copies the pipe to the real output, and stops
reading for as long as the file FLAG is there.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time

PIPE_BYTES = 4096


def copy(source: int, flag: str, parent: int) -> None:
    """Copies until the other end is closed, or its owner is gone."""
    os.set_blocking(source, False)
    while True:
        # Asked before the look into the pipe, so that the last words of one that is gone are read.
        is_gone = os.getppid() != parent
        if os.path.exists(flag) and not is_gone:
            time.sleep(0.05)
            continue
        try:
            data = os.read(source, PIPE_BYTES)
        except BlockingIOError:
            if is_gone:
                return
            time.sleep(0.02)
            continue
        if not data:
            return
        os.write(1, data)


def main() -> None:
    flag, command = sys.argv[1], sys.argv[2:]
    parent = os.getpid()
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    if os.fork() == 0:
        os.close(writing)
        copy(reading, flag, parent)
        os._exit(0)
    os.close(reading)
    for standard in (1, 2):
        os.dup2(writing, standard)
    os.close(writing)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()

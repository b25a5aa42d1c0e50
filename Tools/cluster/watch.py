# SPDX-License-Identifier: Apache-2.0
"""Runs a command that may hang: past its limit the stacks of all its threads go into its log, and it is killed.

A test that waits for ever is found by its silence: no test has started or ended for too long. That holds for tests one
after the other (unittest -v) as for many at once (Swift Testing), whatever they wait in, and needs nothing of them.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

#: Every process below a command inherits this variable, whichever session or parent it has by then.
MARK = "SCALER_TEST_COMMAND"
#: gdb needs a second for a small program and ten for one with many symbols; all of it together is bounded.
GDB_SECONDS, ALL_GDB_SECONDS = 40, 90
POLL_SECONDS = 0.2


@dataclass
class Progress:
    """Which tests run, read from the output of a test program as it grows."""

    #: groups: the name of a test that starts (`start`), how one ended (`end`), and its name if that is told (`ended`)
    pattern: re.Pattern[str]
    running: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    passed: int = 0
    #: when a test last started or ended
    changed_at: float = field(default_factory=time.monotonic)
    _rest: str = ""

    def feed(self, text: str, now: float) -> None:
        """Reads what was printed since the last call."""
        text = self._rest + text
        last = 0
        for found in self.pattern.finditer(text):
            last, self.changed_at = found.end(), now
            groups = found.groupdict()
            if groups["start"] is not None:
                self.running[groups["start"]] = now
            if groups["end"] is None:
                continue
            # Where tests run one after the other, the end of one does not tell its name.
            name = groups.get("ended") or next(iter(self.running), None)
            if name in self.running:
                self.seconds[name] = now - self.running.pop(name)
                self.passed += groups["end"] in ("ok", "passed")
        # A line may have been printed in part only.
        self._rest = text[max(last, text.rfind("\n", 0, -1) + 1) :]


#: python -m unittest -v
UNITTEST = re.compile(
    r"(?m)^test\w* \((?P<start>[\w.]+)\)|(?:^|\.\.\. )(?P<end>ok|FAIL|ERROR|skipped .*|expected failure)$"
)
#: swift test; a suite is no test, and of a test with many cases each case is a step forward
SWIFT = re.compile(
    r"(?m)^\S+\s+(?:Test (?P<start>(?!run |case ).+?) started\.$"
    r"|Test (?P<ended>(?!run |case ).+?)(?: with \d+ test cases?)? (?P<end>passed|failed|skipped)\b"
    r"|Test case passing .* (?P<case>started|passed|failed)\b)"
)


@dataclass
class Ended:
    """How a command ended."""

    #: its exit code; None if it was killed
    status: int | None
    output: str
    #: how long it ran
    seconds: float
    #: why it was killed
    reason: str | None = None
    #: the stacks of its threads then
    stacks: str = ""


@dataclass
class Command:
    """One command, what it may take, and what it is known to be doing."""

    words: list[str]
    log: Path
    #: the longest that it may run
    seconds: float
    #: the longest that no test may start or end, if `progress` can tell
    quiet_seconds: float | None = None
    progress: Progress | None = None
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path | None = None
    #: set from outside to have it killed
    is_unwanted: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Ended:
        """Runs it to its end, or to its limit."""
        mark = f"{os.getpid()}-{id(self)}"
        with open(self.log, "wb") as out, open(self.log, "rb") as written:
            process = subprocess.Popen(
                self.words,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment, MARK: mark},
                start_new_session=True,
            )
            stacks, reason = "", None
            began = now = time.monotonic()
            try:
                if self.progress is not None:
                    self.progress.changed_at = began
                while True:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(POLL_SECONDS)
                    now = time.monotonic()
                    if self.progress is not None:
                        self.progress.feed(written.read().decode(errors="replace"), now)
                    if process.returncode is not None:
                        break
                    reason = self._reason(now - began, now)
                    if reason is not None:
                        stacks = end_with_stacks(process.pid, mark)
                        break
            finally:
                if process.returncode is None:
                    kill(lambda: below(process.pid, mark))
                    process.wait()
        output = self.log.read_text(errors="replace")
        if reason is None:
            return Ended(process.returncode, output, now - began)
        # What Python's own handler said at the end of the output belongs to the stacks.
        stacks += "".join(output.partition("Fatal Python error: Aborted")[1:])
        with open(self.log, "a") as out_text:
            out_text.write(f"\n{reason}\n{stacks}")
        return Ended(None, output, now - began, reason, stacks)

    def _reason(self, elapsed: float, now: float) -> str | None:
        if self.is_unwanted.is_set():
            return "it was interrupted"
        if elapsed > self.seconds:
            return f"it did not end within {self.seconds:.0f} s{self._doing()}"
        limit = self.quiet_seconds
        if self.progress is not None and limit is not None and now - self.progress.changed_at > limit:
            return f"no test started or ended for {limit:.0f} s{self._doing()}"
        return None

    def _doing(self) -> str:
        if self.progress is None or not self.progress.running:
            return ""
        names = list(self.progress.running)
        return "; running: " + ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def below(root: int, mark: str) -> set[int]:
    """The processes that a command has started, itself among them."""
    parents, found = {}, {root}
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
            if fields[0] == "Z":
                continue
            if int(fields[3]) == root or wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:  # ended meanwhile, or not ours to read
            continue
    while added := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= added
    return {pid for pid in found if is_alive(pid)}


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def end_with_stacks(root: int, mark: str) -> str:
    """Takes the stacks of all threads of a command, and lets Python tell its own; the caller kills."""
    found = below(root, mark)
    # What has left the session is a server: Python's are many and known, the daemon's stack is worth having.
    own = {pid for pid in found if session(pid) == root}
    shown = sorted(own) + sorted(pid for pid in found - own if "python" not in program(pid))
    text, deadline = "", time.monotonic() + ALL_GDB_SECONDS
    for pid in shown:
        left = min(GDB_SECONDS, deadline - time.monotonic())
        text += f"--- process {pid}: {command_line(pid)}\n" + (gdb(pid, left) if left > 1 else "no time left\n")
    others = sorted(found - set(shown))
    text += "".join(f"--- process {pid}: {command_line(pid)}\n" for pid in others)
    # Python with -X faulthandler tells the stacks of its threads before it dies of this.
    for pid in own:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGABRT)
    deadline = time.monotonic() + 3
    while any(is_alive(pid) for pid in own) and time.monotonic() < deadline:
        time.sleep(0.05)
    kill(lambda: found | below(root, mark))
    return text


def kill(find: Callable[[], set[int]]) -> None:
    """Kills what `find` returns until it returns nothing that is alive."""
    for _ in range(50):
        alive = {pid for pid in find() if is_alive(pid)}
        if not alive:
            return
        for pid in alive:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def gdb(pid: int, seconds: float) -> str:
    """The stacks of a process's threads, or why there are none."""
    depth = 15 if "python" in program(pid) else 60
    words = ["gdb", "--batch", "--nx", "-p", str(pid), "-ex", "set width 0", "-ex", f"thread apply all bt {depth}"]
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True, errors="replace", timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no stacks: {error}\n"
    threads = done.stdout.find("\nThread ")
    if threads < 0:
        return f"no stacks: {done.stderr.strip() or done.stdout.strip()}\n"
    return demangled(done.stdout[threads + 1 :])


def demangled(text: str) -> str:
    """The text with Swift's names as they are written, where Swift can be asked."""
    if "$s" not in text:
        return text
    words = ["swift", "demangle", "--simplified"]
    try:
        return subprocess.run(words, check=True, input=text, capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return text


def session(pid: int) -> int:
    with contextlib.suppress(OSError):
        return os.getsid(pid)
    return -1


def program(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(os.readlink(f"/proc/{pid}/exe")).name
    return ""


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200].strip()
    return "ended"


#: Python's own tests, each told as it starts and ends; all threads' stacks are told when it is aborted.
PYTHON_TESTS = [sys.executable, "-X", "faulthandler", "-W", "error::ResourceWarning"]
PYTHON_TESTS += ["-m", "unittest", "discover", "-v"]

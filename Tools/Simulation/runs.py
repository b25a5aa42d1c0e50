# SPDX-License-Identifier: Apache-2.0
"""One run of the simulation: what decides it, how it is started, and what is read from what it says."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build" / "simulation" / "release" / "Simulate"
#: Far more than a run of the default length needs: seconds of CPU, and seconds on a machine that does other things too.
CPU_SECONDS, WALL_SECONDS = 120, 600
MEMORY_BYTES = 4 << 30
#: One argument of a program may be 128 KB long.
FAULTS_PER_ARGUMENT = 1_000
SHOWN_EVENTS = 40
BACKTRACE = "enable=yes,interactive=no,color=no,registers=none,images=none"
LINE = re.compile(
    r"^seed (?P<seed>\d+) profile (?P<profile>\S+) events (?P<events>\d+) hash (?P<hash>[0-9a-f]+)"
    r" simulated (?P<simulated>\S+) seconds cpu (?P<cpu>\S+) faults \d+ memory (?P<memory>\d+) KB:"
    r" (?:ok (?P<tasks>\d+) tasks, (?P<replies>\d+) replies|FAILED (?P<failure>.*))$",
    re.MULTILINE,
)
FAULTS = re.compile(r"^faults (.*)$", re.MULTILINE)
MARK = re.compile(r"^mark (\d+) (.*)$", re.MULTILINE)
USAGE = 64


class CannotRun(Exception):
    """The program is not there, or does not know what it is asked for."""


def hash_seed(seed: int) -> int:
    """The order of sets and dictionaries differs from seed to seed: a number of 32 bits that depends on every bit."""
    mixed = (seed + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    return (mixed ^ mixed >> 27) & 0xFFFFFFFF


@dataclass(frozen=True)
class Case:
    """All that decides a run."""

    profile: str
    seed: int
    hash_seed: int
    tasks: int | None = None
    #: Faults that do not strike although they would.
    without: tuple[str, ...] = ()
    #: The only faults that may strike.
    only: tuple[str, ...] | None = None
    #: Numbers of the profile that are others, as `NAME=NUMBER`.
    numbers: tuple[str, ...] = ()

    @classmethod
    def of(cls, profile: str, seed: int, tasks: int | None = None) -> Case:
        return cls(profile, seed, hash_seed(seed), tasks)

    def words(self) -> list[str]:
        """The options of Tools/simulate that run just this."""
        words = ["--seed", str(self.seed), "--profile", self.profile]
        if self.hash_seed != hash_seed(self.seed):
            words += ["--hash-seed", str(self.hash_seed)]
        if self.tasks is not None:
            words += ["--tasks", str(self.tasks)]
        if self.numbers:
            words += ["--with", ",".join(self.numbers)]
        return words + self._faults()

    def arguments(self) -> list[str]:
        """The options of the program itself."""
        given = replace(self, hash_seed=hash_seed(self.seed)).words()
        return [*given, "--hash-seed", str(self.hash_seed)]

    def _faults(self) -> list[str]:
        words: list[str] = []
        for option, faults in (("--without", self.without), ("--only", self.only or ())):
            for at in range(0, len(faults), FAULTS_PER_ARGUMENT):
                words += [option, ",".join(faults[at : at + FAULTS_PER_ARGUMENT])]
        return [*words, "--only", ""] if self.only == () else words

    def __str__(self) -> str:
        return f"profile {self.profile}, seed {self.seed}, hash seed {self.hash_seed}"


@dataclass(frozen=True)
class Failure:
    """What is wrong: which judge found it, and what it says."""

    judge: str
    text: str

    @property
    def kind(self) -> str:
        """The same for two failures that differ in nothing but numbers and names."""
        # Where a crash happened is what distinguishes it.
        if self.judge == "crash":
            return str(self)
        return re.sub(r"\b(?=\w*\d)[\w.-]+", "#", f"{self.judge}: {self.text}")

    def __str__(self) -> str:
        return f"{self.judge}: {self.text}"


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    case: Case
    failure: Failure | None = None
    #: None where it did not come so far as to say.
    events: int | None = None
    hash: str = ""
    simulated_seconds: float = 0
    cpu_seconds: float = 0
    memory_kilobytes: int = 0
    tasks: int = 0
    replies: int = 0
    #: Those that struck, in order; known where `--faults` was given.
    faults: tuple[str, ...] = ()
    #: How often each message of the daemon was logged; known where `--marks` was given.
    marks: tuple[tuple[str, int], ...] = ()
    output: str = ""

    def fails_like(self, other: Result) -> bool:
        """Whether the same judge complains of both, or both crashed at the same place."""
        if self.failure is None or other.failure is None or self.failure.judge != other.failure.judge:
            return False
        return self.failure.judge != "crash" or self.failure.kind == other.failure.kind

    @property
    def fingerprint(self) -> tuple[int | None, str, str]:
        """The same for two runs of one case."""
        return self.events, self.hash, str(self.failure or "")


def read(case: Case, output: str, errors: str, status: int) -> Result:
    """What a run said at its end, or what ended it where it could not say anything."""
    if status == USAGE:
        raise CannotRun(output.strip())
    said = next(reversed(list(LINE.finditer(output))), None)
    struck = FAULTS.search(output)
    faults = tuple(struck[1].split(",")) if struck and struck[1] else ()
    marks = tuple((mark[2], int(mark[1])) for mark in MARK.finditer(output))
    if said is None or (said["failure"] is None and status != 0):
        return Result(case, _crash(output + errors, status), faults=faults, output=output + errors)
    failure = None
    if said["failure"] is not None:
        judge, _, text = output[said.start("failure") :].strip().partition(": ")
        failure = Failure(judge, text)
    return Result(
        case,
        failure,
        int(said["events"]),
        said["hash"],
        float(said["simulated"]),
        float(said["cpu"]),
        int(said["memory"]),
        int(said["tasks"] or 0),
        int(said["replies"] or 0),
        faults,
        marks,
        output + errors,
    )


def _crash(said: str, status: int) -> Failure:
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return Failure("time", f"the run did not end within {CPU_SECONDS} s of CPU or {WALL_SECONDS} s in all")
    told = re.search(r"Fatal error.*|.*Precondition failed.*|\*\*\* (?:Program|Swift runtime) .*", said)
    name = signal.Signals(-status).name if status < 0 else f"exit code {status}"
    place = re.search(r"(?m)^ *\d+ .*?0x[0-9a-f]+ (.*?)(?: \+ \d+)? in \S+ at \S*?([^/\s]+\.swift:\d+)", said)
    where = f", in {place[1]} at {place[2]}" if place else ""
    return Failure("crash", f"{name}: {told[0].strip(' *') if told else 'it said nothing at its end'}{where}")


class Simulator:
    """Runs cases, each in a process of its own."""

    def __init__(self, program: Path = PROGRAM, *more: str) -> None:
        self.program, self.more = program, more

    def profiles(self) -> list[str]:
        if not self.program.exists():
            raise CannotRun(f"{self.program} is not built")
        return subprocess.run([self.program, "--profiles"], capture_output=True, text=True, check=True).stdout.split()

    def run(self, case: Case, *more: str, environment: dict[str, str] | None = None) -> Result:
        """Runs a case to its end, which is bounded in CPU, time and memory."""
        with self._started(case, (*self.more, *more), environment, subprocess.PIPE) as process:
            output, errors = process.communicate()
        return read(case, output, errors, process.returncode)

    def run_with_faults(self, case: Case) -> Result:
        """Runs a case and lists the faults that struck."""
        result = self.run(case, "--faults")
        if result.events is not None:
            return result
        # It did not come so far as to list them; its trace has them.
        struck = re.findall(r"^ *\d+ +[\d.]+ fault +strikes +(\S+)$", "\n".join(self.trace(case)), re.MULTILINE)
        return replace(result, faults=tuple(struck))

    def run_elsewhere(self, case: Case) -> Result:
        """Runs a case in an environment in which everything that must make no difference is different."""
        with tempfile.TemporaryDirectory() as folder:
            more = {"TMPDIR": folder, "TZ": "Pacific/Apia", "LC_ALL": "C", "SIMULATION_FILLING": "x" * 12_345}
            return self.run(case, environment=more)

    def trace(self, case: Case, first: int = 0) -> Iterator[str]:
        """The lines of a case's trace from event `first`, and what the program says at its end."""
        with tempfile.TemporaryFile("w+") as errors:
            with self._started(case, ("--trace-from", str(first)), None, errors) as process:
                assert process.stdout is not None
                yield from (line.rstrip("\n") for line in process.stdout)
                process.wait()
            if process.returncode:
                errors.seek(0)
                yield from errors.read().splitlines()

    def trace_end(self, result: Result, count: int = SHOWN_EVENTS) -> list[str]:
        """The last events of a run that has ended, from a second run of it."""
        first = 0 if result.events is None else max(0, result.events - count)
        # Lines of the daemon's log stand between the events, and a crash prints its stack behind them.
        return list(deque(self.trace(result.case, first), 5 * count if result.events is None else None))

    @contextlib.contextmanager
    def _started(
        self, case: Case, more: tuple[str, ...], environment: dict[str, str] | None, errors: object
    ) -> Iterator[subprocess.Popen[str]]:
        everything = {"SWIFT_BACKTRACE": BACKTRACE, **os.environ, **(environment or {})}
        process = subprocess.Popen(
            [self.program, *case.arguments(), *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,  # type: ignore[call-overload]
            text=True,
            errors="replace",
            env=everything,
        )
        # Nothing in a run waits for anything real, so it ends by its CPU; but a debugger or a full machine may hold it.
        watchdog = threading.Timer(WALL_SECONDS, process.kill)
        watchdog.start()
        try:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
                resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
                resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
            yield process
        finally:
            watchdog.cancel()
            # Somebody who has seen enough leaves early.
            if process.poll() is None:
                process.kill()
                process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

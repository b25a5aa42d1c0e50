# SPDX-License-Identifier: Apache-2.0
"""Runs every kind of test and counts what passed.

What measures or builds runs alone. What talks to programs spends most of its time waiting for them: there the stages of
one lane run one after the other, beside those of the other lanes.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import kinds_table

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / ".build" / "test-logs"
KINDS = ROOT / ".build" / "kinds.jsonl"
BACKENDS = ("zmq", "ymq")
UNITTEST = [sys.executable, "-W", "error::ResourceWarning", "-m", "unittest", "discover"]


@dataclass
class Outcome:
    """How many tests passed and failed."""

    passed: int = 0
    failed: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.passed + other.passed, self.failed + other.failed)


@dataclass
class Stage:
    """One command, and how to read from its output how many tests it ran."""

    name: str
    command: list[str]
    counted: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    #: the stages that it follows, while those of other lanes run; without one it runs alone
    lane: str | None = None

    def run(self) -> Outcome:
        """Runs the command, and tells how it went as soon as it ended."""
        start = time.monotonic()
        print(f"{self.name} ...", flush=True)
        succeeded, count, output = self._run()
        verdict = "ok" if succeeded else "FAILED"
        text = f"{self.name}: {verdict}, {count} in {time.monotonic() - start:.0f} s"
        if succeeded:
            print(text, flush=True)
            return Outcome(count, 0)
        lines = output.splitlines()
        telling = [line for line in lines if re.search(r"error:|✘|^(FAIL|ERROR):|Error\b", line)]
        # One write, so that no other lane's words come between.
        print("\n".join([text, *(telling[:30] or lines[-30:]), *lines[-15:]]), flush=True)
        # Swift tells the failures of each test, suite and run: the last word is the sum.
        issues = re.findall(r"with (\d+) issue", output)[-1:]
        failed = max(1, sum(int(number) for number in issues + re.findall(r"(?:failures|errors)=(\d+)", output)))
        return Outcome(max(0, count - failed) if self.counted else 0, failed)

    def _run(self) -> tuple[bool, int, str]:
        """Whether it succeeded, how many tests it ran, and its output."""
        log = LOGS / f"{re.sub(r'[^a-z0-9]+', '-', self.name.lower())}.log"
        with open(log, "wb") as out:
            status = subprocess.run(
                self.command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
            ).returncode
        output = log.read_text(errors="replace")
        if self.counted is None:
            return status == 0, 1, output
        count = sum(int(number) for number in re.findall(self.counted, output))
        # A stage that ran nothing has not passed.
        return status == 0 and count > 0, count, output


SWIFT_TESTS = r"Test run with (\d+) tests? in .* (?:passed|failed)"
PYTHON_TESTS = r"^Ran (\d+) tests? in"


def stages(older_versions: list[str]) -> list[Stage]:
    sources = ["Package.swift", "Sources", "Tests", "Tools"]
    lint = ["swift", "format", "lint", "--strict", "--parallel", "--recursive", *sources]
    build = ["swift", "build", "--build-tests", "--explicit-target-dependency-import-check", "error"]
    every = [
        Stage("format", lint),
        Stage("documentation", ["Tools/docs"]),
        Stage("build of the tests", build),
        # All tests of the process share its loop: more of them at once only make each other late.
        Stage(
            "unit tests",
            ["swift", "test", "--skip-build"],
            SWIFT_TESTS,
            {"SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH": "8"},
        ),
        Stage("job runner", UNITTEST + ["-s", "Tools/job-runner/tests"], rf"(?m){PYTHON_TESTS}"),
        Stage("fuzzing under AddressSanitizer", ["Tools/fuzz", "3"], r"(?m)^(\d+) targets passed"),
        Stage("benchmark beside libcurl", ["Tools/bench", "--short"], r"(?m)^(\d+) kinds of request measured"),
        Stage("local OCI", UNITTEST + ["-s", "Tools/oci-emulator/tests"], rf"(?m){PYTHON_TESTS}", lane="others"),
        Stage(
            "local OCI against Oracle's SDK",
            [sys.executable, "Tools/oci-emulator/conformance/run"],
            rf"(?m){PYTHON_TESTS}",
            lane="others",
        ),
    ]
    for backend in BACKENDS:
        command = UNITTEST + ["-v", "-s", "Tests/EndToEnd"]
        every.append(end_to_end(f"end to end over {backend}", command, backend, lane=backend))
    for version in older_versions:
        every.append(Stage(f"Scaler {version}", ["Tools/scaler-versions", version]))
        python = str(ROOT / ".build" / f"scaler-{version}" / "bin" / "python")
        for backend in BACKENDS:
            # What depends on the release is in these files alone.
            command = [python, *UNITTEST[1:], "-v", "-s", "Tests/EndToEnd", "-p", "test_kind_*.py"]
            name = f"kinds of task over {backend} with Scaler {version}"
            every.append(end_to_end(name, command, backend, lane="others"))
    return every


def end_to_end(name: str, command: list[str], backend: str, lane: str) -> Stage:
    environment = {"SCALER_NETWORK_BACKEND": backend, "SCALER_KINDS_RECORD": str(KINDS)}
    return Stage(name, command, rf"(?m){PYTHON_TESTS}", environment, lane)


def older_versions(wants_all: bool) -> list[str]:
    """The releases that Tools/scaler-versions knows without the newest, which every other test runs with."""
    script = (ROOT / "Tools" / "scaler-versions").read_text()
    found = re.search(r"^readonly known=\(([^)]*)\)$", script, re.MULTILINE)
    assert found is not None, "Tools/scaler-versions lists the releases"
    versions = found.group(1).split()[:-1]
    return versions if wants_all else versions[:1]


def run_in_lanes(chosen: list[Stage]) -> Outcome:
    """Runs what has no lane first, then all lanes beside each other."""
    total = sum((stage.run() for stage in chosen if stage.lane is None), Outcome())
    lanes: dict[str, list[Stage]] = {}
    for stage in chosen:
        if stage.lane is not None:
            lanes.setdefault(stage.lane, []).append(stage)
    with ThreadPoolExecutor(max(1, len(lanes))) as pool:
        return sum(pool.map(lambda lane: sum((stage.run() for stage in lane), Outcome()), lanes.values()), total)


def show_kinds(is_complete: bool) -> None:
    """Prints the table of what ran; after a run with every release it also goes into the documentation."""
    if not KINDS.exists():
        return
    text = kinds_table.table(kinds_table.read(KINDS))
    print(text, end="")
    if is_complete:
        kinds_table.put(text, kinds_table.DOCUMENTATION / "Compatibility.md")


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/test", description=__doc__)
    parser.add_argument("--only", metavar="WORD", help="run only the stages whose name holds WORD")
    parser.add_argument(
        "--all-versions",
        action="store_true",
        help="run the kinds of task with every release of Scaler, not the newest and the oldest only, and write "
        "the documentation's table of them",
    )
    options = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    # Started in the background, a shell has SIGINT ignored, and every program below would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Tests crash programs on purpose; their core files would lie about in the checkout.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    KINDS.unlink(missing_ok=True)
    # The tests' clusters keep their logs; those of a good run are of no use.
    os.environ["TMPDIR"] = clusters = tempfile.mkdtemp(prefix="scaler-oci-hpc-tests-")
    chosen = [stage for stage in stages(older_versions(options.all_versions)) if (options.only or "") in stage.name]
    total = run_in_lanes(chosen)
    try:
        show_kinds(options.all_versions)
    except ValueError as error:
        print(f"the table of kinds: FAILED, {error}")
        total += Outcome(0, 1)
    if not total.failed:
        shutil.rmtree(clusters, ignore_errors=True)
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())

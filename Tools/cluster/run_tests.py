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
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import kinds_table
from watch import PYTHON_TESTS, SWIFT, UNITTEST, Command, Ended, Progress

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / ".build" / "test-logs"
KINDS = ROOT / ".build" / "kinds.jsonl"
BACKENDS = ("zmq", "ymq")
#: Modules of Tests/EndToEnd to which the scheduler's transport makes no difference.
SUBCOMMANDS = ("build_image", "credentials", "list_reap", "manuals", "provision", "quick_start", "up")
#: Of these, too; they are few enough for the lane that has time.
VIEWS = ("cost", "page", "start_look", "top")
#: How far the listings of instances of the local OCI may lag behind in the lane of older releases, as OCI's own do.
LISTING_LAG = "10"
#: The unit whose system calls are all that the daemon has in that lane.
UNIT = ROOT / "Tools" / "packaging" / "scaler-oci-hpc@.service"
#: Of all stages together: 20 minutes are the aim, and a run that hangs should say so before anybody gives it up.
ALL_MINUTES = 27
STACK_LINES = 2_000
LOG_LINES = 100
SLOWEST = 10


@dataclass
class Outcome:
    """How many tests passed and failed, and how long they took."""

    passed: int = 0
    failed: int = 0
    #: (seconds, stage)
    stages: list[tuple[float, str]] = field(default_factory=list)
    #: (seconds, test, stage)
    tests: list[tuple[float, str, str]] = field(default_factory=list)

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.passed + other.passed,
            self.failed + other.failed,
            self.stages + other.stages,
            self.tests + other.tests,
        )

    def times(self) -> str:
        """What took how long, the slowest first."""
        width = max((len(name) for _, name in self.stages), default=0)
        lines = [f"{name:{width}} {seconds:6.0f} s" for seconds, name in sorted(self.stages, reverse=True)]
        slowest = sorted(self.tests, reverse=True)[:SLOWEST]
        lines += ["the slowest tests:"] if slowest else []
        lines += [f"{seconds:6.1f} s  {test} ({name})" for seconds, test, name in slowest]
        return "".join(f"{line}\n" for line in lines)


@dataclass
class Run:
    """What all stages have in common."""

    #: when the last must have ended
    deadline: float
    #: set when somebody interrupts the run
    is_interrupted: threading.Event = field(default_factory=threading.Event)
    #: the stages that failed so far
    failed: set[str] = field(default_factory=set)


@dataclass
class Stage:
    """One command, and how to read from its output how many tests it ran."""

    name: str
    command: list[str]
    counted: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    #: the stages that it follows, while those of other lanes run; without one it runs alone
    lane: str | None = None
    #: how to read from its output which tests it runs
    progress: re.Pattern[str] | None = None
    #: the longest that it may run, and that none of its tests may start or end
    seconds: float = 300
    quiet_seconds: float = 120
    #: whether it belongs to the quick round of Tools/check
    is_quick: bool = False
    #: the stage without whose success it would tell nothing
    needs: str | None = None
    #: the lines of its output that are of interest although it passed
    told: str | None = None

    def run(self, run: Run) -> Outcome:
        """Runs the command, and tells how it went as soon as it ended."""
        left = run.deadline - time.monotonic()
        if left <= 0 or run.is_interrupted.is_set():
            return self._not_run(run, "the run was over before it began")
        if self.needs in run.failed:
            return self._not_run(run, f"the {self.needs} failed")
        print(f"{self.name} ...", flush=True)
        progress = Progress(self.progress) if self.progress else None
        ended = Command(
            self.command,
            LOGS / f"{re.sub(r'[^a-z0-9]+', '-', self.name.lower())}.log",
            min(self.seconds, left),
            self.quiet_seconds,
            progress,
            self.environment,
            ROOT,
            run.is_interrupted,
        ).run()
        outcome, text = self._judged(ended, progress)
        # One write, so that no other lane's words come between.
        print(text, flush=True)
        if outcome.failed:
            run.failed.add(self.name)
        outcome.stages.append((ended.seconds, self.name))
        # Swift Testing starts all tests at once and holds most of them back: what it says is no test's own time.
        if progress is not None and self.progress is not SWIFT:
            outcome.tests = [(seconds, test, self.name) for test, seconds in progress.seconds.items()]
        return outcome

    def _not_run(self, run: Run, why: str) -> Outcome:
        print(f"{self.name}: FAILED, {why}", flush=True)
        run.failed.add(self.name)
        return Outcome(0, 1)

    def _judged(self, ended: Ended, progress: Progress | None) -> tuple[Outcome, str]:
        """What is counted, and what is said of it."""
        count = 1 if self.counted is None else sum(int(number) for number in re.findall(self.counted, ended.output))
        took = f"{count} in {ended.seconds:.0f} s"
        if ended.reason is not None:
            # It had no time to count.
            stacks = ended.stacks.splitlines()
            text = f"{self.name}: FAILED, {ended.reason}; killed after {ended.seconds:.0f} s"
            lines = [*ended.output.splitlines()[-15:], *stacks[:STACK_LINES]]
            return Outcome(progress.passed if progress else 0, 1), "\n".join([text, *lines])
        # A stage that ran nothing has not passed.
        if ended.status == 0 and count > 0:
            told = re.findall(self.told, ended.output) if self.told else []
            return Outcome(count, 0), "\n".join([f"{self.name}: ok, {took}", *told])
        every = ended.output.splitlines()
        # What a program of the cluster said last (`Cluster.last_words`) comes last and in order.
        logs = [line for line in every if re.match(r"[\w-]+\.log: ", line)][-LOG_LINES:]
        lines = [line for line in every if not re.match(r"[\w-]+\.log: ", line)]
        telling = [line for line in lines if re.search(r"error:|✘|^(FAIL|ERROR):|Error\b", line)]
        # What tells most comes first, and nothing twice.
        shown = dict.fromkeys([*(telling[:30] or lines[-30:]), *lines[-15:], *logs])
        text = "\n".join([f"{self.name}: FAILED, {took}", *shown])
        # Swift tells the failures of each test, suite and run: the last word is the sum.
        issues = re.findall(r"with (\d+) issue", ended.output)[-1:]
        failures = issues + re.findall(r"(?:failures|errors)=(\d+)", ended.output)
        failed = max(1, sum(int(number) for number in failures))
        return Outcome(max(0, count - failed) if self.counted else 0, failed), text


SWIFT_TESTS = r"Test run with (\d+) tests? in .* (?:passed|failed)"
SIMULATION_BUILD = "build of the simulation"
HOSTILE = r"(?m)^hostile .*"
UNITTESTS = r"(?m)^Ran (\d+) tests? in"


def unittests(name: str, folder: str, lane: str | None = None, is_quick: bool = False) -> Stage:
    command = [*PYTHON_TESTS, "-s", folder]
    return Stage(name, command, UNITTESTS, lane=lane, progress=UNITTEST, is_quick=is_quick)


#: How long Tools/test simulates, and how many tasks it should manage in all.
SIMULATED_MINUTES, SIMULATED_TASKS = 0.75, 20_000
SIMULATED_SEED = 1077
#: How long Tools/check does, and how many tasks each of its runs has.
QUICK_SIMULATED_MINUTES, QUICK_TASKS = 1 / 6, 50


def simulation(is_quick: bool) -> Stage:
    """The same seeds for each commit: a rare old defect shall not refuse a change that has nothing to do with it."""
    minutes = QUICK_SIMULATED_MINUTES if is_quick else SIMULATED_MINUTES
    # With few tasks a run every profile has its turn in ten seconds.
    more = ["--tasks", str(QUICK_TASKS)] if is_quick else ["--goal", str(SIMULATED_TASKS)]
    command = ["Tools/simulate", f"{minutes:.3f}", "--seed", str(SIMULATED_SEED), *more]
    counted = r"(?m)^(\d+) runs passed"
    return Stage("simulation", command, counted, seconds=600, quiet_seconds=600, is_quick=True, needs=SIMULATION_BUILD)


def stages(older_versions: list[str], is_quick: bool = False) -> list[Stage]:
    sources = ["Package.swift", "Sources", "Tests", "Tools"]
    lint = ["swift", "format", "lint", "--strict", "--parallel", "--recursive", *sources]
    build = ["swift", "build", "--build-tests", "--explicit-target-dependency-import-check", "error"]
    every = [
        Stage("format", lint, is_quick=True),
        Stage("Python lint", ["Tools/lint-python"], is_quick=True),
        Stage("documentation", ["Tools/docs"], is_quick=True),
        Stage("build of the tests", build, seconds=900, is_quick=True),
        # All tests of the process share its loop: more of them at once only make each other late.
        Stage(
            "unit tests",
            ["swift", "test", "--skip-build"],
            SWIFT_TESTS,
            {"SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH": "8"},
            progress=SWIFT,
            is_quick=True,
            needs="build of the tests",
        ),
        Stage(SIMULATION_BUILD, ["Tools/build-simulation"], seconds=900, is_quick=True),
        simulation(is_quick),
        # Alone: they are judged by the memory and the processor time that they make others use.
        Stage(
            "hostile peers of the parts",
            [".build/debug/Hostile"],
            r"(?m)^(\d+) hostile cases passed",
            told=HOSTILE,
            is_quick=True,
            needs="build of the tests",
        ),
        Stage(
            "costs of many tasks",
            [".build/debug/Curve", "--short"],
            r"(?m)^(\d+) costs grew",
            told=r"(?m)^\d+ costs grew .*",
            is_quick=True,
            needs="build of the tests",
        ),
        Stage(
            "hostile peers of the daemon",
            [*PYTHON_TESTS, "-s", "Tests/Hostile"],
            UNITTESTS,
            told=HOSTILE,
            progress=UNITTEST,
        ),
        unittests("job runner", "Tools/job-runner/tests", is_quick=True),
        unittests("tools", "Tools/cluster/tests", is_quick=True),
        unittests("simulation's tools", "Tools/Simulation/tests", is_quick=True),
        unittests("packages", "Tools/packaging/tests"),
        Stage("fuzzing under AddressSanitizer", ["Tools/fuzz", "2"], r"(?m)^(\d+) targets passed", seconds=600),
        Stage(
            "figures that are counted", ["Tools/bench", "--short"], r"(?m)^(\d+) kinds of figures", seconds=600
        ),
        unittests("local OCI", "Tools/oci-emulator/tests", "others"),
        Stage(
            "local OCI against Oracle's SDK",
            [sys.executable, "Tools/oci-emulator/conformance/run"],
            UNITTESTS,
            lane="others",
            progress=UNITTEST,
        ),
    ]
    once = SUBCOMMANDS + VIEWS
    others = [*PYTHON_TESTS, *modules(lambda name: name not in once)]
    every.append(end_to_end("end to end over zmq", others, "zmq", "zmq"))
    every.append(end_to_end("end to end over ymq", others, "ymq", "ymq"))
    # That lane has time for them, and the next for those behind.
    subcommands = [*PYTHON_TESTS, *modules(lambda name: name in SUBCOMMANDS)]
    every.append(end_to_end("subcommands end to end", subcommands, "zmq", "ymq"))
    views = [*PYTHON_TESTS, *modules(lambda name: name in VIEWS)]
    every.append(end_to_end("views end to end", views, "zmq", "others"))
    for version in older_versions:
        every.append(Stage(f"Scaler {version}", ["Tools/scaler-versions", version]))
        python = str(ROOT / ".build" / f"scaler-{version}" / "bin" / "python")
        # What depends on the release is in these files alone.
        command = [python, *PYTHON_TESTS[1:], "-p", "test_kind_*.py"]
        name = f"kinds of task over {{}} with Scaler {version}"
        for backend in BACKENDS:
            stage = end_to_end(name.format(backend), command, backend, "others")
            stage.environment["SCALER_TEST_LISTING_LAG_SECONDS"] = LISTING_LAG
            stage.environment["SCALER_TEST_UNIT"] = str(UNIT)
            every.append(stage)
    return every


def modules(are_chosen: Callable[[str], bool]) -> list[str]:
    """How unittest is told to run some of the modules of Tests/EndToEnd, by their names without `test_`."""
    known = [path.stem.removeprefix("test_") for path in sorted((ROOT / "Tests" / "EndToEnd").glob("test_*.py"))]
    return [word for name in known if are_chosen(name) for word in ("-k", f"test_{name}.*")]


def end_to_end(name: str, command: list[str], backend: str, lane: str) -> Stage:
    environment = {"SCALER_NETWORK_BACKEND": backend, "SCALER_KINDS_RECORD": str(KINDS)}
    command = [*command, "-s", "Tests/EndToEnd"]
    # The tests of large values and of chaos have limits of their own, of up to 400 s.
    return Stage(name, command, UNITTESTS, environment, lane, UNITTEST, seconds=1200, quiet_seconds=420)


def older_versions(wants_all: bool) -> list[str]:
    """The releases that Tools/scaler-versions knows without the newest, which every other test runs with."""
    script = (ROOT / "Tools" / "scaler-versions").read_text()
    found = re.search(r"^readonly known=\(([^)]*)\)$", script, re.MULTILINE)
    assert found is not None, "Tools/scaler-versions lists the releases"
    versions = found.group(1).split()[:-1]
    return versions if wants_all else versions[:1]


def run_in_lanes(chosen: list[Stage], run: Run) -> Outcome:
    """Runs what has no lane first, then all lanes beside each other."""
    total = sum((stage.run(run) for stage in chosen if stage.lane is None), Outcome())
    lanes: dict[str, list[Stage]] = {}
    for stage in chosen:
        if stage.lane is not None:
            lanes.setdefault(stage.lane, []).append(stage)
    with ThreadPoolExecutor(max(1, len(lanes))) as pool:
        try:
            return sum(pool.map(lambda lane: sum((stage.run(run) for stage in lane), Outcome()), lanes.values()), total)
        except KeyboardInterrupt:
            # The stages have sessions of their own, which no key of a terminal reaches.
            run.is_interrupted.set()
            raise


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
    parser.add_argument(
        "--minutes", type=float, default=ALL_MINUTES, help="the longest that all stages may take (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="run only what Tools/check does: no cluster")
    options = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    # Started in the background, a shell has SIGINT ignored, and every program below would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Tests crash programs on purpose; their core files would lie about in the checkout.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    KINDS.unlink(missing_ok=True)
    # The tests' clusters keep their logs; those of a good run are of no use.
    os.environ["TMPDIR"] = clusters = tempfile.mkdtemp(prefix="scaler-oci-hpc-tests-")
    every = stages(older_versions(options.all_versions), options.quick)
    chosen = [stage for stage in every if (options.only or "") in stage.name and (stage.is_quick or not options.quick)]
    began = time.monotonic()
    total = run_in_lanes(chosen, Run(began + 60 * options.minutes))
    try:
        show_kinds(options.all_versions)
    except ValueError as error:
        print(f"the table of kinds: FAILED, {error}")
        total += Outcome(0, 1)
    if not total.failed:
        shutil.rmtree(clusters, ignore_errors=True)
    before = float(os.environ.get("SCALER_TEST_PREPARED_SECONDS", "0"))
    print(f"{total.times()}all of it: {time.monotonic() - began:.0f} s, after {before:.0f} s of preparation")
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; every program of the tests was killed")

# SPDX-License-Identifier: Apache-2.0
"""Lives through days of a busy cluster in seconds: the daemon's own code in a simulated world, from one seed.

MINUTES of runs on all cores, each of another seed, all profiles in turn; or, with --seed and without MINUTES, one run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import kept
from campaign import FAILURES_MAX, REPEATS, Campaign, Work, first_difference, work
from minimize import Minimizer
from runs import PROGRAM, ROOT, CannotRun, Case, Result, Simulator, hash_seed

#: What a profile has of its own accord; only the minimizer needs to know.
TASKS = 400
#: Messages of the daemon that runs of all profiles with so many tasks must have reached.
MARKS_FILE = ROOT / "Tests" / "Simulation" / "marks.txt"
MARKS_TASKS = 100_000


def command(case: Case, *more: str) -> str:
    words = ["Tools/simulate", *case.words(), *more]
    return " ".join(word or "''" for word in words)


def say(text: str) -> None:
    print(text, flush=True)


class Report:
    """Prints what failed, as soon as it did."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def show(self, one: Work, result: Result, is_new: bool) -> None:
        """In full where nothing like it was shown before."""
        # One line has all that is needed: Tools/test shows no more of a long run.
        head = f"FAIL: {command(one.case)}: {result.failure}"
        if not is_new:
            return say(head)
        lines = ["", head, f"  {one.case}"]
        lines += [f"  (a kept seed: {one.found})"] if one.found else []
        lines += self._differences(result) if self._is_differing(result) else self._trace(result)
        lines += ["to run it again, and to make it smaller:", f"    {command(one.case)}"]
        lines += [f"    {command(one.case, '--minimize')}", ""]
        return say("\n".join(lines))

    @staticmethod
    def _is_differing(result: Result) -> bool:
        return result.failure is not None and result.failure.judge == REPEATS

    def _differences(self, result: Result) -> list[str]:
        simulator, case = self.simulator, result.case
        lines = first_difference(simulator.trace(case), simulator.trace(case))
        return lines or ["two more runs were the same: the difference does not come in every pair"]

    def _trace(self, result: Result) -> list[str]:
        lines = self.simulator.trace_end(result)
        # A trace must change nothing: that it shows the same failure is seen by its last line.
        told = result.failure is not None and any(str(result.failure) in line for line in lines)
        if result.events is not None and not told:
            lines.append("BUT this second run did not fail in the same way: it is not deterministic")
        return lines


def run_many(simulator: Simulator, options: argparse.Namespace) -> int:
    profiles = [options.profile] if options.profile else simulator.profiles()
    base_seed = int(time.time()) if options.seed is None else options.seed
    seeds = kept.read()
    report = Report(simulator)
    campaign = Campaign(simulator, report.show)
    say(f"seeds from {base_seed} on, {campaign.cores} at a time, after {len(seeds)} kept ones")
    began = time.monotonic()
    campaign.run(work(seeds, profiles, base_seed, options.tasks), began + 60 * options.minutes)
    total, seconds = campaign.total, time.monotonic() - began
    say("\n".join(campaign.lines()))
    say(f"in {seconds:.0f} s; {campaign.repeated} runs were made twice and must be the same both times")
    if total.tasks < options.goal:
        say(f"ONLY {total.tasks:,} OF {options.goal:,} TASKS: this machine was too slow or too busy for more")
    if campaign.failures >= FAILURES_MAX:
        say(f"stopped after {campaign.failures} failures")
    missing = [] if options.profile else missing_marks(campaign, MARKS_FILE.read_text())
    for mark in missing:
        say(f"NEVER REACHED in {total.tasks:,} tasks: {mark}")
    say(f"{total.runs - total.failures} runs passed, {total.failures} failed")
    return 1 if total.failures or missing else 0


def missing_marks(campaign: Campaign, text: str) -> list[str]:
    """What a long run should have reached and has not; nothing of one that was too short to tell."""
    if campaign.total.tasks < MARKS_TASKS:
        return []
    wanted = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [mark for mark in wanted if campaign.marks[mark] == 0]


def run_one(simulator: Simulator, case: Case, shows_all: bool) -> int:
    result = simulator.run(case)
    if shows_all:
        for line in simulator.trace(case):
            print(line)
        return 1 if result.failure else 0
    again = simulator.run_elsewhere(case)
    if again.fingerprint != result.fingerprint:
        lines = first_difference(simulator.trace(case), simulator.trace(case))
        say("\n".join([f"not the same when run again: {result.fingerprint}, {again.fingerprint}", *lines]))
        return 1
    say("\n".join(simulator.trace_end(result)))
    return 1 if result.failure else 0


def minimize(simulator: Simulator, case: Case, runs_max: int) -> int:
    case = replace(case, tasks=case.tasks or TASKS)
    failing = simulator.run_with_faults(case)
    if failing.failure is None:
        say(f"{case}: nothing fails")
        return 1
    say(f"tasks: {case.tasks}, faults: {len(failing.faults)}; {failing.failure}")
    minimizer = Minimizer(simulator.run_with_faults, runs_max, say)
    smallest = minimizer.smallest(failing)
    say("\n".join(["", *simulator.trace_end(smallest)]))
    count = f"tasks: {smallest.case.tasks}, faults: {len(smallest.faults)}"
    say(f"the smallest after {len(minimizer.tried)} runs; {count}")
    say(f"    {command(smallest.case)}")
    say(f"to keep it in {kept.FILE.name} when it is mended:")
    say(f"    {kept.line(smallest.case, 'WHAT IT FOUND')}")
    return 0


def debug(case: Case, event: int) -> int:
    """Stops before an event in a debugger; where nobody can type, shows the stacks there."""
    words = [str(PROGRAM), *case.arguments(), "--until", str(event), "--trace-from", str(max(0, event - 20))]
    is_typed = sys.stdin.isatty()
    if gdb := shutil.which("gdb"):
        # The name is looked for at the start, when all of the program is there.
        steps = ["-ex", "set breakpoint pending on", "-ex", "break simulation_stop_here", "-ex", "run"]
        steps += [] if is_typed else ["-batch", "-ex", "backtrace 30"]
        return call_readably([gdb, "-q", "-iex", "set complaints 0", *steps, "--args", *words], is_typed)
    if lldb := shutil.which("lldb"):
        steps = ["-o", "breakpoint set --name simulation_stop_here", "-o", "run"]
        steps += [] if is_typed else ["--batch", "-o", "thread backtrace -c 30"]
        return call_readably([lldb, *steps, "--", *words], is_typed)
    say("there is neither gdb nor lldb; where there is one, break on simulation_stop_here and run")
    say(f"    {' '.join(words)}")
    return 1


def call_readably(command: list[str], is_typed: bool) -> int:
    """Names of Swift as they are written, where nobody types and the toolchain is there; gdb shows them as linked."""
    swift = shutil.which("swift")
    if is_typed or swift is None:
        return subprocess.call(command)
    said = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    subprocess.run([swift, "demangle", "--simplified"], input=said.stdout, check=False)
    return said.returncode


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="Tools/simulate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("minutes", nargs="?", type=float, metavar="MINUTES", help="how long to run seeds on all cores")
    parser.add_argument("--profile", help="one profile instead of all in turn; for one run its profile (default: calm)")
    parser.add_argument("--seed", type=int, help="the first seed (default: from the clock), or that of the one run")
    parser.add_argument("--hash-seed", type=int, help="of the one run: the order of sets (default: from its seed)")
    parser.add_argument("--tasks", type=int, help="tasks of each run (default: the profile's)")
    parser.add_argument("--goal", type=int, default=0, metavar="TASKS", help="say so if there were fewer tasks in all")
    parser.add_argument(
        "--with", dest="numbers", action="append", metavar="NAME=NUMBER,...", help="of the one run: change its profile"
    )
    parser.add_argument("--without", action="append", metavar="FAULT,...", help="of the one run: leave faults out")
    parser.add_argument("--only", action="append", metavar="FAULT,...", help="of the one run: let only these strike")
    parser.add_argument("--trace", action="store_true", help="of the one run: show all of its trace")
    parser.add_argument("--until", type=int, metavar="EVENT", help="of the one run: stop there in a debugger")
    parser.add_argument("--minimize", action="store_true", help="look for the smallest run that fails like the one")
    parser.add_argument("--runs", type=int, default=200, help="of --minimize: the most runs (default: %(default)s)")
    options = parser.parse_args()
    if options.minutes is None and options.seed is None:
        parser.error("MINUTES of runs, or the --seed of one")
    return options


def case_of(options: argparse.Namespace) -> Case:
    def faults(given: list[str]) -> tuple[str, ...]:
        return tuple(fault for text in given for fault in text.split(",") if fault)

    return Case(
        options.profile or "calm",
        options.seed,
        hash_seed(options.seed) if options.hash_seed is None else options.hash_seed,
        options.tasks,
        faults(options.without or []),
        None if options.only is None else faults(options.only),
        faults(options.numbers or []),
    )


def main() -> int:
    options = parsed()
    if options.minutes is not None:
        return run_many(Simulator(PROGRAM, "--marks"), options)
    simulator = Simulator()
    case = case_of(options)
    if options.minimize:
        return minimize(simulator, case, options.runs)
    if options.until is not None:
        return debug(case, options.until)
    return run_one(simulator, case, options.trace)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotRun as error:
        sys.exit(f"Tools/simulate: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")

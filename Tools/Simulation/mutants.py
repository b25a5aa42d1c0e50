# SPDX-License-Identifier: Apache-2.0
"""Breaks one rule after the other in a copy of the code, and tells after how many tasks the simulation notices.

A mutant is a file of Tests/Simulation/mutants, made with `git diff`. Above the difference it says which rule it breaks:

    Breaks: a slot that is granted is held from then on, not only from when its task claims it.
    Profile: doubt, churn (only where the others meet its situation too seldom: it is looked for in these)
    With: clientCancels=0.9, instant=0.5 (numbers of these profiles that make the situation frequent)
    Not found: (only where that is so) why no run notices it.
    Unit test: (then, too) Tests/TasksTests/ResentTasksTests.swift: the name of the test that does

All of them are built into one program (`schemata.py`); one that changes more than bodies of functions is built alone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Protocol, cast

import schemata
from campaign import table
from runs import PROGRAM, ROOT, CannotRun, Case, Failure, Result, Simulator

FOLDER = ROOT / "Tests" / "Simulation" / "mutants"
PLACE = ROOT / ".build" / "mutants"
#: What a release build of the simulation depends on.
TREES = ("Package.swift", "CHeaders", "Sources", "Tests", "Tools")
#: As in Tools/build-simulation.
BUILD = ["swift", "build", "-c", "release", "--product", "Simulate", "-Xswiftc", "-enable-testing"]
BUILD += ["--static-swift-stdlib", "-Xswiftc", "-Xfrontend", "-Xswiftc", "-assume-single-threaded"]
BUILD_SECONDS = 1_800
#: Tasks of each run: few, so that the count says soon after which of them a mutant was found.
TASKS = 200
TASKS_MAX = 40_000
#: What is found soon is looked for from other seeds, too.
ROUNDS, SOON = 3, 4_000


class CannotMutate(Exception):
    """A patch does not apply, or what it makes does not build."""


@dataclass(frozen=True)
class Mutant:
    """A patch, and what its head says."""

    name: str
    patch: Path
    breaks: str
    not_found: str | None
    #: Where a test is that notices it, and its name; known where no run does.
    unit_test: tuple[str, str] | None
    #: Where it is looked for; nowhere in particular if there are none.
    profiles: tuple[str, ...]
    #: What is changed of these profiles.
    numbers: tuple[str, ...]
    #: What it changes, from the root of the checkout.
    files: tuple[str, ...]

    @classmethod
    def read(cls, patch: Path) -> Mutant:
        """Raises ValueError if the head does not say which rule it breaks, or who else notices what no run does."""
        text = patch.read_text()
        head = re.split(r"(?m)^diff --git ", text)[0]
        breaks, not_found = (cls._said(word, head) for word in ("Breaks", "Not found"))
        profiles, numbers = (cls._listed(word, head) for word in ("Profile", "With"))
        files = tuple(re.findall(r"(?m)^\+\+\+ b/(\S+)", text))
        if breaks is None or not files:
            raise ValueError(f"{patch.name} has no line 'Breaks: ...' above a difference made with git diff")
        place, _, name = (cls._said("Unit test", head) or "").partition(": ")
        if (not_found is None) != (not name):
            raise ValueError(f"{patch.name} needs both of 'Not found: ...' and 'Unit test: FILE: NAME', or neither")
        return cls(patch.stem, patch, breaks, not_found, (place, name) if name else None, profiles, numbers, files)

    def has_its_test(self, root: Path = ROOT) -> bool:
        """Whether the test that notices what no run does is there; true where none is needed."""
        if self.unit_test is None:
            return True
        place, name = self.unit_test
        return (root / place).is_file() and f"func `{name}`(" in (root / place).read_text()

    @property
    def number(self) -> int:
        """Stays the same when others come and go, and is not 0."""
        return zlib.crc32(self.name.encode()) >> 1 | 1

    @classmethod
    def _listed(cls, word: str, head: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in (cls._said(word, head) or "").split(",") if part.strip())

    @staticmethod
    def _said(word: str, head: str) -> str | None:
        # A sentence may go on in the next lines.
        found = re.search(rf"(?m)^{word}: (.*(?:\n[ \t]+\S.*)*)", head)
        return " ".join(found[1].split()) if found else None


@dataclass
class Found:
    """How a mutant was noticed."""

    result: Result
    #: Tasks until then, of each round.
    tasks: list[int]


class Runner(Protocol):
    """What the search needs of `Simulator`."""

    def run(self, case: Case) -> Result: ...


class Search:
    """Runs seeds of all profiles until something fails that does not fail without the mutant."""

    def __init__(self, mutated: Runner, sound: Runner, profiles: list[str], tasks_max: int, cores: int) -> None:
        self.mutated, self.sound, self.all_profiles = mutated, sound, profiles
        self.profiles, self.numbers = profiles, cast("tuple[str, ...]", ())
        self.tasks_max, self.cores = tasks_max, cores
        #: Whether somebody has named the profiles.
        self.is_told = False
        #: Failures of the code as it is, which say nothing about a mutant.
        self.unsound: list[tuple[Case, Failure]] = []

    def look_for(self, mutant: Mutant) -> None:
        """From now on, where its head says, unless somebody has named profiles."""
        self.profiles = list(mutant.profiles) if mutant.profiles and not self.is_told else self.all_profiles
        self.numbers = mutant.numbers

    def run(self, base_seed: int) -> Found | None:
        found = self.once(base_seed)
        if found is None:
            return None
        for number in range(1, ROUNDS):
            if found.tasks[-1] > SOON:
                break
            again = self.once(base_seed + number * 1_000_000)
            if again is None:
                break
            found.tasks += again.tasks
        return found

    def once(self, base_seed: int) -> Found | None:
        """From one seed on; the runs are judged in their order, so that the count does not depend on the cores."""
        tasks = 0
        cases = self._cases(base_seed)
        with ThreadPoolExecutor(self.cores) as pool:
            while tasks < self.tasks_max:
                some = [next(cases) for _ in range(self.cores)]
                for case, result in zip(some, pool.map(self.mutated.run, some), strict=True):
                    tasks += case.tasks or 0
                    if result.failure is not None and self._is_sound(case):
                        return Found(result, [tasks])
        return None

    def _cases(self, base_seed: int) -> Iterator[Case]:
        number = 0
        while True:
            case = Case.of(self.profiles[number % len(self.profiles)], base_seed + number, TASKS)
            yield replace(case, numbers=self.numbers)
            number += 1

    def _is_sound(self, case: Case) -> bool:
        failure = self.sound.run(case).failure
        if failure is not None:
            self.unsound.append((case, failure))
        return failure is None


@dataclass
class Chosen:
    """The program that holds many mutants, as one of them; as none where `number` is 0."""

    simulator: Simulator
    number: int

    def run(self, case: Case) -> Result:
        return self.simulator.run(case, environment={schemata.VARIABLE: str(self.number)})


class Copy:
    """A copy of the checkout, uncommitted changes and all, in which patches are applied and built."""

    def __init__(self, place: Path = PLACE, root: Path = ROOT) -> None:
        self.root, self.tree, self.scratch = root, place / "tree", place / "build"
        self.log = place / "build.log"

    def restore(self, changed: dict[str, str] | None = None) -> None:
        """Makes the copy the same as the checkout, but for the texts of files in `changed`.

        Leaves alone what is as it should be, so that nothing is built for nothing.
        """
        changed = changed or {}
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *TREES],
            cwd=self.root,
            capture_output=True,
            check=True,
        )
        names = {name for name in listed.stdout.decode().split("\0") if name and _is_entry(self.root / name)}
        for name, text in changed.items():
            target = self.tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.is_file() or target.read_text() != text:
                target.write_text(text)
        for name in names - changed.keys():
            source, target = self.root / name, self.tree / name
            if not _is_same(source, target):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                # With the time of now: the build goes by times.
                shutil.copyfile(source, target, follow_symlinks=False)
                shutil.copymode(source, target, follow_symlinks=False)
        for path in [path for path in self.tree.rglob("*") if _is_entry(path)]:
            if str(path.relative_to(self.tree)) not in names | changed.keys():
                path.unlink()

    def apply(self, mutant: Mutant, tree: Path | None = None) -> None:
        tree = tree or self.tree
        # Else git takes the checkout around the copy for the one that is meant, and changes nothing.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
        command = ["git", "apply", "--whitespace=nowarn", str(mutant.patch)]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotMutate(f"the patch does not apply: {done.stderr.strip()}")

    def changes(self, mutant: Mutant) -> dict[str, list[schemata.Change]]:
        """What a mutant changes in each file; raises `CannotChoose` where that is more than bodies of functions."""
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder).resolve() / "tree"
            for name in mutant.files:
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / name, tree / name)
            self.apply(mutant, tree)
            pairs = {name: ((self.root / name).read_text(), (tree / name).read_text()) for name in mutant.files}
            return {name: schemata.changes(*texts) for name, texts in pairs.items()}

    def restore_with(self, mutants: list[Mutant]) -> list[Mutant]:
        """Makes a copy that holds these mutants side by side, and returns those that it cannot hold."""
        variants: dict[str, list[tuple[int, schemata.Change]]] = {}
        others = []
        for mutant in mutants:
            try:
                for name, changes in self.changes(mutant).items():
                    variants.setdefault(name, []).extend((mutant.number, change) for change in changes)
            except (schemata.CannotChoose, CannotMutate, FileNotFoundError):
                others.append(mutant)
        texts = {name: schemata.choosing((self.root / name).read_text(), some) for name, some in variants.items()}
        self.restore({**texts, schemata.CHOOSER_FILE: schemata.CHOOSER})
        return others

    def build(self) -> Path:
        """The program that was built."""
        self._share_checkouts()
        command = [*BUILD, "--scratch-path", str(self.scratch)]
        with self.log.open("w") as log:
            try:
                status = subprocess.run(
                    command, cwd=self.tree, stdout=log, stderr=subprocess.STDOUT, timeout=BUILD_SECONDS, check=False
                ).returncode
            except subprocess.TimeoutExpired:
                raise CannotMutate(f"the build took more than {BUILD_SECONDS} s") from None
        if status:
            errors = sorted(set(re.findall(r"(?m)^.*error: .*$", self.log.read_text())))[:3]
            raise CannotMutate("; ".join(["it does not build", *errors]))
        return self.scratch / "release" / "Simulate"

    def _share_checkouts(self) -> None:
        """Takes over the packages that the simulation's own build has fetched already."""
        own = self.root / ".build" / "simulation"
        if self.scratch.exists() or not own.exists():
            return
        self.scratch.mkdir(parents=True)
        for name in ("artifacts", "checkouts", "repositories"):
            if (own / name).exists():
                shutil.copytree(own / name, self.scratch / name, symlinks=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(own / "workspace-state.json", self.scratch / "workspace-state.json")


def _is_entry(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _is_same(source: Path, target: Path) -> bool:
    if source.is_symlink() or target.is_symlink():
        return source.is_symlink() and target.is_symlink() and source.readlink() == target.readlink()
    return target.is_file() and target.read_bytes() == source.read_bytes()


@dataclass
class Verdict:
    """A row of the table."""

    mutant: Mutant
    found: Found | None = None
    problem: str | None = None
    tasks_max: int = TASKS_MAX

    @property
    def is_good(self) -> bool:
        return self.problem is None and (self.found is not None) == (self.mutant.not_found is None)

    def cells(self) -> list[str]:
        if self.found is None:
            return [self.mutant.name, "-", "-", "-", self._why()]
        result, tasks = self.found.result, self.found.tasks
        judge = result.failure.judge if result.failure else ""
        count = f"{median(tasks):,.0f}" + (f" (median of {len(tasks)})" if len(tasks) > 1 else "")
        count += ", although its head says that it cannot be found" if self.mutant.not_found else ""
        return [self.mutant.name, judge, result.case.profile, str(result.case.seed), count]

    def _why(self) -> str:
        if self.problem is not None:
            return f"FAILED: {self.problem}"
        why = f"not found in {self.tasks_max:,}"
        if self.mutant.unit_test is None:
            return why
        place, name = self.mutant.unit_test
        return f"{why}: {self.mutant.not_found} {place} finds it: {name}"


HEAD = ["mutant", "judge", "profile", "seed", "tasks"]


def lines(verdicts: list[Verdict]) -> list[str]:
    return table([HEAD, *(verdict.cells() for verdict in verdicts)], left=(0, 1, 2, 4))


def chosen(names: list[str]) -> list[Mutant]:
    """In the order of what they change, so that what is restored and what is broken next is often built together."""
    patches = {patch.stem: patch for patch in sorted(FOLDER.glob("*.patch"))}
    unknown = [name for name in names if name.removesuffix(".patch") not in patches]
    if unknown:
        raise ValueError(f"there is no mutant {', '.join(unknown)} in {FOLDER.relative_to(ROOT)}")
    wanted = {name.removesuffix(".patch") for name in names} or set(patches)
    mutants = [Mutant.read(patch) for name, patch in patches.items() if name in wanted]
    return sorted(mutants, key=lambda mutant: (mutant.files, mutant.name))


def judge(mutant: Mutant, copy: Copy, search: Search, base_seed: int) -> Verdict:
    """Of a mutant that is built alone."""
    copy.restore()
    try:
        copy.apply(mutant)
        program = copy.build()
    except CannotMutate as problem:
        return Verdict(mutant, problem=str(problem))
    search.mutated = Simulator(program)
    search.look_for(mutant)
    return verdict_of(mutant, search, base_seed)


def verdict_of(mutant: Mutant, search: Search, base_seed: int) -> Verdict:
    """Of a mutant that is built, and that `search` looks for."""
    if not mutant.has_its_test():
        place, name = mutant.unit_test or ("", "")
        return Verdict(mutant, problem=f"{place} has no test '{name}'")
    return Verdict(mutant, search.run(base_seed), tasks_max=search.tasks_max)


def verdicts(mutants: list[Mutant], search: Search, base_seed: int) -> Iterator[Verdict]:
    """All that fit into one program, and then the others."""
    copy = Copy()
    everything = chosen([])
    others = copy.restore_with(everything)
    try:
        program = Simulator(copy.build())
    except CannotMutate as problem:
        print(f"not all mutants build together, so each is built alone: {problem}", flush=True)
        others = everything
    for mutant in mutants:
        if mutant not in others:
            search.mutated, search.sound = Chosen(program, mutant.number), Chosen(program, 0)
            search.look_for(mutant)
            yield verdict_of(mutant, search, base_seed)
    alone = [mutant for mutant in mutants if mutant in others]
    if alone:
        copy.restore()
        shutil.copyfile(copy.build(), sound := copy.tree.parent / "sound")
        sound.chmod(0o755)
        search.sound = Simulator(sound)
    for mutant in alone:
        yield judge(mutant, copy, search, base_seed)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="Tools/mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="these mutants instead of all")
    parser.add_argument("--profile", action="append", help="look in this profile only; may be given several times")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: %(default)s)")
    parser.add_argument("--tasks-max", type=int, default=TASKS_MAX, help="give up after so many (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="runs at a time")
    options = parser.parse_args()
    mutants = chosen(options.names)
    sound = Simulator(PROGRAM)
    search = Search(sound, sound, options.profile or sound.profiles(), options.tasks_max, options.jobs)
    search.is_told = options.profile is not None
    began, judged = time.monotonic(), []
    at = began
    for verdict in verdicts(mutants, search, options.seed):
        judged.append(verdict)
        _, by, *_, tasks = verdict.cells()
        print(f"{verdict.mutant.name}: {verdict.mutant.breaks}", flush=True)
        said = f"found by {by} after {tasks} tasks: {verdict.found.result.failure}" if verdict.found else tasks
        print(f"    {said}; {time.monotonic() - at:.0f} s", flush=True)
        at = time.monotonic()
    for case, failure in search.unsound[:5]:
        print(f"WITHOUT a mutant, {case} with {TASKS} tasks fails, too: {failure}")
    print("\n".join(lines(judged)))
    bad = sum(not verdict.is_good for verdict in judged)
    print(f"{len(judged) - bad} mutants passed, {bad} failed, in {time.monotonic() - began:.0f} s")
    return 1 if bad or not judged else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CannotRun, ValueError) as error:
        sys.exit(f"Tools/mutants: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")

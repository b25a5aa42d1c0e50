# SPDX-License-Identifier: Apache-2.0
"""Seeds that found something once; they are run for ever.

A line is `profile seed hash-seed tasks [with=NAME=NUMBER,...] [without=FAULT,FAULT] [only=FAULT,FAULT]  # what it
found`; tasks are a number, or `-` for as many as the profile has, `with=` changes numbers of the profile, and `only=`
without a fault means that none strikes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runs import ROOT, Case

FILE = ROOT / "Tests" / "Simulation" / "kept-seeds.txt"


@dataclass(frozen=True)
class Kept:
    """A case, and what it found."""

    case: Case
    found: str


def parse(text: str) -> list[Kept]:
    """Raises ValueError with the number of the line that is none."""
    kept = []
    for number, line in enumerate(text.splitlines(), 1):
        body, _, comment = line.partition("#")
        if not body.strip():
            continue
        try:
            kept.append(Kept(_case(body.split()), _needed(comment.strip())))
        except ValueError as error:
            raise ValueError(f"line {number} is no kept seed ({error}): {line}") from None
    return kept


def line(case: Case, found: str) -> str:
    """How a case is written down."""
    words = [case.profile, str(case.seed), str(case.hash_seed), "-" if case.tasks is None else str(case.tasks)]
    if case.numbers:
        words.append(f"with={','.join(case.numbers)}")
    if case.without:
        words.append(f"without={','.join(case.without)}")
    if case.only is not None:
        words.append(f"only={','.join(case.only)}")
    return f"{' '.join(words)}  # {found}"


def read(file: Path = FILE) -> list[Kept]:
    return parse(file.read_text()) if file.exists() else []


def _case(words: list[str]) -> Case:
    profile, seed, hash_seed, tasks, *rest = words
    without: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    numbers: tuple[str, ...] = ()
    for word in rest:
        name, _, faults = word.partition("=")
        listed = tuple(fault for fault in faults.split(",") if fault)
        if name == "without":
            without = listed
        elif name == "only":
            only = listed
        elif name == "with":
            numbers = listed
        else:
            raise ValueError(f"{word} is neither with= nor without= nor only=")
    return Case(profile, int(seed), int(hash_seed), None if tasks == "-" else int(tasks), without, only, numbers)


def _needed(comment: str) -> str:
    if not comment:
        raise ValueError("it does not say what it found")
    return comment

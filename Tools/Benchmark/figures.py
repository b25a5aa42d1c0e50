# SPDX-License-Identifier: Apache-2.0
"""What tasks that come together cost, counted in the simulation: the daemon's own code in virtual time.

These are no measurements: the same code has the same figures on every machine, so CI can hold them.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build" / "simulation" / "release" / "Simulate"
SEED = 2


@dataclass(frozen=True)
class Figures:
    """What so many tasks took."""

    tasks: int
    #: from the first submit to the last reply
    seconds: float
    #: the longest time from a stored result to its reply
    answer_seconds: float
    #: calls to the cloud, each with its signature
    requests: int
    #: by what they are
    kinds: dict[str, int]

    @property
    def requests_per_task(self) -> float:
        return self.requests / self.tasks

    @property
    def rate(self) -> float:
        return self.tasks / self.seconds


@dataclass(frozen=True)
class Case:
    """A profile of the simulation, and what must hold."""

    name: str
    profile: str
    tasks: int
    requests_max: int
    seconds_max: float | None = None
    answer_seconds_max: float | None = None


CASES = [
    Case("one small task, a cloud that answers at once", "quick", 1, 10, answer_seconds_max=0.4),
    Case("100 tasks, a cloud that answers at once", "quick", 100, 310),
    Case("300 tasks, a cloud that answers at once", "quick", 300, 930, 300 / 50),
    Case("600 tasks, a cloud that answers at once", "quick", 600, 1860, 600 / 50),
    Case("one task of 1 s, a slow cloud", "slow", 1, 20, answer_seconds_max=0.4),
    Case("100 tasks of 1 s, a slow cloud", "slow", 100, 310, 6),
    Case("300 tasks of 1 s, a slow cloud", "slow", 300, 930),
    Case("one task of an hour, a slow cloud", "hour", 1, 120),
]


def simulate(profile: str, tasks: int) -> Figures:
    command = [str(PROGRAM), "--seed", str(SEED), "--profile", profile, "--tasks", str(tasks), "--figures"]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    found = re.search(r"^figures (.*)$", ran.stdout, re.MULTILINE)
    if ran.returncode != 0 or found is None:
        raise RuntimeError(f"{' '.join(command)}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    values = dict(word.split("=") for word in found[1].split())
    known = ("tasks", "seconds", "clean", "answer", "half-minute", "requests")
    return Figures(
        int(values["tasks"]),
        float(values["seconds"]),
        float(values["answer"]),
        int(values["requests"]),
        {name: int(value) for name, value in values.items() if name not in known},
    )


def wrong(case: Case, figures: Figures) -> list[str]:
    bounds = [
        ("requests", figures.requests, case.requests_max),
        ("seconds until the last reply", figures.seconds, case.seconds_max),
        ("seconds from a stored result to its reply", figures.answer_seconds, case.answer_seconds_max),
    ]
    return [
        f"{case.name}: {value} {name}, and {most} are the most"
        for name, value, most in bounds
        if most is not None and value > most
    ]


def table(results: list[tuple[Case, Figures]]) -> str:
    lines = ["| | seconds | requests | requests a task | listings |", "|---|---:|---:|---:|---:|"]
    for case, figures in results:
        listings = sum(count for name, count in figures.kinds.items() if name.startswith("listings"))
        lines.append(
            f"| {case.name} | {figures.seconds:,.1f} | {figures.requests:,} | {figures.requests_per_task:.2f}"
            f" | {listings} |"
        )
    return "\n".join(lines)


def count_all() -> tuple[str, list[str]]:
    """The table; and what is wrong."""
    results = [(case, simulate(case.profile, case.tasks)) for case in CASES]
    return table(results), [line for case, figures in results for line in wrong(case, figures)]

# SPDX-License-Identifier: Apache-2.0
"""Breaks what can break around the daemon, and counts: every task exactly one right reply, nothing twice, nothing left.

Without --short each experiment runs at length; the long ones take ten minutes or more. A row a run is kept, and --write
puts the latest row of each experiment into the documentation. The exit code is 1 if any promise was broken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiment import Outcome

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / ".build" / "chaos.jsonl"
BEGIN, END = "<!-- reliability -->", "<!-- /reliability -->"
PRESSURE_BEGIN, PRESSURE_END = "<!-- pressure -->", "<!-- /pressure -->"
BACKENDS = {"zmq": "ZeroMQ", "ymq": "YMQ"}


@dataclass(frozen=True)
class Choice:
    """One experiment: how it is run at length (given tasks, seed), and in short."""

    long: Callable[[int, int], Outcome]
    short: Callable[[int], Outcome]
    #: tasks of the long form unless others are asked for
    tasks: int
    #: whether the short form is worth a run over YMQ, too: where the transport matters
    is_on_wire: bool = False
    #: the group has a table of its own
    is_pressure: bool = False


def choices() -> dict[str, Choice]:
    """Every experiment by its name; imported late, for Scaler reads the transport from the environment once."""
    import crash
    import isolation
    import leaving
    import limits
    import outages
    import pressure
    import room
    import storms
    import strangers

    is_wire = os.environ.get("SCALER_NETWORK_BACKEND") == "ymq"
    lanes = 6

    def matrix(seed: int) -> Outcome:
        # What the daemon asks of OCI is the same over either transport.
        return crash.crash_matrix(seed, lanes, lambda point: point.is_on_wire or not is_wire)

    return {
        "clean": Choice(storms.clean, lambda seed: storms.clean(20, seed), 500),
        "crash-matrix": Choice(lambda _, seed: crash.crash_matrix(seed, lanes), matrix, 0, True),
        "random-crash": Choice(
            lambda tasks, seed: crash.random_crash(tasks, seed, 5, 20),
            # A life is longer than the scheduler takes to notice that the last worker is dead.
            lambda seed: crash.random_crash(100, seed, 7, 9, slots=8, grace=12),
            2000,
        ),
        "lost-answers": Choice(storms.lost_answers, lambda seed: storms.lost_answers(30, seed), 2000),
        **{
            f"storm-{percent}": Choice(
                partial(storms.storm, share=percent / 100),
                # So many that even the mildest storm strikes.
                partial(storms.storm, max(25, 375 // percent), share=percent / 100),
                500,
            )
            for percent in (5, 20, 50)
        },
        "throttle": Choice(storms.throttle, lambda seed: storms.throttle(30, seed), 500),
        "capacity": Choice(
            lambda tasks, seed: room.capacity(tasks, seed, 40, 30, refused_for=30),
            lambda seed: room.capacity(20, seed, 8, 6, refused_for=2, late=0),
            500,
        ),
        "refusals": Choice(room.refusals, lambda seed: room.refusals(60, seed), 500),
        "outages": Choice(
            lambda tasks, seed: outages.outage(tasks, seed, 60, 30, 10),
            lambda seed: outages.outage(24, seed, 3, 2, 2),
            400,
        ),
        "broken-lines": Choice(
            lambda tasks, seed: outages.broken_lines(tasks, seed, 40),
            lambda seed: outages.broken_lines(16, seed, 6),
            200,
            True,
        ),
        "swallowed-answers": Choice(
            outages.swallowed_answers, lambda seed: outages.swallowed_answers(3, seed), 20, True
        ),
        "swallowed-tasks": Choice(outages.swallowed_tasks, lambda seed: outages.swallowed_tasks(2, seed), 10, True),
        "neighbours": Choice(
            lambda tasks, seed: strangers.neighbours(tasks, seed, 500),
            lambda seed: strangers.neighbours(5, seed, 500),
            40,
        ),
        "isolation": Choice(isolation.isolation, lambda seed: isolation.isolation(24, seed), 1000),
        "leaving": Choice(leaving.delete, lambda seed: leaving.delete(16, seed), 100),
        "adoption": Choice(leaving.leave, lambda seed: leaving.leave(6, seed), 50),
        "second-signal": Choice(leaving.second_signal, lambda seed: leaving.second_signal(3, seed), 20),
        "time-limits": Choice(lambda _, seed: limits.limits(seed), limits.limits, 0),
        "stuck-deleting": Choice(lambda _, seed: limits.stuck_deleting(seed), limits.stuck_deleting, 0),
        "slow-storage": Choice(
            lambda tasks, seed: pressure.slow_storage(tasks, seed, 60, 3e6),
            lambda seed: pressure.slow_storage(5, seed, 20, 1.5e6),
            100,
            is_pressure=True,
        ),
        "frozen-storage": Choice(
            lambda tasks, seed: pressure.frozen_storage(tasks, seed, 3),
            lambda seed: pressure.frozen_storage(3, seed, 1),
            60,
            is_pressure=True,
        ),
        "moved": Choice(pressure.moved, lambda seed: pressure.moved(4, seed), 100, is_pressure=True),
        "full-disk": Choice(pressure.full_disk, lambda seed: pressure.full_disk(6, seed), 40, is_pressure=True),
        "descriptors": Choice(pressure.descriptors, lambda seed: pressure.descriptors(20, seed), 60, is_pressure=True),
        "unread-log": Choice(pressure.unread_log, lambda seed: pressure.unread_log(20, seed), 3000, is_pressure=True),
        "lost-credentials": Choice(
            lambda tasks, seed: pressure.lost_credentials(tasks, seed, 60),
            lambda seed: pressure.lost_credentials(16, seed, 3),
            200,
            is_pressure=True,
        ),
        "many-leave": Choice(pressure.many_leave, lambda seed: pressure.many_leave(40, seed), 100, is_pressure=True),
        "lanes": Choice(
            lambda tasks, seed: pressure.lanes(tasks, seed, 8, 10),
            lambda seed: pressure.lanes(18, seed, 4, 3),
            40,
            is_pressure=True,
        ),
        "deleted-visible": Choice(
            lambda tasks, seed: pressure.deleted_visible(50_000, seed, tasks),
            lambda seed: pressure.deleted_visible(50_000, seed, 20),
            500,
            is_pressure=True,
        ),
    }


COLUMNS = (
    "experiment", "transport", "tasks", "faults", "kills", "lost", "wrong", "ran twice",
    "instances created / deleted / left", "objects left", "OCI requests a s", "seconds (clean run)", "seed",
)  # fmt: skip


def row(backend: str, outcome: Outcome, clean_seconds: float | None) -> list[str]:
    """The table's cells for one outcome."""
    faults = sum(outcome.faults.values())
    seconds = f"{outcome.seconds:.0f}" + (f" ({clean_seconds:.0f})" if clean_seconds else "")
    rate = f"{outcome.requests / max(1.0, outcome.seconds):.1f}"
    bucket = outcome.figures.get("bucket")
    if bucket:
        rate += f" (at most {outcome.busiest}; bucket {bucket.split()[0]})"
    cells = [outcome.name, BACKENDS[backend], outcome.tasks, faults, outcome.kills, outcome.lost, outcome.wrong]
    cells += [outcome.doubled, f"{outcome.created} / {outcome.deleted} / {outcome.instances_left}"]
    cells += [outcome.objects_left, rate, seconds, outcome.seed]
    return [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells]


PRESSURE_COLUMNS = (
    "situation",
    "tasks",
    "lost",
    "left",
    "longest heartbeat gap",
    "peak memory",
    "what else was measured",
)
MEASURED = ("longest heartbeat gap", "peak memory")


def pressure_row(outcome: Outcome) -> list[str]:
    """The same for one of the group `pressure`."""
    left = f"{outcome.instances_left} instances, {outcome.objects_left} objects"
    figures = [str(outcome.figures.get(name, "")) for name in MEASURED]
    others = ", ".join(f"{name}: {value}" for name, value in outcome.figures.items() if name not in MEASURED)
    return [outcome.name, f"{outcome.tasks:,}", str(outcome.lost), left, *figures, others]


def line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} cores, {memory:.0f} GB of memory ({platform.machine()})"


def keep(name: str, backend: str, outcome: Outcome, cells: list[str]) -> None:
    """Notes a long run for the table."""
    entry: dict[str, Any] = {"name": name, "backend": backend, "cells": cells, "broken": outcome.broken}
    entry |= {"faults": dict(outcome.faults)}
    entry |= {"date": date.today().isoformat(), "seconds": outcome.seconds, "tasks": outcome.tasks}
    RECORD.parent.mkdir(exist_ok=True)
    with RECORD.open("a") as out:
        out.write(json.dumps(entry) + "\n")


def kept() -> list[dict[str, Any]]:
    """The latest long run of each experiment over each transport, in the order of `choices`."""
    if not RECORD.exists():
        return []
    latest = {(entry["name"], entry["backend"]): entry for entry in map(json.loads, RECORD.read_text().splitlines())}
    names = list(choices())
    latest = {key: entry for key, entry in latest.items() if key[0] in names}
    return sorted(latest.values(), key=lambda entry: (names.index(entry["name"]), entry["backend"] != "zmq"))


def document() -> str:
    """What the documentation says: the table, the faults by kind, when and where it was run, and what was broken."""
    entries = [entry for entry in kept() if not choices()[entry["name"]].is_pressure]
    left = {index for index, name in enumerate(COLUMNS) if name in ("experiment", "transport")}
    rule = [("---" if index in left else "---:") for index in range(len(COLUMNS))]
    faults: dict[str, int] = {}
    for entry in entries:
        for kind, count in entry["faults"].items():
            faults[kind] = faults.get(kind, 0) + count
    lines = [line(COLUMNS), line(rule), *(line(entry["cells"]) for entry in entries), ""]
    lines.append("Faults by kind: " + ", ".join(f"{kind} {count:,}" for kind, count in sorted(faults.items())) + ".")
    return "\n".join(lines + last_lines(entries)) + "\n"


def last_lines(entries: list[dict[str, Any]]) -> list[str]:
    """When and where it was run, and what was broken."""
    days = sorted({entry["date"] for entry in entries})
    lines = [f"Run on {' and '.join(days)}, on {machine()}, with everything else on the same machine."]
    return lines + [f"Broken, {entry['name']}: {promise}." for entry in entries for promise in entry["broken"]]


def pressure_document() -> str:
    """The table of the group `pressure`."""
    entries = [entry for entry in kept() if choices()[entry["name"]].is_pressure]
    rule = ["---", "---:", "---:", "---:", "---:", "---:", "---"]
    rows = [line(PRESSURE_COLUMNS), line(rule), *(line(entry["cells"]) for entry in entries), ""]
    return "\n".join(rows + last_lines(entries)) + "\n"


def write() -> None:
    """Writes each table of which there are rows."""
    import kinds_table

    page = kinds_table.DOCUMENTATION / "Reliability.md"
    groups = {choices()[entry["name"]].is_pressure for entry in kept()}
    if False in groups:
        kinds_table.put(document(), page, BEGIN, END)
    if True in groups:
        kinds_table.put(pressure_document(), page, PRESSURE_BEGIN, PRESSURE_END)


def clean_seconds(name: str, backend: str, outcome: Outcome) -> float | None:
    """How long the same tasks took without faults, if that is known."""
    if not name.startswith(("storm", "throttle")):
        return None
    entries = [entry for entry in kept() if (entry["name"], entry["backend"]) == ("clean", backend)]
    return next((entry["seconds"] for entry in entries if entry["tasks"] == outcome.tasks), None)


def outcome_of(name: str, choice: Choice, options: argparse.Namespace) -> Outcome:
    """Runs one experiment; one that does not come to its end has broken a promise, and the next runs all the same."""
    from experiment import Outcome

    try:
        if options.short:
            return choice.short(options.seed)
        return choice.long(options.tasks or choice.tasks, options.seed)
    except Exception as error:  # noqa: BLE001 - it is told with the others
        traceback.print_exc()
        return Outcome(name, options.seed, missed=[f"did not come to its end: {error}"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/chaos", description=__doc__)
    parser.add_argument(
        "experiments", metavar="EXPERIMENT", nargs="*", help="which to run, by name or `pressure`; all by default"
    )
    parser.add_argument("--backend", choices=list(BACKENDS), default="zmq", help="the scheduler's transport")
    parser.add_argument("--tasks", type=int, help="tasks of each experiment; each has its own number by default")
    parser.add_argument("--seed", type=int, default=1, help="decides which calls faults hit and when kills come")
    parser.add_argument("--short", action="store_true", help="the short forms, as in the tests; not kept for the table")
    parser.add_argument(
        "--write", action="store_true", help="put the table of the latest long runs into the documentation"
    )
    parser.add_argument("--rewrite", action="store_true", help="run nothing, and do what --write does")
    parser.add_argument("--list", action="store_true", help="print the experiments' names")
    options = parser.parse_args()
    os.environ["SCALER_NETWORK_BACKEND"] = options.backend
    known = choices()
    group = [name for name, choice in known.items() if choice.is_pressure]
    wanted = [one for name in options.experiments for one in (group if name == "pressure" else [name])]
    unknown = [name for name in wanted if name not in known]
    if unknown or options.list:
        print(f"experiments: {', '.join(known)}")
        return 2 if unknown else 0
    if options.rewrite:
        write()
        return 0
    broken = 0
    print(line(COLUMNS), flush=True)
    for name in wanted or known:
        outcome = outcome_of(name, known[name], options)
        if known[name].is_pressure:
            cells = pressure_row(outcome)
        else:
            cells = row(options.backend, outcome, clean_seconds(name, options.backend, outcome))
        if not options.short:
            keep(name, options.backend, outcome, cells)
        print(line(cells), flush=True)
        print(outcome, file=sys.stderr, flush=True)
        broken += len(outcome.broken)
        outcome.tidy()
    if options.write:
        write()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

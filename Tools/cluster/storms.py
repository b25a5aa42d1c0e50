# SPDX-License-Identifier: Apache-2.0
"""Answers that never come, and clouds that answer badly for the whole of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiment import Experiment, Outcome

#: What can go wrong with one request, each with the same share.
KINDS = ("429", "500", "503", "reset-before", "reset-after", "stall seconds=2", "truncate")
#: Deletes and other writes share a bucket; POSTs that only read count as reads.
WRITES = {
    "CreateContainerInstance", "DeleteContainerInstance", "PutObject", "DeleteObject", "BatchDeleteObjects",
}  # fmt: skip


def storm_rules(share: float, operation: str = "*") -> list[str]:
    """Rules by which `share` of the daemon's requests go wrong, in every way alike.

    The first rule that applies is carried out, so each gets the share of what the ones before it let through.
    """
    each = 1 - (1 - share) ** (1 / len(KINDS))
    return [f"{operation} {kind} by=user share={each:.5f}" for kind in KINDS]


def lost_answers(tasks: int, share: float = 0.3, seed: int = 1) -> Outcome:
    """The create is carried out, the answer is lost: the retry token must keep it to one instance a task."""
    experiment = Experiment(f"lost answers of {share:.0%} of all creates", seed)
    with experiment.running():
        each = 1 - (1 - share) ** (1 / 2)
        experiment.cluster.set_faults(
            f"CreateContainerInstance reset-after by=user share={each:.5f}",
            f"CreateContainerInstance truncate by=user share={each:.5f}",
        )
        experiment.submit_work(tasks)
    outcome = experiment.outcome
    outcome.figures["instances created"] = outcome.instances
    # One too many is a double even if its container was deleted before it ran.
    outcome.doubled = max(outcome.doubled, outcome.instances - outcome.tasks)
    return outcome


def storm(tasks: int, share: float, seed: int = 1, rate: float = 20.0) -> Outcome:
    """`share` of all answers to the daemon go wrong; everything must end well, at a bearable rate of requests."""
    experiment = Experiment(
        f"storm of {share:.0%}" if share else "clean run for comparison",
        seed,
        emulator=["--fast", "--runtime", "pool", "--fault-seed", str(seed)],
        daemon=["--max-requests-per-second", str(rate)],
    )
    with experiment.running():
        experiment.cluster.set_faults(*(storm_rules(share) if share else []))
        experiment.submit_work(tasks)
        for future, _ in experiment._expected:
            future.result(timeout=1800)
        experiment.cluster.set_faults()
    outcome = experiment.outcome
    journal = experiment.cluster.directory / "oci" / "journal.jsonl"
    for lane in ("read", "write"):
        outcome.figures[f"most {lane} requests in a second"] = busiest_second(journal, lane == "write")
    return outcome


def requests(journal: Path) -> Iterator[dict[str, Any]]:
    """The requests of the daemon in the order of their arrival; those that were broken off have no caller."""
    with journal.open() as lines:
        for line in lines:
            record = json.loads(line)
            if record["event"] == "request" and record.get("caller") != "resource":
                record["arrival"] = record["time"] - record["milliseconds"] / 1000
                yield record


def busiest_second(journal: Path, is_write: bool, operations: set[str] = WRITES) -> int:
    """The largest number of requests within any second, to the service that got most."""
    most = 0
    for service in (("ContainerInstance", "Container", "RetrieveLogs", "WorkRequest"), ("Object", "Bucket")):
        arrivals = sorted(
            record["arrival"]
            for record in requests(journal)
            if (record["operation"] in operations) == is_write
            and any(word in record["operation"] for word in service)
        )
        start = 0
        for end, arrival in enumerate(arrivals):
            while arrival - arrivals[start] > 1:
                start += 1
            most = max(most, end - start + 1)
    return most

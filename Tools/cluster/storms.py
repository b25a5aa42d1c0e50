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


def run_of(tasks: int, experiment: Experiment, *rules: str) -> Outcome:
    """Submits tasks that do nothing while `rules` are in force; counts how often OCI was asked."""
    with experiment.running():
        experiment.cluster.set_faults(*rules)
        experiment.submit_work(tasks)
        # The faults stay in force while everything is deleted.
    outcome = experiment.outcome
    journal = experiment.cluster.directory / "oci" / "journal.jsonl"
    reads, writes = busiest(journal, False, 1), busiest(journal, True, 1)
    outcome.figures["most reads and writes in a second"] = f"{reads}, {writes}"
    outcome.busiest = max(reads, writes)
    if rules:
        outcome.expect(sum(outcome.faults.values()) > 0, "no fault was carried out")
    return outcome


def bounded(tasks: int, name: str, seed: int, rate: float, *rules: str) -> Outcome:
    """A run whose request rate must obey buckets that hold a second's worth."""
    experiment = Experiment(name, seed, daemon=["--max-requests-per-second", str(rate)])
    outcome = run_of(tasks, experiment, *rules)
    outcome.figures["bucket"] = f"{rate:g} requests a second"
    # A full bucket and what flows in meanwhile. On a busy machine the local OCI notes requests closer together than
    # they were sent, by tenths of a second: little against three seconds, but much of what one second lets through.
    journal = experiment.cluster.directory / "oci" / "journal.jsonl"
    most = max(busiest(journal, False, 3), busiest(journal, True, 3))
    outcome.expect(most <= (1 + 3) * rate * 1.1, f"{most} requests in three seconds from a bucket of {rate:g}")
    return outcome


def clean(tasks: int, seed: int, rate: float = 20) -> Outcome:
    """The same tasks without any fault, for comparison."""
    return bounded(tasks, "clean run", seed, rate)


def lost_answers(tasks: int, seed: int, share: float = 0.3) -> Outcome:
    """The create is carried out, the answer is lost: the retry token must keep it to one instance a task."""
    experiment = Experiment(f"{share:.0%} of the creates' answers lost", seed)
    each = 1 - (1 - share) ** (1 / 2)
    rules = [f"CreateContainerInstance {kind} by=user share={each:.5f}" for kind in ("reset-after", "truncate")]
    outcome = run_of(tasks, experiment, *rules)
    # One too many is a double even if its container was deleted before it ran.
    outcome.expect(outcome.created == tasks, f"{outcome.created} instances for {tasks} tasks")
    return outcome


def storm(tasks: int, seed: int, share: float, rate: float = 20) -> Outcome:
    """`share` of all answers to the daemon go wrong; everything must end well, at a bearable rate of requests."""
    outcome = bounded(tasks, f"storm, {share:.0%} of all answers", seed, rate, *storm_rules(share))
    kinds = {kind.partition(" ")[0] for kind in KINDS}
    if share * outcome.requests / len(kinds) > 20:
        missing = sorted(kinds - set(outcome.faults))
        outcome.expect(not missing, f"no fault of kind {', '.join(missing)}")
    return outcome


def throttle(tasks: int, seed: int, bears: float = 8, rate: float = 20) -> Outcome:
    """A cloud that refuses whatever is beyond what it bears, which is less than the daemon may send."""
    outcome = bounded(
        tasks, f"cloud that bears {bears:g} requests a second", seed, rate, f"* 429 over={bears:g} by=user"
    )
    share = outcome.faults["429"] / max(1, outcome.requests)
    outcome.figures["refused"] = f"{share:.0%} of all requests"
    # Halving and creeping up hovers about what is borne; without, rate - bears of every rate would be refused.
    outcome.expect(share < 0.3, f"{share:.0%} of all requests were refused: the rate does not follow the cloud")
    return outcome


def requests(journal: Path) -> Iterator[dict[str, Any]]:
    """The requests of the daemon in the order of their arrival; those that were broken off have no caller."""
    with journal.open() as lines:
        for line in lines:
            record = json.loads(line)
            if record["event"] == "request" and record.get("caller") != "resource":
                record["arrival"] = record["time"] - record["milliseconds"] / 1000
                yield record


def busiest(journal: Path, is_write: bool, seconds: float, operations: set[str] = WRITES) -> int:
    """The largest number of requests within so many seconds, to the service that got most."""
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
            while arrival - arrivals[start] > seconds:
                start += 1
            most = max(most, end - start + 1)
    return most

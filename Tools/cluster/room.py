# SPDX-License-Identifier: Apache-2.0
"""No room in the cloud: tasks wait or go elsewhere, and none fails."""

from __future__ import annotations

import re

from experiment import Experiment, Outcome, log_lines

DOMAINS = [f"Uocm:US-ASHBURN-AD-{number}" for number in (1, 2)]

#: Why a create is refused, and the status that says so.
REFUSALS = {"lack of hardware": 500, "a limit or quota": 400}
#: The creates that the daemon has under way in a place at first.
CREATES_AT_FIRST = 20


def capacity(
    tasks: int, seed: int, slots: int, limit: int, seconds: float = 0.3, refused_for: float = 3, late: float = 0.05
) -> Outcome:
    """The first domain has no hardware at all, the second for `slots` instances, and the tenancy's limit is `limit`.

    For the first `refused_for` seconds every create is refused for want of a quota; `late` is the share of creates
    that are accepted and fail afterwards.
    """
    emulator = ["--instance-limit", str(limit)]
    emulator += ["--domain-capacity", f"{DOMAINS[0]}=0", "--domain-capacity", f"{DOMAINS[1]}={slots}"]
    daemon = ["--availability-domain", ",".join(DOMAINS)]
    experiment = Experiment("no room in the cloud", seed, emulator=emulator, daemon=daemon)
    outcome = experiment.outcome
    with experiment.running():
        rules = [f"CreateContainerInstance {kind} share={late}" for kind in ("capacity-late", "limit-late") if late]
        experiment.cluster.set_faults(f"CreateContainerInstance quota by=user for={refused_for}", *rules)
        experiment.submit_work(tasks, seconds)
    answers = experiment.cluster_report["answers"]
    refusals = {reason: answers.get(f"CreateContainerInstance {status}", 0) for reason, status in REFUSALS.items()}
    most = experiment.cluster_report["instances"]["most_at_once"]
    lines = log_lines(experiment.cluster.directory, "the cloud has no room")
    for reason, count in refusals.items():
        outcome.faults[reason] += count
        outcome.expect(count > 0, f"no create was refused for {reason}")
        # In each place as many as may be under way ask before the first refusal is heard. From then on twice as many
        # may be under way as were accepted since the place was full, all of which a limit may refuse; or one probes.
        most_refusals = len(DOMAINS) * CREATES_AT_FIRST + 2 * tasks
        outcome.expect(count <= most_refusals, f"{count} creates were refused for {reason}, which was known")
    outcome.expect(most <= min(slots, limit), f"{most} instances at once")
    outcome.expect(0 < len(lines) <= 1 + outcome.seconds / 60, f"{len(lines)} log lines tell that tasks wait")
    waited = max((int(found[1]) for line in lines if (found := re.search(r"waiting=(\d+)", line))), default=0)
    outcome.figures |= {"most instances at once": most, "most tasks that waited, as logged": waited}
    return outcome


def refusals(tasks: int, seed: int, share: float = 0.3, limit: int = 10, seconds: float = 0.3) -> Outcome:
    """Of all creates `share` find no hardware, all the time, and there may be `limit` instances."""
    experiment = Experiment("creates refused", seed, emulator=["--instance-limit", str(limit)])
    outcome = experiment.outcome
    with experiment.running():
        experiment.cluster.set_faults(f"CreateContainerInstance capacity share={share} by=user")
        experiment.submit_work(tasks, seconds)
    answers = experiment.cluster_report["answers"]
    by_hardware, by_limit = (answers.get(f"CreateContainerInstance {status}", 0) for status in REFUSALS.values())
    for reason, count in zip(REFUSALS, (by_hardware, by_limit), strict=True):
        outcome.faults[reason] += count
    # Each create meets the lack of hardware before it is counted against the limit.
    decided = tasks + by_hardware + by_limit
    outcome.expect(outcome.created == tasks, f"{outcome.created} instances were created")
    # Four standard deviations of so many draws.
    margin = 4 * (share * (1 - share) / decided) ** 0.5
    outcome.expect(
        abs(by_hardware / decided - share) <= margin, f"{by_hardware} of {decided} creates were refused for hardware"
    )
    # As many as may be under way meet the limit at once; then each create goes where an instance is gone, but for
    # the probes.
    most_refusals = CREATES_AT_FIRST + tasks
    outcome.expect(by_limit <= most_refusals, f"{by_limit} creates were refused by the limit, which was known")
    most = experiment.cluster_report["instances"]["most_at_once"]
    outcome.expect(most <= limit, f"{most} instances at once")
    outcome.figures |= {"creates": decided, "most instances at once": most}
    return outcome

# SPDX-License-Identifier: Apache-2.0
"""No room in the cloud: tasks wait or go elsewhere, and none fails."""

from __future__ import annotations

import re

from experiment import Experiment, Outcome, log_lines

DOMAINS = [f"Uocm:US-ASHBURN-AD-{number}" for number in (1, 2)]


def capacity(tasks: int, slots: int, limit: int, seconds: float = 0.3, refused_for: float = 0, late: float = 0) -> Outcome:
    """The first domain has no hardware at all, the second for `slots` instances, and the tenancy's limit is `limit`.

    `refused_for`: so long every create is refused for want of a quota. `late`: this share of creates is accepted and
    fails afterwards.
    """
    emulator = ["--fast", "--runtime", "pool", "--instance-limit", str(limit)]
    emulator += ["--domain-capacity", f"{DOMAINS[0]}=0", "--domain-capacity", f"{DOMAINS[1]}={slots}"]
    daemon = [f"--availability-domain={domain}" for domain in DOMAINS]
    experiment = Experiment("no room", emulator=emulator, daemon=daemon)
    with experiment.running():
        rules = [f"CreateContainerInstance quota by=user for={refused_for}"] if refused_for else []
        if late:
            rules += [f"CreateContainerInstance {kind} share={late}" for kind in ("capacity-late", "limit-late")]
        experiment.cluster.set_faults(*rules)
        experiment.submit_work(tasks, seconds)
    outcome = experiment.outcome
    answers = experiment.cluster_report["answers"]
    outcome.figures["creates refused for want of hardware"] = answers.get("CreateContainerInstance 500", 0)
    outcome.figures["creates refused by a limit or quota"] = answers.get("CreateContainerInstance 400", 0)
    outcome.figures["most instances at once"] = experiment.cluster_report["instances"]["most_at_once"]
    lines = log_lines(experiment.cluster.directory, "the cloud has no room")
    outcome.figures["log lines about it"] = len(lines)
    outcome.figures["most that waited, as logged"] = max(
        (int(found[1]) for line in lines if (found := re.search(r"waiting=(\d+)", line))), default=0
    )
    return outcome

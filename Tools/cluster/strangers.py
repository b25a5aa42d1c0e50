# SPDX-License-Identifier: Apache-2.0
"""What looks like ours and is not: instances and objects of others, in the same compartment and bucket."""

from __future__ import annotations

import random
from typing import Any

from experiment import Experiment, Outcome, work
from leaving import await_running

OWNER = "owner-under-test"
#: Ours would be equal to OWNER, in the tag `scaler-owner`.
LIKENESSES: list[dict[str, str]] = [
    {},
    {"scaler-owner": ""},
    {"scaler-owner": OWNER + "2"},
    {"scaler-owner": OWNER[:-1]},
    {"scaler-owner": OWNER.upper()},
    {"scaler-owner": " " + OWNER},
    {"Scaler-Owner": OWNER},
    {"scaler-owner-id": OWNER},
    {"owner": OWNER},
    {"scaler-worker-manager": OWNER},
]


def stranger(number: int, tasks: list[str]) -> dict[str, Any]:
    """The changes to a create that make an instance as like ours as it can be."""
    task = tasks[number % len(tasks)]
    tags = {"scaler-worker-manager": "wm-oci-hpc", "scaler-task": task, "scaler-generation": "0"}
    tags |= LIKENESSES[number % len(LIKENESSES)]
    return {"displayName": f"scaler-wm-oci-hpc-{task[:12]}", "freeformTags": tags}


def neighbours(tasks: int, seed: int, count: int) -> Outcome:
    """Runs, crashes, adopts, sweeps and leaves beside `count` look-alikes, of which none may be touched."""
    daemon = ["--owner-id", OWNER, "--death-timeout-seconds", "4"]
    experiment = Experiment(f"{count} look-alikes", seed, daemon=daemon)
    cluster, outcome = experiment.cluster, experiment.outcome
    with experiment.running():
        experiment.submit_work(2, 1)
        await_running(experiment, 2)
        names = random.Random(seed)
        ids = cluster.report()["tasks"]["ids"] + [f"{names.getrandbits(128):032x}" for _ in range(count // 5)]
        objects = place_strangers(experiment, count, ids)
        experiment.submit_work(tasks, 1)
        await_running(experiment, 2 + tasks)
        # What nobody asks for again, so that the sweep has something to do.
        abandoned = [experiment.client.submit(work, 1, 600) for _ in range(2)]
        for future in abandoned:
            future.cancel()
        experiment.restart_daemon()
        for future, _ in experiment._expected:
            future.result(timeout=120)
        experiment.await_report(lambda report: report["instances"]["left"] == count, 60, "an end of what is ours")
        cluster.daemon.stop()
        report = cluster.report()
        outcome.expect(report["instances"]["left"] == count, f"{count - report['instances']['left']} were deleted")
        left = set(report["objects"]["left_names"])
        outcome.expect(objects <= left, f"objects of others were deleted: {sorted(objects - left)[:3]}")
        experiment.strangers = (count, len(objects))
    outcome.figures["look-alikes untouched"] = f"{count} instances, {len(objects)} objects"
    return outcome


def place_strangers(experiment: Experiment, count: int, ids: list[str]) -> set[str]:
    """Creates the look-alikes; returns the names of their objects as the report gives them."""
    cluster = experiment.cluster
    client = cluster.cloud_client()
    # They stay CREATING for ever, so that they take no processes.
    cluster.set_faults(f"Container stuck times={count}")
    for number in range(count):
        reply = client.create(client.create_body(**stranger(number, ids)))
        assert reply.status < 300, reply.body
    cluster.set_faults()
    objects: set[str] = set()
    for number, owner in enumerate((OWNER + "2", OWNER[:-1], OWNER.upper(), "")):
        name = f"scaler-tasks/{owner}/results/{ids[number]}.pkl"
        assert client.call("PUT", client.object_path(name), b"x").status < 300
        objects.add(f"{client.environment['OCI_OBJECT_STORAGE_BUCKET']}/{name}")
    client.connection.close()
    return objects

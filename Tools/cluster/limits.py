# SPDX-License-Identifier: Apache-2.0
"""Instances that take too long, or are gone: each ends its task with its own words."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from experiment import Experiment, Outcome, Raises, work

CREATE_SECONDS = 4
JOB_SECONDS = 14


def limits(seed: int) -> Outcome:
    """One task for each limit, and others that end well beside them."""
    daemon = ["--create-timeout-seconds", str(CREATE_SECONDS), "--job-timeout-seconds", str(JOB_SECONDS)]
    experiment = Experiment("time limits", seed, daemon=daemon)
    created = rf"was not running after {CREATE_SECONDS} s \(--create-timeout-seconds\).*Check that the image"
    ran = rf"ran longer than {JOB_SECONDS} s \(--job-timeout-seconds\).*Raise the limit"
    with experiment.running():
        for fault, expected in (
            ("Container stuck", created),
            ("Container vanish seconds=0.3", "vanished before it stored a result.*audit log"),
            ("Container pull-failure", "Failed to pull image.*Check that the image exists"),
        ):
            strike(experiment, fault, partial(experiment.submit, work, 0, 600, expected=Raises(expected)))
        experiment.submit(work, 0, 600, expected=Raises(ran))
        experiment.submit_work(5)
    return experiment.outcome


def strike(experiment: Experiment, fault: str, submit: Callable[[], object]) -> None:
    """Has a fault hit the next container and no other."""
    experiment.cluster.set_faults(f"{fault} times=1")
    name = " ".join(fault.split()[:2])
    count = experiment.cluster.report()["faults"].get(name, 0)
    submit()
    experiment.await_report(lambda report: report["faults"].get(name, 0) > count, 30, f"the fault {name}")


def stuck_deleting(seed: int) -> Outcome:
    """Somebody deletes a task's instance, and it stays DELETING for hours."""
    experiment = Experiment("an instance stuck in DELETING", seed, emulator=["--delete-seconds", "7200"])
    with experiment.running():
        experiment.submit(work, 0, 600, expected=Raises("ended without a result: state DELETING"))
        experiment.await_report(lambda report: report["tasks"]["run"], 30, "the container")
        (instance,) = experiment.cluster.report()["instances"]["left_ids"]
        began = time.monotonic()
        client = experiment.cluster.cloud_client()
        reply = client.call("DELETE", f"/20210415/containerInstances/{instance}")
        client.connection.close()
        experiment.outcome.expect(reply.status < 300, f"the deletion was answered {reply.status}")
        experiment._expected[0][0].exception(timeout=300)
        experiment.outcome.figures["given up after"] = f"{time.monotonic() - began:.0f} s"
    return experiment.outcome

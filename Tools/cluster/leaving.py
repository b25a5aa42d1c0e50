# SPDX-License-Identifier: Apache-2.0
"""Ends of the daemon that are asked for: with everything deleted, with everything left, and at once."""

from __future__ import annotations

import signal
import time

from experiment import LISTING_LAG, Experiment, Outcome, log_lines, work
from processes import await_that

#: What the deletion of everything may take here, well within the daemon's --stop-timeout-seconds.
STOP_SECONDS = 20
#: As long as a signal to stop that comes again is the same wish.
COPY_SECONDS = 2


def await_running(experiment: Experiment, count: int) -> None:
    """Waits until so many containers have started."""
    experiment.await_report(lambda report: report["tasks"]["run"] >= count, 60, f"{count} containers")


def delete(tasks: int, seed: int) -> Outcome:
    """SIGTERM: every instance is deleted within 20 s, exit code 0, and no task is answered."""
    experiment = Experiment("SIGTERM, --on-exit delete", seed, daemon=["--base-concurrency", str(tasks)])
    outcome = experiment.outcome
    with experiment.running():
        futures = [experiment.client.submit(work, 1, 600) for _ in range(tasks)]
        await_running(experiment, tasks)
        began = time.monotonic()
        code = experiment.cluster.daemon.stop(signal.SIGTERM, 2 * STOP_SECONDS)
        took = time.monotonic() - began
        report = experiment.cluster.report()
        outcome.expect(code == 0, f"exit code {code}")
        outcome.expect(took < STOP_SECONDS, f"it took {took:.1f} s to leave")
        outcome.expect(report["instances"]["left"] == 0, f"{report['instances']['left']} instances left at the exit")
        outcome.expect(not any(future.done() for future in futures), "a task was answered although it never ended")
        experiment.client.clear()
        outcome.figures["deleted before the exit"] = f"{report['instances']['deleted']} instances in {took:.1f} s"
    outcome.tasks = tasks
    return outcome


def leave(tasks: int, seed: int) -> Outcome:
    """SIGTERM with --on-exit leave: the process ends at once, and the next one adopts what runs."""
    # What was answered before is kept by nobody, and goes with the grace time.
    daemon = ["--on-exit", "leave", "--death-timeout-seconds", "10"]
    experiment = Experiment("SIGTERM, --on-exit leave", seed, daemon=daemon)
    outcome = experiment.outcome
    with experiment.running():
        experiment.submit_work(tasks, 3 + tasks / 8)
        await_running(experiment, tasks)
        began = time.monotonic()
        code = experiment.cluster.daemon.stop(signal.SIGTERM)
        took = time.monotonic() - began
        outcome.expect(code == 0, f"exit code {code}")
        outcome.expect(took < 3, f"it took {took:.1f} s to leave")
        outcome.expect(experiment.cluster.report()["instances"]["deleted"] == 0, "instances were deleted")
        experiment.cluster.start_daemon()
    outcome.expect(outcome.created == tasks, f"{outcome.created} instances for {tasks} tasks")
    outcome.figures["left after"] = f"{took:.1f} s"
    return outcome


def second_signal(tasks: int, seed: int) -> Outcome:
    """A second SIGTERM ends a process that waits for the cloud; the next one goes on where it was."""
    experiment = Experiment("a second SIGTERM", seed, daemon=["--death-timeout-seconds", "4"])
    outcome, daemon = experiment.outcome, None
    with experiment.running():
        for _ in range(tasks):
            experiment.client.submit(work, 1, 600)
        await_running(experiment, tasks)
        experiment.cluster.set_faults("DeleteContainerInstance 503 by=user")
        daemon = experiment.cluster.daemon
        daemon.process.send_signal(signal.SIGTERM)
        experiment.await_report(lambda report: report["faults"], 30, "a deletion that is refused")
        time.sleep(COPY_SECONDS)
        began = time.monotonic()
        code = daemon.stop(signal.SIGTERM)
        took = time.monotonic() - began
        outcome.expect(code == 128 + signal.SIGTERM, f"exit code {code}")
        outcome.expect(took < 1, f"it took {took:.1f} s to end")
        left = experiment.cluster.report()["instances"]["left"]
        outcome.expect(left == tasks, f"{left} of {tasks} instances were left to the next process")
        experiment.cluster.set_faults()
        experiment.client.clear()
        # By then listings show all of it, and the next process says how much there is.
        time.sleep(float(LISTING_LAG))
        experiment.cluster.start_daemon()
        await_that(lambda: experiment.cluster.report()["instances"]["left"] == 0, 30, "the end of what nobody asks for")
        lines = log_lines(experiment.cluster.directory, "an earlier process left something")
        outcome.expect(any(f"instances={tasks}" in line and "seconds=4" in line for line in lines), f"log: {lines}")
    outcome.tasks = tasks
    return outcome

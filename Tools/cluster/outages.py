# SPDX-License-Identifier: Apache-2.0
"""Services that are away for a while, in the middle of a run."""

from __future__ import annotations

import socket
import time
import urllib.parse
from collections.abc import Callable

from crash import Life, a_task, the_answer
from experiment import Experiment, Outcome, log_lines
from processes import await_that
from tcp_proxy import TO_CLIENT, TO_SERVER, Trap


def is_away(url: str) -> bool:
    """Whether a connection is refused, or cut at once."""
    parts = urllib.parse.urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as probe:
            probe.sendall(b"hello?\r\n\r\n")
            return probe.recv(1) == b""
    except ConnectionError:
        return True


def outage(tasks: int, seed: int, oci_seconds: float, storage_seconds: float, scheduler_seconds: float = 0) -> Outcome:
    """OCI refuses connections, then Scaler's object storage, then the scheduler resets them; nothing is restarted."""
    away = {"OCI": oci_seconds, "object storage": storage_seconds, "scheduler": scheduler_seconds}
    name = ", ".join(f"{service} away {seconds:g} s" for service, seconds in away.items() if seconds)
    # What a retired worker answered is confirmed by nobody, and is kept for the death timeout.
    daemon = ["--death-timeout-seconds", "30"]
    experiment = Experiment(name, seed, is_proxied=True, daemon=daemon)
    cluster, outcome = experiment.cluster, experiment.outcome
    with experiment.running():
        experiment.submit_work(tasks, 1.0)
        await_that(lambda: experiment.done_count >= tasks // 10, 60, "the first results")
        if oci_seconds:
            cluster.set_faults("* outage by=user", "* outage")
            time.sleep(oci_seconds / 2)
            outcome.expect(is_away(cluster.environment["OCI_ENDPOINT"]), "OCI could be reached during its outage")
            time.sleep(oci_seconds / 2)
            cluster.set_faults()
            before, came_back = experiment.done_count, time.monotonic()
            await_that(lambda: experiment.done_count > before or experiment.is_done, 60, "results after the outage")
            outcome.figures["first result once OCI was back"] = f"{time.monotonic() - came_back:.1f} s"
        for proxy, seconds in ((cluster.storage_proxy, storage_seconds), (cluster.scheduler_proxy, scheduler_seconds)):
            if seconds:
                assert proxy is not None
                before = experiment.done_count
                experiment.submit_work(max(1, tasks // 4), 0.5)
                await_that(lambda before=before: experiment.done_count > before, 60, "results before the outage")
                proxy.set_down(True)
                time.sleep(seconds)
                proxy.set_down(False)
                outcome.faults["connections to Scaler reset"] += proxy.resets
                outcome.expect(proxy.resets > 0, "no connection was reset")
    warnings = log_lines(cluster.directory, " warning ") + log_lines(cluster.directory, " WARNING ")
    outcome.figures["warnings in the log"] = len(warnings)
    return outcome


def broken_lines(tasks: int, seed: int, resets: int, pause: float = 0.7) -> Outcome:
    """Connections to scheduler and object storage are reset again and again, whatever is on them."""
    # What is not confirmed by the end is kept for the death timeout.
    daemon = ["--death-timeout-seconds", "15"]
    experiment = Experiment("connections to Scaler reset", seed, is_proxied=True, daemon=daemon)
    with experiment.running():
        experiment.submit_work(tasks, 0.2)
        for number in range(resets):
            time.sleep(experiment.random.uniform(0.3, 1) * pause)
            proxy = (experiment.cluster.scheduler_proxy, experiment.cluster.storage_proxy)[number % 2]
            assert proxy is not None
            proxy.reset_all()
            experiment.outcome.faults["connections to Scaler reset"] += 1
    return experiment.outcome


def swallowed_answers(tasks: int, seed: int) -> Outcome:
    """Every answer is lost with its connection at the first attempt, after the kernel has taken it."""
    return swallowed("answers", tasks, seed, TO_SERVER, the_answer)


def swallowed_tasks(tasks: int, seed: int) -> Outcome:
    """Every task is lost with its connection at the first attempt, on its way from the scheduler to the worker."""
    return swallowed("tasks", tasks, seed, TO_CLIENT, a_task)


def swallowed(
    what: str, tasks: int, seed: int, direction: str, wanted: Callable[[Life], Callable[[bytes], bool]]
) -> Outcome:
    experiment = Experiment(f"{what} lost with their connection", seed, is_proxied=True)
    with experiment.running():
        # Without a worker yet, the first task would be sent to no connection that could break.
        experiment.submit_work(1)[0].result(timeout=60)
        line = experiment.cluster.scheduler_proxy
        assert line is not None
        for _ in range(tasks):
            life = Life(experiment, "result")
            trap = Trap(direction, wanted(life), is_delivered=False)
            line.set_trap(trap)
            life.submit()
            await_that(trap.sprung.is_set, 30, f"{what} to lose")
            line.set_trap(None)
            line.reset_all()
            life.future.result(timeout=60)
        experiment.outcome.faults[f"{what} lost"] = tasks
    return experiment.outcome

# SPDX-License-Identifier: Apache-2.0
"""Pressure: slow and silent links, too little room on the daemon's own host, and much at once.

Beside the counts of every experiment, three things are measured: how long the daemon said nothing to its scheduler (it
has a heartbeat each second), how much memory it took, and for how long one piece of its work kept all others waiting.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle

from demo import usage_of
from experiment import Experiment, Outcome, log_lines, work
from leaving import await_running
from processes import await_that, free_port

cloudpickle.register_pickle_by_value(sys.modules[__name__])

MIB = 1 << 20
#: What the daemon keeps in a file of its own.
LARGE = MIB + MIB // 10
#: Beside all else that runs here, a heartbeat each second may be late; a loop that hangs is silent for longer.
SILENCE_MAX = 10.0
#: The daemon leaves out for how long it waited for a processor, so this holds beside all else that runs here, too.
TURN_MAX_MS = 50
WAITING = "this host has no room for the objects of tasks; they wait"
READER = Path(__file__).with_name("unread.py")


def total(*parts: bytes) -> int:
    return sum(len(part) for part in parts)


def large_result(count: int, seed: int) -> bytes:
    """Bytes that no compression makes fewer, the same for the same seed."""
    import random

    return random.Random(seed).randbytes(count)


class Pressure(Experiment):
    """An experiment with a proxy in front of the scheduler, which hears when the daemon says nothing."""

    def __init__(self, name: str, seed: int, **options: Any) -> None:
        super().__init__(name, seed, is_proxied=True, **options)

    @contextlib.contextmanager
    def running(self) -> Iterator[Experiment]:
        with super().running():
            self.watch()
            yield self
        self.judge_turns()

    def judge_turns(self) -> None:
        """Looks at the last line of each daemon that ended in order."""

        def last_lines() -> list[str]:
            return log_lines(self.cluster.directory, "longest_turn_ms")

        # Where another process copies the log, the line may come a moment later.
        lines = await_that(last_lines, 10, "the longest turn in the log of a daemon that ended")
        turns = [int(turn) for turn in re.findall(r"longest_turn_ms=(\d+)", "\n".join(lines))]
        longest = max(turns)
        self.outcome.figures["longest turn of its loop"] = f"{longest} ms"
        self.outcome.expect(longest <= TURN_MAX_MS, f"one turn of the daemon's loop took {longest} ms")

    def settle(self, seconds: float = 600) -> None:
        super().settle(seconds)
        self.measure()

    def watch(self) -> None:
        """Measures from now on: until here, the daemon was starting."""
        proxy = self.cluster.scheduler_proxy
        assert proxy is not None
        proxy.listen_for_silence()

    def measure(self) -> None:
        """Notes gap and memory, while the daemon lives; for one that leaves, before it is asked to."""
        outcome, proxy = self.outcome, self.cluster.scheduler_proxy
        assert proxy is not None
        if "peak memory" in outcome.figures:
            return
        gap = proxy.longest_silence()
        outcome.figures["longest heartbeat gap"] = f"{gap:.1f} s"
        outcome.expect(gap < SILENCE_MAX, f"nothing was said to the scheduler for {gap:.1f} s")
        with contextlib.suppress(OSError):
            outcome.figures["peak memory"] = f"{peak_bytes(self.cluster.daemon.pid) / MIB:.0f} MB"


def peak_bytes(process: int) -> int:
    """The most memory that a process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) * 1024 if found else 0


# MARK: Links


def slow_storage(tasks: int, seed: int, megabytes: int, rate: float) -> Outcome:
    """Small tasks beside large arguments, on a line to the object storage that carries `rate` bytes a second."""
    experiment = Pressure(f"{tasks} small tasks beside {megabytes} MB on a line of {rate / 1e6:g} MB/s", seed)
    with experiment.running():
        experiment.submit_work(1)[0].result(timeout=60)
        proxy = experiment.cluster.storage_proxy
        assert proxy is not None
        proxy.bytes_per_second = rate
        bulk = experiment.submit(total, os.urandom(megabytes * 1_000_000), expected=megabytes * 1_000_000)
        time.sleep(2)
        began = time.monotonic()
        for future in experiment.submit_work(tasks):
            future.result(timeout=120)
        experiment.outcome.figures["small tasks done after"] = f"{time.monotonic() - began:.0f} s"
        experiment.outcome.expect(not bulk.done(), "the large argument was no load")
        experiment.outcome.faults["slow line"] = 1
    return experiment.outcome


def frozen_storage(tasks: int, seed: int, times: int) -> Outcome:
    """The connection to the object storage falls silent, and nobody says so; new ones work."""
    experiment = Pressure("the connection to the object storage freezes", seed)
    with experiment.running():
        for _ in range(times):
            for future in experiment.submit_work(1):
                future.result(timeout=90)
            proxy = experiment.cluster.storage_proxy
            assert proxy is not None
            proxy.freeze()
            experiment.submit_work(tasks // times)
            experiment.await_all(120)
            experiment.outcome.faults["frozen connection"] += 1
    return experiment.outcome


def moved(tasks: int, seed: int) -> Outcome:
    """Scheduler and storage end and come back on other ports; the scheduler's address is that of a relay."""
    experiment = Pressure("scheduler and object storage come back elsewhere", seed, is_storage_told=False)
    cluster = experiment.cluster
    with experiment.running():
        experiment.submit_work(tasks // 2)
        experiment.await_all(120)
        experiment.client.disconnect()
        assert cluster.scheduler is not None and cluster.storage is not None
        cluster.scheduler.end()
        cluster.storage.end()
        cluster.scheduler_port, cluster.storage_port = free_port(), free_port()
        cluster.start_storage()
        cluster.start_scheduler()
        proxy = cluster.scheduler_proxy
        assert proxy is not None
        proxy.target = ("127.0.0.1", cluster.scheduler_port)
        proxy.reset_all()
        experiment.connect()
        experiment.submit_work(tasks - tasks // 2)
        experiment.outcome.faults["scheduler and storage moved"] = 1
    return experiment.outcome


# MARK: The host


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path | None]:
    """A file system of that size, full; None where none can be mounted. The file `others` fills it."""
    directory = Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-spool-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)]
    is_mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        if is_mounted:
            with contextlib.suppress(OSError), (directory / "others").open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(64 * 1024))
        yield directory if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", str(directory)], check=True)
        shutil.rmtree(directory, ignore_errors=True)


def full_disk(tasks: int, seed: int) -> Outcome:
    """The spool directory is full while results of 3 MiB come, and empties later.

    Where nothing can be mounted it is small instead. Half of the tasks need no file.
    """
    with small_disk(8) as directory:
        limit = [] if directory else ["--spool-limit-mb", "4"]
        experiment = Pressure("a full spool directory", seed, spool_directory=directory, daemon=limit)
        with experiment.running():
            for number in range(tasks // 2):
                experiment.submit(large_result, 3 * MIB, number, expected=large_result(3 * MIB, number))
            if directory:
                await_that(
                    lambda: WAITING in experiment.cluster.daemon.output(), 60, "the daemon to say that tasks wait"
                )
                for future in experiment.submit_work(tasks - tasks // 2):
                    future.result(timeout=120)
                (directory / "others").unlink()
                experiment.outcome.faults["full disk"] = 1
        lines = len(log_lines(experiment.cluster.directory, WAITING))
        experiment.outcome.expect(lines <= 1 + experiment.outcome.seconds / 60, f"{lines} lines tell that tasks wait")
    return experiment.outcome


def descriptors(tasks: int, seed: int) -> Outcome:
    """256 descriptors, and tasks of 12 arguments that each want one."""
    experiment = Pressure("256 descriptors", seed, daemon_starter=("prlimit", "--nofile=256:256"))
    with experiment.running():
        part = experiment.random.randbytes(LARGE)
        for number in range(1, tasks + 1):
            experiment.submit(total, *([part[:-number]] * 12), expected=12 * (LARGE - number))
        experiment.outcome.faults["256 descriptors"] = 1
    return experiment.outcome


def unread_log(tasks: int, seed: int) -> Outcome:
    """Nobody reads the log any more, and the pipe is full."""
    with tempfile.TemporaryDirectory(prefix="scaler-oci-hpc-") as directory:
        flag = Path(directory) / "stop"
        starter = (sys.executable, str(READER), str(flag))
        options = {"daemon_starter": starter, "daemon": ["--logging-level", "DEBUG"]}
        experiment = Pressure("a log that nobody reads", seed, **options)
        outcome = experiment.outcome
        with experiment.running():
            experiment.submit_work(1)[0].result(timeout=60)
            flag.touch()
            length = len(experiment.cluster.daemon.output())
            experiment.submit_work(tasks)
            experiment.await_all(300)
            outcome.expect(len(experiment.cluster.daemon.output()) == length, "somebody read the log")
            experiment.measure()
            # What fits is kept until somebody reads again, and what does not is counted.
            flag.unlink()

            def is_told() -> bool:
                text = experiment.cluster.daemon.output()
                return text.count("task answered") > tasks or "lines were dropped: the log took no more" in text

            await_that(is_told, 30, "what was not read, or how much of it was dropped")
            outcome.faults["full pipe"] = 1
    return outcome


# MARK: The cloud


def lost_credentials(tasks: int, seed: int, seconds: float) -> Outcome:
    """Every request is answered 401 for a while, with tasks at every step."""
    experiment = Pressure(f"credentials refused for {seconds:g} s", seed)
    with experiment.running():
        experiment.submit_work(tasks, 0.5)
        await_that(lambda: experiment.done_count >= tasks // 4, 60, "the first results")
        experiment.cluster.set_faults("* unauthenticated by=user")
        experiment.submit_work(tasks // 4, 0.5)
        time.sleep(seconds)
        experiment.cluster.set_faults()
    return experiment.outcome


def many_leave(tasks: int, seed: int) -> Outcome:
    """SIGTERM while `tasks` instances run, whose deletions take a second each to be accepted."""
    options = ["--base-concurrency", str(tasks)]
    experiment = Pressure(f"SIGTERM, {tasks} run, deletions of 1 s", seed, daemon=options)
    outcome = experiment.outcome
    with experiment.running():
        for _ in range(tasks):
            experiment.client.submit(work, 1, 600)
        await_running(experiment, tasks)
        experiment.cluster.set_faults("DeleteContainerInstance delay seconds=1 by=user")
        experiment.measure()
        began = time.monotonic()
        code = experiment.cluster.daemon.stop(signal.SIGTERM)
        left = experiment.cluster.report()["instances"]["left"]
        outcome.figures["left after"] = f"{time.monotonic() - began:.1f} s"
        outcome.expect(code == 0, f"exit code {code}")
        outcome.expect(left == 0, f"{left} instances were left at the exit")
        experiment.client.clear()
    outcome.tasks = tasks
    return outcome


def lanes(uploads: int, seed: int, seconds: float, small: int) -> Outcome:
    """Short tasks, one after the other, beside uploads that take `seconds` each."""
    experiment = Pressure(f"{uploads} uploads of {seconds:g} s beside tasks of 0.25 s", seed)
    outcome, slowest = experiment.outcome, 0.0
    with experiment.running():
        experiment.submit_work(1)[0].result(timeout=60)
        experiment.cluster.set_faults(f"PutObject delay seconds={seconds} by=user")
        part = experiment.random.randbytes(LARGE)
        for number in range(1, uploads + 1):
            experiment.submit(total, part[:-number], expected=LARGE - number)
        experiment.await_report(lambda report: report["faults"].get("PutObject delay", 0) > 4, 30, "uploads")
        for _ in range(small):
            began = time.monotonic()
            experiment.submit_work(1, 0.25)[0].result(timeout=120)
            slowest = max(slowest, time.monotonic() - began)
        outcome.expect(not experiment.is_done, "the uploads were no load")
    outcome.figures["the slowest short task took"] = f"{slowest:.1f} s"
    outcome.expect(slowest < seconds, f"a task of 0.25 s took {slowest:.1f} s")
    return outcome


def deleted_visible(records: int, seed: int, tasks: int) -> Outcome:
    """So many instances, of us and others, are gone and their records listed: the same tasks before and beside them.

    One daemon runs both: a new one would wait for slots of what lagging listings still show of its predecessor.
    """
    owner = "owner-under-pressure"
    experiment = Pressure(
        f"{records:,} DELETED records listed",
        seed,
        emulator=["--deleted-visible-seconds", "86400"],
        daemon=["--owner-id", owner],
    )
    outcome = experiment.outcome
    costs, pages = [], Counter[str]()
    with experiment.running():
        # Before the clock starts, so that the pace is found.
        experiment.submit_work(tasks // 4)
        experiment.await_all(600)
        for is_crowded in (False, True):
            if is_crowded:
                place_deleted(experiment, owner, records // 2)
                place_deleted(experiment, "another-owner", records - records // 2)
                pages = listing_pages(experiment)
            # Long enough for a listing, which meets the records.
            experiment.submit_work(1, 3)[0].result(timeout=60)
            before = spent(experiment)
            experiment.submit_work(tasks)
            experiment.await_all(600)
            costs.append({name: now - before[name] for name, now in spent(experiment).items()})
        pages = listing_pages(experiment) - pages
        outcome.faults["DELETED records"] = records
    for name, values in {
        "tasks a second": [f"{tasks / cost['seconds']:.0f}" for cost in costs],
        "requests of the daemon a task": [f"{cost['requests'] / tasks:.1f}" for cost in costs],
        "its milliseconds of CPU a task": [f"{1000 * cost['cpu'] / tasks:.1f}" for cost in costs],
    }.items():
        outcome.figures[f"{name}, before and with the records"] = ", ".join(values)
    whole, by_state, listings = pages["of everything"], pages["of a state"], pages["the first of a state"]
    outcome.figures["requests for listings with the records"] = f"{whole} + {by_state} in {listings}"
    outcome.expect(listings > 0, "no listing was made state by state")
    # Six states, each on one page, and one listing in ten tries a page of everything; one may have been under way when
    # the records came.
    outcome.expect(by_state <= 6 * (listings + 1), f"{by_state} pages in {listings} listings state by state")
    outcome.expect(whole <= listings / 10 + 2, f"{whole} pages of everything beside {listings} listings")
    return outcome


def requests_told(experiment: Experiment) -> list[dict[str, Any]]:
    """The requests in the journal of the local OCI."""
    lines = (experiment.cluster.directory / "oci" / "journal.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["event"] == "request"]


def spent(experiment: Experiment) -> dict[str, float]:
    """What tasks have cost until now: time, CPU of the daemon and its requests."""
    return {
        "seconds": time.monotonic(),
        "cpu": usage_of(experiment.cluster.daemon.pid)["cpu_seconds"],
        "requests": sum(record["caller"] == "user" for record in requests_told(experiment)),
    }


def listing_pages(experiment: Experiment) -> Counter[str]:
    """How many pages of instances were asked for until now."""
    told = [record for record in requests_told(experiment) if record["operation"] == "ListContainerInstances"]
    queries = [urllib.parse.parse_qs(urllib.parse.urlsplit(record["target"]).query) for record in told]
    states = [query["lifecycleState"][0] for query in queries if "lifecycleState" in query]
    first = sum(query.get("lifecycleState") == ["CREATING"] and "page" not in query for query in queries)
    return Counter(
        {"of everything": len(queries) - len(states), "of a state": len(states), "the first of a state": first}
    )


def place_deleted(experiment: Experiment, owner: str, count: int) -> None:
    """Has the local OCI remember instances of an owner that are gone."""
    client = experiment.cluster.cloud_client()
    tags = {"scaler-owner": owner, "scaler-worker-manager": "wm-oci-hpc", "scaler-generation": "0", "scaler-task": "#"}
    experiment.cluster.place_deleted(count, client.create_body({}, freeformTags=tags))
    client.connection.close()

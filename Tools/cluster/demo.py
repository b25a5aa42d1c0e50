# SPDX-License-Identifier: Apache-2.0
"""Runs the Quick Start's program on a whole cluster and says what it took."""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster import Cluster, Options
from processes import StartError


def heavy_computation(x: int) -> int:
    return x**2


def timed_client_type() -> Any:
    """Scaler's client, noting when each task was submitted and answered; imported late: it reads the environment."""
    from scaler import Client

    class TimedClient(Client):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.started: list[float] = []
            self.ended: list[float] = []
            super().__init__(*arguments, **options)

        # What submit and map have in common, by the name that Python gives it.
        def _Client__submit(self, *arguments: Any, **options: Any) -> Any:  # noqa: N802
            task, future = super()._Client__submit(*arguments, **options)
            start = time.monotonic()
            self.started.append(start)
            future.add_done_callback(lambda _: self.ended.append(time.monotonic() - start))
            return task, future

    return TimedClient


class ProgressBar:
    """Draws how many tasks are answered, on a terminal again and again, else at each quarter."""

    def __init__(self, total: int):
        self.total = total
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.done: Callable[[], int] = lambda: 0

    def __enter__(self) -> ProgressBar:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._draw()
        print(flush=True)

    def _run(self) -> None:
        while not self._stop.wait(0.1 if sys.stdout.isatty() else 2):
            self._draw()
            if not sys.stdout.isatty():
                print(flush=True)

    def _draw(self) -> None:
        width = 40
        filled = width * self.done() // max(self.total, 1)
        start = "\r" if sys.stdout.isatty() else ""
        bar = "#" * filled + "." * (width - filled)
        print(f"{start}[{bar}] {self.done()}/{self.total} tasks", end="", flush=True)


def usage_of(pid: int) -> dict[str, float]:
    """Resident memory in MB, threads, and CPU seconds of a process, from /proc."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {
        "memory_mb": int(fields["VmRSS"].split()[0]) / 1024,
        "threads": int(fields["Threads"]),
        "cpu_seconds": (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"),
    }


def table(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def idle_usage(pid: int, seconds: float) -> tuple[float, float]:
    """Memory in MB between the listings that follow a start, and share of a core in percent, while nothing happens."""
    before = usage_of(pid)
    memories = []
    for _ in range(16):
        time.sleep(seconds / 16)  # the measurement itself: nothing is awaited
        memories.append(usage_of(pid)["memory_mb"])
    after = usage_of(pid)
    return min(memories), 100 * (after["cpu_seconds"] - before["cpu_seconds"]) / seconds


def run(cluster: Cluster, tasks: int) -> None:
    print(f"scheduler {cluster.address} ({cluster.options.backend}), local OCI {cluster.environment['OCI_ENDPOINT']}")
    idle_memory, idle_cpu = idle_usage(cluster.daemon.pid, 4)
    os.environ["SCALER_NETWORK_BACKEND"] = cluster.options.backend
    begin = time.monotonic()
    with timed_client_type()(address=cluster.address) as client:
        with ProgressBar(tasks) as bar:
            bar.done = lambda: len(client.ended)
            results = client.map(heavy_computation, range(tasks))
        seconds = time.monotonic() - begin
        print(results)
        if results != [number**2 for number in range(tasks)]:
            raise StartError("the results are wrong")
        latencies = sorted(client.ended)
    report = cluster.await_nothing_left()
    usage = usage_of(cluster.daemon.pid)
    rows = [
        ("tasks", f"{tasks} in {seconds:.1f} s"),
        ("instances created / deleted / left", "{created} / {deleted} / {left}".format(**report["instances"])),
        ("OCI requests per task", f"{report['requests']['by_caller']['user'] / tasks:.1f} by the daemon"),
        ("seconds from submit to result, median", f"{statistics.median(latencies):.2f}"),
        ("seconds from submit to result, 99th percentile", f"{latencies[int(0.99 * (len(latencies) - 1))]:.2f}"),
        ("daemon: resident memory", f"{usage['memory_mb']:.1f} MB ({idle_memory:.1f} MB idle before)"),
        ("daemon: threads", f"{usage['threads']:.0f}"),
        ("daemon: CPU", f"{usage['cpu_seconds']:.2f} s ({idle_cpu:.2f} % of a core idle before)"),
    ]
    print(table(rows))
    ran_twice = report["tasks"]["ran_more_than_once"]
    if ran_twice:
        raise StartError(f"these tasks ran twice: {ran_twice}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/demo", description=__doc__)
    parser.add_argument("--backend", choices=("zmq", "ymq"), default="zmq", help="the scheduler's transport")
    parser.add_argument("--tasks", type=int, default=50, metavar="N", help="tasks to run (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    options = parser.parse_args()
    if options.tasks < 1:
        parser.error("--tasks must be at least 1")
    cluster = Cluster(Options(backend=options.backend))
    try:
        with cluster:
            run(cluster, options.tasks)
            if options.keep:
                print(f"left running; scheduler at {cluster.address}, logs in {cluster.directory}; Ctrl-C ends it")
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the user gets one line and the logs
        print(f"Tools/demo: {type(error).__name__}: {error}\nlogs: {cluster.directory}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

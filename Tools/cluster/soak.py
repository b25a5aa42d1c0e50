# SPDX-License-Identifier: Apache-2.0
"""Mixed tasks with one percent of every fault for minutes; fails if memory, descriptors, connections or timers grow.

What the daemon holds while it works goes up and down with its load, so two things are judged: the slope while the load
is the same, and what is held at the end, with nothing to do, beyond what was held at the beginning. What is shown are
the levels: before, at work, and after.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import CancelledError
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slope import Series, levels

if TYPE_CHECKING:
    from experiment import Experiment

SHARE = 0.01
BEGIN, END = "<!-- soak -->", "<!-- /soak -->"
#: Faults of the containers themselves end their task, whatever it is.
CONTAINER_ERRORS = re.compile("exit code 137|SIGKILL|vanished before|Failed to pull image", re.DOTALL)
SAMPLE_SECONDS = 2.0
#: How long the daemon may take to come to rest: longer than a kept connection lives, and than a result is kept.
REST_SECONDS = 75


def rules() -> list[str]:
    """One percent of every fault that a request, a create or a container can meet."""
    import storms

    kinds = [*storms.KINDS, "stall-after seconds=2", "delay", "proxy"]
    every = [f"CreateContainerInstance {kind} by=user share={SHARE}" for kind in ("capacity", "limit", "quota")]
    every += [f"CreateContainerInstance {kind} share={SHARE}" for kind in ("capacity-late", "limit-late")]
    every += [f"Container {kind} share={SHARE}" for kind in ("pull-failure", "kill", "vanish", "stuck seconds=3")]
    return every + [f"* {kind} by=user share={SHARE}" for kind in kinds]


def fail(text: str) -> None:
    raise KeyError(text)


class Held:
    """What the daemon's process holds, over time."""

    def __init__(self, experiment: Experiment) -> None:
        self.began = time.monotonic()
        self.pid = experiment.cluster.daemon.pid
        found = experiment.cluster.daemon.await_output(r"status is served address=(\S+)")
        self.page = f"http://{found[1]}/metrics"
        self.series = [
            Series("memory", "MB", 4),
            Series("descriptors", "", 6),
            Series("connections", "", 6),
            Series("timers", "", 12),
        ]

    def now(self) -> list[float]:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        links = []
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                links.append(os.readlink(f"/proc/{self.pid}/fd/{name}"))
            except OSError:  # closed meanwhile
                continue
        with urllib.request.urlopen(self.page, timeout=10) as answer:
            timers = re.search(r"^scaler_oci_timers (\d+)$", answer.read().decode(), re.MULTILINE)
        assert timers is not None
        sockets = sum(link.startswith("socket:") for link in links)
        return [pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(links), sockets, int(timers[1])]

    def sample(self) -> None:
        for series, value in zip(self.series, self.now(), strict=True):
            series.add(time.monotonic() - self.began, value)

    def at_rest(self, within: list[float] | None = None) -> list[float]:
        """What is held with nothing to do: the least of what was seen, until it is no more than `within` allows."""
        least, deadline = self.now(), time.monotonic() + (REST_SECONDS if within else 10)
        while time.monotonic() < deadline:
            least = [min(pair) for pair in zip(least, self.now(), strict=True)]
            if within and all(value <= limit for value, limit in zip(least, within, strict=True)):
                break
            time.sleep(0.5)
        return least


class Load:
    """Keeps so many tasks in flight, of every kind, and judges each as it ends."""

    def __init__(self, experiment: Experiment, random: random.Random) -> None:
        self.experiment, self.random = experiment, random
        self.flying: list[tuple[Any, Callable[[Any], bool], str]] = []
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []

    def submit(self) -> None:
        from experiment import echo, work

        client, number = self.experiment.client, self.random.randrange(1000)
        kind = self.random.choices(("small", "slow", "large", "huge", "failed", "cancelled"), (50, 20, 12, 2, 8, 8))[0]
        if kind in ("large", "huge"):
            data = self.random.randbytes(60_000 if kind == "large" else 2_000_000)
            self.flying.append((client.submit(echo, data), lambda value: value == data, kind))
        elif kind == "failed":
            self.flying.append((client.submit(fail, "no such thing"), lambda value: False, kind))
        else:
            seconds = {"small": 0.0, "slow": 1.0, "cancelled": 600.0}[kind]
            future = client.submit(work, number, seconds)
            self.flying.append((future, lambda value: value == number * number + 1, kind))
            if kind == "cancelled":
                future.cancel()

    def judge(self) -> None:
        """Takes out what has ended."""
        still = []
        for future, is_right, kind in self.flying:
            if not future.done():
                still.append((future, is_right, kind))
                continue
            try:
                verdict = "right" if is_right(future.result()) else "wrong value"
            except CancelledError:
                verdict = "right" if kind == "cancelled" else "cancelled"
            except Exception as error:  # noqa: BLE001 - a task's exception can be anything
                text = f"{type(error).__name__}: {error}"
                is_expected = kind == "failed" and isinstance(error, KeyError)
                verdict = "right" if is_expected else "hit" if CONTAINER_ERRORS.search(text) else text[:300]
            self.ended["hit by a fault of its container" if verdict == "hit" else kind] += 1
            if verdict not in ("right", "hit"):
                self.wrong.append(f"{kind}: {verdict}")
        self.flying = still


def soak(minutes: float, seed: int, in_flight: int) -> tuple[list[str], list[str]]:
    """Returns what was seen, a line each, and which promises were broken."""
    from experiment import Experiment

    daemon = ["--status-address", "127.0.0.1:0", "--max-requests-per-second", "100", "--death-timeout-seconds", "30"]
    experiment = Experiment("soak", seed, daemon=daemon, is_proxied=True)
    load = Load(experiment, random.Random(seed))
    with experiment.running():
        held = Held(experiment)
        for future in experiment.submit_work(in_flight):
            future.result(timeout=60)
        experiment.cluster.await_nothing_left()
        before = held.at_rest()
        experiment.cluster.set_faults(*rules())
        end, resets = time.monotonic() + 60 * minutes, 0
        next_sample = next_reset = time.monotonic()
        while time.monotonic() < end:
            while len(load.flying) < in_flight:
                load.submit()
            if time.monotonic() >= next_sample:
                held.sample()
                next_sample += SAMPLE_SECONDS
            if time.monotonic() >= next_reset:
                proxy = (experiment.cluster.storage_proxy, experiment.cluster.scheduler_proxy)[resets % 2]
                assert proxy is not None
                proxy.reset_all()
                resets += 1
                next_reset += 15
            time.sleep(0.05)
            load.judge()
        experiment.cluster.set_faults()
        for future, _, _ in load.flying:
            future.exception(timeout=120) if not future.cancelled() else None
        load.judge()
        experiment.cluster.await_nothing_left(90)
        # Twice as much as may rise: before the first look the process has had no large object in its hands.
        allowed = [value + 2 * series.allowed_rise for value, series in zip(before, held.series, strict=True)]
        after = held.at_rest(allowed)
    outcome = experiment.outcome
    faults = sum(outcome.faults.values()) + resets
    lines = [f"{sum(load.ended.values()):,} tasks in {minutes:g} minutes, {faults:,} faults, seed {seed}: "]
    lines[0] += ", ".join(f"{count:,} {kind}" for kind, count in load.ended.most_common())
    lines += levels(held.series, before, after)
    broken = outcome.broken + load.wrong[:5] + [f"grows: {series}" for series in held.series if series.grows]
    broken += [
        f"kept: {series.name} {first:.0f} -> {last:.0f}"
        for series, first, last, limit in zip(held.series, before, after, allowed, strict=True)
        if last > limit
    ]
    if faults == 0:
        broken.append("no fault was carried out")
    return lines, broken + ([f"logs: {outcome.logs[0]}"] if broken else [])


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/soak", description=__doc__)
    parser.add_argument("minutes", metavar="MINUTES", type=float)
    parser.add_argument("--backend", choices=("zmq", "ymq"), default="zmq", help="the scheduler's transport")
    parser.add_argument("--seed", type=int, default=1, help="decides which tasks there are and which calls faults hit")
    parser.add_argument("--in-flight", type=int, default=12, help="tasks at once")
    parser.add_argument("--write", action="store_true", help="put what was seen into the documentation")
    options = parser.parse_args()
    os.environ["SCALER_NETWORK_BACKEND"] = options.backend
    lines, broken = soak(options.minutes, options.seed, options.in_flight)
    text = "".join(f"- {line}\n" for line in lines) + "".join(f"- **broken**: {promise}\n" for promise in broken)
    print(text, end="")
    if options.write:
        import kinds_table
        from chaos import machine

        text += f"\nRun on {date.today().isoformat()}, on {machine()}, with everything else on the same machine.\n"
        kinds_table.put(text, kinds_table.DOCUMENTATION / "Reliability.md", BEGIN, END)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

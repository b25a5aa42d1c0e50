# SPDX-License-Identifier: Apache-2.0
"""How things grow with the number of tasks, as tables and as pictures (SVG)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import figures
from figures import Figures

PROGRAM = figures.ROOT / ".build" / "release" / "Curve"
TOGETHER = (1, 10, 100, 1_000, 10_000)
QUEUED = (100, 1_000, 10_000, 100_000)
PROFILES = {"quick": "a cloud that answers at once", "slow": "a slow cloud, tasks of 1 s"}


def together() -> dict[str, list[Figures]]:
    return {profile: [figures.simulate(profile, count) for count in TOGETHER] for profile in PROFILES}


def queued() -> list[tuple[int, int, float, float]]:
    """Tasks at once, orphans, microseconds a task, and those a known instance in a listing."""
    ran = subprocess.run([str(PROGRAM), *map(str, QUEUED)], check=True, capture_output=True, text=True)
    rows = [re.findall(r"[\d.]+", line.replace(",", "")) for line in ran.stdout.splitlines() if "|" in line]
    return [(int(row[0]), int(row[1]), float(row[2]), float(row[3])) for row in rows if len(row) == 4]


def together_table(results: dict[str, list[Figures]]) -> str:
    lines = ["| tasks at once | " + " | ".join(f"{name}: tasks/s | requests a task" for name in PROFILES.values())]
    lines[0] += " |"
    lines.append("|---:" * (1 + 2 * len(PROFILES)) + "|")
    for place, count in enumerate(TOGETHER):
        cells = [f"{one[place].rate:.1f} | {one[place].requests_per_task:.2f}" for one in results.values()]
        lines.append(f"| {count:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def queued_table(rows: list[tuple[int, int, float, float]]) -> str:
    lines = ["| tasks at once | orphans | µs a task | µs a known instance in a listing |", "|---:|---:|---:|---:|"]
    lines += [f"| {tasks:,} | {orphans:,} | {task:.1f} | {known:.1f} |" for tasks, orphans, task, known in rows]
    return "\n".join(lines)


def draw(path: Path, together: dict[str, list[Figures]], queued: list[tuple[int, int, float, float]]) -> None:
    import matplotlib

    matplotlib.use("svg")
    # The same curves give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "scaler-oci-hpc"
    from matplotlib import pyplot

    picture, (rates, requests, costs) = pyplot.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for profile, results in together.items():
        rates.plot(TOGETHER, [one.rate for one in results], marker="o", label=PROFILES[profile])
        requests.plot(TOGETHER, [one.requests_per_task for one in results], marker="o", label=PROFILES[profile])
    costs.plot([row[0] for row in queued], [row[2] for row in queued], marker="o", label="a task")
    costs.plot([row[0] for row in queued], [row[3] for row in queued], marker="o", label="an instance in a listing")
    rates.set(title="tasks a second (simulated)", xlabel="tasks at once", xscale="log", yscale="log")
    requests.set(title="requests a task (simulated)", xlabel="tasks at once", xscale="log", yscale="log")
    costs.set(title="CPU µs of the bookkeeping (measured)", xlabel="tasks queued", xscale="log", ylim=(0, None))
    for axes in (rates, requests, costs):
        axes.grid(visible=True, alpha=0.3)
        axes.legend(frameon=False, fontsize="small")
    picture.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(picture)

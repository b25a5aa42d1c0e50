# SPDX-License-Identifier: Apache-2.0
"""Takes a cluster through an incident and writes down what each of the views shows: no room, no access, a full disk."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from browser import Browser
from cluster import DAEMON, ROOT, Cluster, Options, connect
from processes import StartError, await_that

DOCUMENTATION = ROOT / "Sources" / "ScalerOCIHPC" / "Documentation.docc"
PROMTOOL = ROOT / ".build" / "tools" / "promtool"
ALERTS = ROOT / "Tools" / "packaging" / "alerts.yml"
SLOTS = 8
MIB = 1 << 20
LINE_MAX = 120
NEWLINE = "\n"


def square_later(number: int, seconds: float) -> int:
    import time

    time.sleep(seconds)
    return number * number


def zeros(count: int) -> bytes:
    return bytes(count)


class Incident:
    """The cluster, and all that looks at it."""

    def __init__(self, cluster: Cluster, browser: Browser, disk: Path) -> None:
        self.cluster, self.browser, self.disk = cluster, browser, disk
        (self.address,) = cluster.daemon.await_output(r"status is served address=(\S+)").groups()
        self.client = connect(cluster)
        self.results: list[tuple[Any, Any]] = []
        self._lines_seen = 0
        browser.open(f"http://{self.address}/")

    # MARK: what happens

    def submit(self, count: int, seconds: float) -> None:
        for number in range(count):
            self.results.append((self.client.submit(square_later, number, seconds), number * number))

    def await_state(self, condition: Callable[[dict[str, Any]], Any], what: str) -> None:
        await_that(lambda: condition(self.state()), 60, what)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def state(self) -> dict[str, Any]:
        """What the status document says of the manager."""
        return dict(json.loads(self.get("/status.json"))["managers"][0])

    def await_results(self) -> None:
        for future, expected in self.results:
            if future.result(timeout=120) != expected:
                raise StartError(f"a wrong result: {future.result()!r:.80}")

    # MARK: what is seen

    def status(self) -> str:
        return str(json.loads(self.get("/status.json"))["status"])

    def warnings(self) -> list[str]:
        """What the page shows at its head, once it has asked again."""
        await_that(lambda: self.status() in self.browser.text("#status"), 10, "the page to show the present state")
        return [shortened(line) for line in self.browser.text("#warnings").splitlines()]

    def log(self) -> list[str]:
        """The daemon's new lines from NOTICE on, without their times; ids are cut short."""
        lines = self.cluster.daemon.output().splitlines()
        new, self._lines_seen = lines[self._lines_seen :], len(lines)
        found = [line.split(" ", 1)[1] for line in new if re.search(r" (NOTICE|WARNING|ERROR) ", line)]
        return [shortened(line) for line in found]

    def top(self) -> list[str]:
        """What `top` prints without a terminal; nothing where this release has no such subcommand."""
        environment = {**os.environ, "COLUMNS": str(LINE_MAX), "NO_COLOR": "1"}
        done = subprocess.run(
            [str(DAEMON), "top", self.address],
            check=False, capture_output=True, text=True, timeout=30, env=environment, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.stdout.rstrip().splitlines() if done.returncode == 0 else []

    def await_sample(self) -> None:
        """Waits until the last hour has a sample of what is so now."""
        before = json.loads(self.get("/history.json"))["time"]
        await_that(lambda: json.loads(self.get("/history.json"))["time"] > before + 1, 30, "a sample of the last hour")
        time.sleep(6)  # the page asks for it every five seconds

    def picture(self) -> bytes:
        """The page, in few enough colours for a small file."""
        from PIL import Image

        taken = Image.open(io.BytesIO(self.browser.picture(1500))).convert("RGB")
        small = io.BytesIO()
        taken.quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        return small.getvalue()


def alerts(metrics: str) -> list[str]:
    """The alerts that Prometheus would show if these numbers stayed for a quarter of an hour."""
    samples = [line.rsplit(" ", 1) for line in metrics.splitlines() if line and not line.startswith("#")]
    series = [{"series": name, "values": f"{value}x15"} for name, value in samples]
    names = re.findall(r"alert: (\w+)", ALERTS.read_text())
    # That no alert is expected makes the tool tell those that there are.
    expected = [{"eval_time": "15m", "alertname": name, "exp_alerts": []} for name in names]
    test = {"input_series": series, "interval": "1m", "alert_rule_test": expected}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "alerts-now.yml"
        # JSON is YAML.
        path.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [test]}))
        done = subprocess.run(
            [str(PROMTOOL), "test", "rules", str(path)], check=False, capture_output=True, text=True, timeout=60
        )
    labels, summaries = r'Labels:\{alertname="(\w+)"[^}]*severity="(\w+)"', r'Annotations:\{[^}]*summary="(.*?)"\}'
    found = re.findall(rf"{labels}[^}}]*\}}\s*{summaries}", done.stdout + done.stderr)
    return [f"{name} ({severity}): {summary}" for name, severity, summary in found]


def shortened(line: str) -> str:
    """A line without what is another in each run, and no longer than a reader likes."""
    line = re.sub(r" \(opc-request-id [^)]*\)|/scaler-oci-hpc-disk-\w+", "", line)
    line = re.sub(r"ocid1\.(\w+)\.[\w.]+", r"ocid1.\1...", line)
    line = re.sub(r"\b([0-9a-f]{6})[0-9a-f]{26,}\b", r"\1...", line)
    return line if len(line) <= 4 * LINE_MAX else line[: 4 * LINE_MAX] + "..."


# MARK: the steps


def lose_room(incident: Incident) -> None:
    incident.cluster.set_faults("CreateContainerInstance capacity")
    incident.submit(6, 1)
    incident.await_state(lambda state: state["waiting"]["for_room"] >= 5, "tasks without room")


def lose_access(incident: Incident) -> None:
    incident.cluster.set_faults("* unauthenticated by=user")
    incident.submit(4, 1)
    incident.await_state(lambda state: state["access_lost"], "access to be lost")


def end_faults(incident: Incident) -> None:
    incident.cluster.set_faults()
    incident.await_results()


def fill_disk(incident: Incident) -> None:
    with contextlib.suppress(OSError), open(incident.disk / "others", "wb", buffering=0) as file:
        while True:
            file.write(bytes(64 * 1024))
    incident.results += [(incident.client.submit(zeros, 3 * MIB), bytes(3 * MIB)) for _ in range(3)]
    incident.await_state(lambda state: state["waiting"]["for_host"] >= 1, "tasks that wait for the disk")


def free_disk(incident: Incident) -> None:
    (incident.disk / "others").unlink()
    incident.await_results()


#: What happens: its name, how it begins until it can be seen, and how it ends.
STEPS = [
    ("no-room", lose_room, end_faults),
    ("no-access", lose_access, end_faults),
    ("full-disk", fill_disk, free_disk),
]


def told(incident: Incident, name: str) -> str:
    """What the views show while a step is in force, but the picture."""
    warnings = incident.warnings()
    views = [
        ("At the head of the page, and in `systemctl status`:", [*warnings, incident.status()]),
        ("`scaler-oci-hpc top` prints:", incident.top()),
        ("New in the log, from NOTICE on:", incident.log()),
        ("Alerts:", alerts(incident.get("/metrics"))),
    ]
    parts = [f"![The page at this time]({name}.png)"]
    parts += [f"{title}\n\n```\n{NEWLINE.join(lines)}\n```" for title, lines in views if lines]
    return "\n\n".join(parts)


def put(text: str, name: str, page: Path) -> None:
    """Writes `text` between the marks of that name in a page of the documentation."""
    begin, end = f"<!-- incident {name} -->\n", f"<!-- /incident {name} -->\n"
    head, _, rest = page.read_text().partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        raise StartError(f"{page} has no marks {begin.strip()} and {end.strip()}")
    page.write_text(head + begin + "\n" + text + "\n\n" + end + tail)


@contextlib.contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of 8 MiB."""
    directory = Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)
        directory.rmdir()


def run(into: Path) -> None:
    with small_disk() as disk:
        daemon = ["--status-address", "127.0.0.1:0", "--base-concurrency", str(SLOTS)]
        options = Options(daemon=daemon, spool_directory=disk)
        with Cluster(options) as cluster, Browser(900, 900) as browser:
            incident = Incident(cluster, browser, disk)
            incident.submit(SLOTS, 20)
            incident.submit(4, 1)
            incident.await_state(lambda state: state["task_counts"]["running"] == SLOTS, "tasks at work")
            browser.await_text("running 8", 5, ".manager")
            browser.value("document.querySelector('#task-rows button').click()")
            incident.await_sample()
            (into / "live-page.png").write_bytes(incident.picture())
            incident.await_results()
            incident.log()
            for name, begin, end in STEPS:
                print(name, flush=True)
                incident.submit(2, 30)
                incident.await_state(lambda state: state["task_counts"]["running"] == 2, "tasks at work")
                begin(incident)
                put(told(incident, name), name, into / "Incident.md")
                incident.await_sample()
                (into / f"{name}.png").write_bytes(incident.picture())
                end(incident)
                incident.log()
            incident.client.disconnect()


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/incident", description=__doc__)
    parser.parse_args()
    run(DOCUMENTATION)
    print(f"written into {DOCUMENTATION.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

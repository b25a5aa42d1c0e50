# SPDX-License-Identifier: Apache-2.0
"""Measures what a request costs, beside libcurl, in the same run and against the same server.

One client after the other, round by round, on one kept connection, one request after the other. CPU time is that of
the client's process alone. Of the rounds the one with the least CPU counts: what others do on the machine only adds.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import libcurl
from cryptography.hazmat.primitives.asymmetric import rsa
from server import MEBIBYTE, Server, write_key

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build" / "release" / "Bench"
#: A client that holds a body in memory as a whole would pass this; ours must not come near.
PEAK_MEGABYTES_MAX = 40


@dataclass(frozen=True)
class Case:
    """One kind of request."""

    name: str
    method: str
    path: str
    body_bytes: int
    count: int


CASES = [
    Case("GET, 1 KB", "GET", "/1024", 0, 4000),
    Case("PUT, 1 MiB", "PUT", "/", MEBIBYTE, 300),
    Case("GET, 100 MiB", "GET", f"/{100 * MEBIBYTE}", 0, 6),
]
SHORT_COUNTS = {"GET, 1 KB": 300, "PUT, 1 MiB": 20, "GET, 100 MiB": 1}


@dataclass(frozen=True)
class Figures:
    """What one client took for one case."""

    requests_per_second: float
    cpu_microseconds: float
    peak_megabytes: float
    connections: int
    signature_microseconds: float


def measure(command: list[str], count: int) -> Figures:
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stdout}{result.stderr}")
    values = {name: float(value) for name, value in (line.split() for line in result.stdout.splitlines())}
    return Figures(
        requests_per_second=count / values["seconds"],
        cpu_microseconds=values["cpu_seconds"] / count * 1e6,
        peak_megabytes=values.get("peak_kilobytes", 0) / 1024,
        connections=int(values.get("connections", 1)),
        signature_microseconds=values.get("signature_cpu_seconds", 0) * 1e6,
    )


def best(rounds: list[Figures]) -> Figures:
    return min(rounds, key=lambda figures: figures.cpu_microseconds)


@dataclass(frozen=True)
class Row:
    """A case by each client: ours with and without a signature, and libcurl's where there is one."""

    case: Case
    signed: Figures
    unsigned: Figures
    curl: Figures | None

    @property
    def signature_share(self) -> float:
        return self.signed.signature_microseconds / self.signed.cpu_microseconds

    def cells(self) -> list[str]:
        curl = self.curl
        rates = [f"{number(self.signed.requests_per_second)}", f"{number(self.unsigned.requests_per_second)}"]
        costs = [f"{number(self.signed.cpu_microseconds)}", f"{number(self.unsigned.cpu_microseconds)}"]
        rates.append(number(curl.requests_per_second) if curl else "-")
        costs.append(number(curl.cpu_microseconds) if curl else "-")
        costs.append(f"{self.unsigned.cpu_microseconds / curl.cpu_microseconds:.2f}" if curl else "-")
        return [self.case.name, *rates, *costs, f"{100 * self.signature_share:.0f} %"]


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def run_case(case: Case, server: Server, key: Path, rounds: int, has_curl: bool) -> Row:
    arguments = [case.method, str(case.body_bytes), str(case.count)]
    url, certificates = server.url + case.path, str(server.certificate)
    results: dict[str, list[Figures]] = {"signed": [], "unsigned": [], "curl": []}
    for _ in range(rounds):
        results["signed"].append(measure([str(PROGRAM), url, certificates, str(key), *arguments], case.count))
        results["unsigned"].append(measure([str(PROGRAM), url, certificates, "-", *arguments], case.count))
        if has_curl:
            command = [sys.executable, libcurl.__file__, url, certificates, "-", *arguments]
            results["curl"].append(measure(command, case.count))
    curl = best(results["curl"]) if has_curl else None
    return Row(case, best(results["signed"]), best(results["unsigned"]), curl)


def full_handshakes(server: Server, count: int) -> tuple[int, int]:
    """Of `count` connections, one for each request: how many shook hands in full, and how many resumed."""
    before = dict(server.handshakes)
    measure([str(PROGRAM), f"{server.url}/close", str(server.certificate), "-", "GET", "0", str(count - 1)], count)
    return server.handshakes[False] - before[False], server.handshakes[True] - before[True]


def table(rows: list[Row]) -> str:
    heads = ["", "requests/s, signed", "unsigned", "libcurl", "CPU µs, signed", "unsigned", "libcurl"]
    heads += ["unsigned / libcurl", "RSA's share of signed"]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines)


def report(rows: list[Row], handshakes: tuple[int, int], curl: str | None) -> str:
    large = rows[-1]
    full, resumed = handshakes
    text = f"The other side is {curl} with a kept connection. " if curl else "There was no libcurl to compare with. "
    text += f"An RSA signature takes {rows[0].signed.signature_microseconds:,.0f} µs here ({platform.machine()}). "
    text += f"The process that received 100 MiB bodies had at most {large.unsigned.peak_megabytes:.0f} MB. "
    text += f"Of {full + resumed:,} connections {full} shook hands in full, the others resumed."
    return table(rows) + "\n\n" + textwrap.fill(text, 120) + f"\nRun on {date.today().isoformat()}."


def check(rows: list[Row], handshakes: tuple[int, int]) -> list[str]:
    """What must hold on any machine; the figures themselves depend on it."""
    several = [row for row in rows if row.unsigned.connections != 1 or row.signed.connections != 1]
    wrong = [f"{row.case.name}: more than one connection" for row in several]
    peak = max(rows[-1].signed.peak_megabytes, rows[-1].unsigned.peak_megabytes)
    if peak > PEAK_MEGABYTES_MAX:
        wrong.append(f"a body of 100 MiB took {peak:.0f} MB of memory")
    if handshakes[0] > 2:
        wrong.append(f"{handshakes[0]} of {sum(handshakes)} handshakes were full")
    return wrong


def measure_all(is_short: bool, rounds: int) -> tuple[str, list[str]]:
    """The table and what is said below it; and what is wrong."""
    cases = CASES
    if is_short:
        rounds = 1
        cases = [Case(c.name, c.method, c.path, c.body_bytes, SHORT_COUNTS[c.name]) for c in CASES]
    curl = libcurl.version()
    with tempfile.TemporaryDirectory(prefix="scaler-bench-") as name:
        directory = Path(name)
        server = Server(directory)
        key = directory / "key.pem"
        write_key(key, rsa.generate_private_key(65537, 2048))
        rows = [run_case(case, server, key, rounds, curl is not None) for case in cases]
        handshakes = full_handshakes(server, 100 if is_short else 1000)
        server.close()
    return report(rows, handshakes, curl), check(rows, handshakes)

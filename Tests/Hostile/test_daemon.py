# SPDX-License-Identifier: Apache-2.0
"""The real daemon among hostile peers, schedulers and clouds: whatever they do, it neither falls nor grows nor burns a
core. The parts of which it is made have their own verdicts in Tests/Hostile/InProcess.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tools" / "cluster"))

from peers import Case, Peer, Turncoat, table

from cluster import DAEMON, Cluster, Options
from processes import await_that

#: What a daemon may take at most, itself included.
MEMORY_BYTES_MAX = 100 << 20
#: Of a core, in the time that a daemon is watched.
SHARE_MAX = 0.20
WATCHED_SECONDS = 5.0
#: The start costs a key, a TLS context and a few connections; what is watched is the state after it.
START_SECONDS = 1.0
AT_ONCE = 40
#: What a daemon may end with that cannot start: OCI is of no use, refuses, or the configuration names something else.
CODES = (69, 77, 78)
NUMBERS = itertools.count()


@dataclass
class Life:
    """What became of one daemon."""

    title: str
    memory: int
    share: float
    code: int | None
    connections: int
    words: str

    @property
    def verdict(self) -> str:
        return "works on" if self.code is None else f"ended with {self.code}"


def ticks(pid: int) -> float:
    """The seconds that a process has had a core."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def await_start(pid: int, log: Path) -> None:
    """Waits until the daemon has listed what there is, and is at work."""
    ready = "INFO ready for the scheduler"
    await_that(lambda: has_ended(pid) or ready in log.read_text(errors="replace"), 30, "the daemon to start")


def live(title: str, peer: Peer, command: list[str], environment: dict[str, str]) -> Life:
    """Runs a daemon beside a peer for the time that it is watched; a turncoat turns once the daemon has started."""
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory(prefix="scaler-hostile-") as directory:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **environment, "SWIFT_BACKTRACE": "enable=no"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        if isinstance(peer, Turncoat):
            await_start(process.pid, Path(f"/proc/self/fd/{log.fileno()}"))
            peer.is_turned = True
        samples: list[tuple[float, float]] = []
        end = time.monotonic() + START_SECONDS + WATCHED_SECONDS
        while (left := end - time.monotonic()) > 0:
            if has_ended(process.pid):
                break
            samples.append((time.monotonic(), ticks(process.pid)))
            time.sleep(min(0.25, left))
        is_alive = not has_ended(process.pid)
        if is_alive:
            process.send_signal(signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        words = log.read()[-2000:].decode(errors="replace")
    share = 0.0
    if is_alive:
        first = next(sample for sample in samples if sample[0] >= samples[0][0] + START_SECONDS)
        (began, before), (ended, after) = first, samples[-1]
        share = (after - before) / (ended - began)
    code = None if is_alive else process.returncode
    return Life(title, usage.ru_maxrss << 10, share, code, peer.count, words)


class DaemonCase(unittest.TestCase):
    """One cloud, and a daemon for each case, many at a time; each case is a test."""

    cluster: ClassVar[Cluster]
    lives: ClassVar[dict[str, Life]]
    cases: ClassVar[list[Case]] = []
    what = "?"

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = Cluster(Options(emulator=["--fast", "--no-authentication"]))
        cls.addClassCleanup(shutil.rmtree, cls.cluster.directory, ignore_errors=True)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start_emulator()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            lives = list(pool.map(cls.meet, cls.cases))
        cls.lives = {life.title: life for life in lives}
        counts = [life.verdict for life in lives]
        told = ", ".join(f"{counts.count(verdict)} {verdict}" for verdict in sorted(set(counts)))
        worst, hottest = max(lives, key=lambda life: life.memory), max(lives, key=lambda life: life.share)
        print(
            f"\nhostile {cls.what}: {len(lives)} daemons: {told}; most memory {worst.memory >> 20} MB ({worst.title}), "
            f"most of a core {hottest.share:.0%} ({hottest.title})",
            file=sys.stderr,
        )

    @classmethod
    def meet(cls, case: Case) -> Life:
        raise NotImplementedError

    @classmethod
    def command(cls, scheduler: str) -> list[str]:
        # A name of its own for each, or one would wait for the other to leave.
        owner = f"hostile-{os.getpid()}-{next(NUMBERS)}"
        options = ["--worker-manager-id", "wm-hostile", "--owner-id", owner]
        return [str(DAEMON), scheduler, *options, "--heartbeat-interval-seconds", "1"]

    def check(self, case: Case) -> None:
        life = self.lives[case.title]
        self.assertLess(life.memory, MEMORY_BYTES_MAX, life)
        self.assertLess(life.share, SHARE_MAX, life)
        self.assertGreater(life.connections, 0, f"it never met its peer: {life}")
        self.assertIn(life.code, (None, *CODES), life)


def as_tests(family: type[DaemonCase]) -> type[DaemonCase]:
    """Gives a class a test for each of its cases."""

    def test(case: Case) -> Callable[[Any], None]:
        return lambda self: self.check(case)

    for number, case in enumerate(family.cases):
        name = "".join(letter if letter.isalnum() else "_" for letter in case.title)
        setattr(family, f"test_{number:03}_{name}", test(case))
    return family


@as_tests
class Schedulers(DaemonCase):
    """Something else listens where the scheduler should, or one that lost its mind: the daemon waits for another."""

    what = "schedulers"
    cases = table("ymq") + table("zmtp")

    @classmethod
    def meet(cls, case: Case) -> Life:
        peer = Peer(case.steps)
        try:
            return live(case.title, peer, cls.command(f"tcp://127.0.0.1:{peer.port}"), cls.cluster.environment)
        finally:
            peer.close()

    def check(self, case: Case) -> None:
        super().check(case)
        life = self.lives[case.title]
        self.assertIsNone(life.code, f"a scheduler ended the daemon: {life}")


def of_each_kind(cases: list[Case], most: int) -> list[Case]:
    """Those that stall or flood, and of the others so many of each verdict."""
    chosen, counts = [], dict[str, int]()
    for case in cases:
        counts[case.verdict] = counts.get(case.verdict, 0) + 1
        is_large = sum(len(data) * count for _, data, count in case.steps) > 1 << 20
        if is_large or case.verdict.startswith("ended") or counts[case.verdict] <= most:
            chosen.append(case)
    return chosen


#: Answers of a hostile OCI.
ANSWERS = of_each_kind([case for case in table("http") if case.section == "GET"], 1)


@as_tests
class Clouds(DaemonCase):
    """An OCI that answers every request with the same hostile bytes; a daemon may end and say why."""

    what = "clouds"
    cases = ANSWERS

    @classmethod
    def meet(cls, case: Case) -> Life:
        peer = Peer(case.steps, is_http=True)
        scheduler = Peer([])
        endpoint = {**cls.cluster.environment, "OCI_ENDPOINT": f"http://127.0.0.1:{peer.port}"}
        try:
            return live(case.title, peer, cls.command(f"tcp://127.0.0.1:{scheduler.port}"), endpoint)
        finally:
            peer.close()
            scheduler.close()


@as_tests
class Turncoats(DaemonCase):
    """An OCI that is good until the daemon has started, and lists what is not the daemon's any more: then it turns."""

    what = "clouds that turn"
    cases = ANSWERS

    @classmethod
    def meet(cls, case: Case) -> Life:
        peer = Turncoat(case.steps, cls.cluster.environment["OCI_ENDPOINT"])
        scheduler = Peer([])
        command = [*cls.command(f"tcp://127.0.0.1:{scheduler.port}"), "--death-timeout-seconds", "2"]
        cls.place_orphan(command[command.index("--owner-id") + 1])
        endpoint = {**cls.cluster.environment, "OCI_ENDPOINT": f"http://127.0.0.1:{peer.port}"}
        try:
            return live(case.title, peer, command, endpoint)
        finally:
            peer.close()
            scheduler.close()

    @classmethod
    def place_orphan(cls, owner: str) -> None:
        """What an earlier life of the daemon left: it makes the daemon list, and delete in the end."""
        client = cls.cluster.cloud_client()
        reply = client.call("PUT", client.object_path(f"scaler-tasks/{owner}/results/{'ab' * 16}.pkl"), b"x")
        client.connection.close()
        assert reply.status < 300, reply.body

    def check(self, case: Case) -> None:
        super().check(case)
        life = self.lives[case.title]
        self.assertIsNone(life.code, f"a cloud ended a daemon that was at work: {life}")


if __name__ == "__main__":
    unittest.main()

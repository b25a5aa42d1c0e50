# SPDX-License-Identifier: Apache-2.0
"""Too little of what the daemon's host has: a disk that is full, a limit of descriptors that many objects exceed.

Real parts: a file system of a few MiB, and the kernel's limit. Tasks wait; none fails for it in time.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from kinds import KindTestCase, await_that, travels

travels(__name__)

MIB = 1 << 20
WAITING = "this host has no room for the objects of tasks; they wait"
#: What a task with more than a MiB is kept in: a file of its own.
LARGE = MIB + MIB // 10


def random_bytes(count):
    return os.urandom(count)


def total(*parts):
    return sum(len(part) for part in parts)


class SmallDisk(KindTestCase):
    """A spool directory of 8 MiB, which others have filled."""

    filling: Path

    @classmethod
    def setUpClass(cls) -> None:
        directory = Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-spool-"))
        cls.addClassCleanup(directory.rmdir)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(directory)], check=False, capture_output=True
        )
        if mounted.returncode:
            raise unittest.SkipTest("no file system can be mounted here")
        cls.addClassCleanup(subprocess.run, ["umount", str(directory)], check=True)
        cls.options = {**cls.options, "spool_directory": directory}
        super().setUpClass()
        cls.filling = directory / "others"

    def setUp(self) -> None:
        self.addCleanup(self.filling.unlink, missing_ok=True)
        with contextlib.suppress(OSError), open(self.filling, "wb", buffering=0) as file:
            while True:
                file.write(bytes(64 * 1024))

    def await_waiting(self) -> None:
        await_that(lambda: WAITING in self.cluster.daemon.output(), 60, "the daemon to say that tasks wait")


class FullDisk(SmallDisk):
    def test_tasks_wait_until_there_is_room(self):
        client = self.client()
        results = [client.submit(random_bytes, 3 * MIB) for _ in range(3)]
        arguments = client.submit(total, os.urandom(LARGE), os.urandom(LARGE))
        self.await_waiting()
        # Who needs no file runs.
        self.assertEqual(client.submit(total, b"abc").result(), 3)
        self.assertFalse(any(future.done() for future in [*results, arguments]))
        self.filling.unlink()
        self.assertEqual([len(future.result()) for future in results], [3 * MIB] * 3)
        self.assertEqual(arguments.result(), 2 * LARGE)
        self.cluster.await_nothing_left()
        self.assertLessEqual(self.cluster.daemon.output().count(WAITING), 2)


class FullDiskForLong(SmallDisk):
    options = {"daemon": ["--job-timeout-seconds", "8"]}

    def test_the_result_stays_when_its_task_fails(self):
        future = self.client().submit(random_bytes, 3 * MIB)
        with self.assertRaises(ConnectionError) as caught:
            future.result()
        text = str(caught.exception)
        self.assertIn("for 8 s (--job-timeout-seconds) the worker manager's host had no room for its result", text)
        self.assertIn("No space left on device", text)
        name = text.partition("stays in the bucket as ")[2].partition(" ")[0]
        self.cluster.await_nothing_left(strangers=(0, 2))
        environment = self.cluster.environment
        path = f"/n/{environment['OCI_OBJECT_STORAGE_NAMESPACE']}/b/{environment['OCI_OBJECT_STORAGE_BUCKET']}/o/{name}"
        cloud = self.cluster.cloud_client()
        self.addCleanup(cloud.connection.close)
        self.assertEqual(cloud.call("HEAD", path).status, 200)


class FewDescriptors(KindTestCase):
    """256 descriptors, and 240 objects that each want one at the same time."""

    options = {"daemon_starter": ("prlimit", "--nofile=256:256")}

    def test_tasks_with_many_large_arguments_wait_for_each_other(self):
        client = self.client()
        part = os.urandom(LARGE)
        futures = [client.submit(total, *([part[:-number]] * 12)) for number in range(1, 21)]
        self.assertEqual([future.result() for future in futures], [12 * (LARGE - number) for number in range(1, 21)])
        self.cluster.await_nothing_left()
        limits = Path(f"/proc/{self.cluster.daemon.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max open files\s+256\s+256")

    def test_tasks_wait_while_no_descriptor_is_left(self):
        client = self.client()
        # One of each size: the daemon has its connections for both.
        self.assertEqual([client.submit(total, bytes(count)).result() for count in (1, LARGE)], [1, LARGE])
        process = self.cluster.daemon.process.pid
        used = {int(entry.name) for entry in Path(f"/proc/{process}/fd").iterdir()}
        free = min(set(range(len(used) + 1)) - used)
        subprocess.run(["prlimit", "--pid", str(process), f"--nofile={free}:"], check=True)
        futures = [client.submit(total, os.urandom(LARGE + number)) for number in range(3)]
        await_that(lambda: WAITING in self.cluster.daemon.output(), 60, "the daemon to say that tasks wait")
        self.assertFalse(any(future.done() for future in futures))
        subprocess.run(["prlimit", "--pid", str(process), "--nofile=256:"], check=True)
        self.assertEqual([future.result() for future in futures], [LARGE + number for number in range(3)])
        self.cluster.await_nothing_left()

    def test_the_limit_is_raised_as_far_as_it_goes(self):
        self.cluster.kill_daemon()
        self.cluster.options.daemon_starter = ("prlimit", "--nofile=64:512")
        daemon = self.cluster.start_daemon()
        limits = Path(f"/proc/{daemon.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max open files\s+512\s+512")


class BytesInFlight(KindTestCase):
    """A cloud that takes seconds for each payload, and 160 MiB of inputs that are small enough to be kept in memory."""

    options = {"daemon": ["--base-concurrency", "8"]}

    def test_memory_stays_within_its_limit(self):
        idle = self.memory("VmRSS")
        self.cluster.set_faults("PutObject delay seconds=2")
        self.addCleanup(self.cluster.set_faults)
        part = os.urandom(MIB)
        tasks, arguments = 8, 20
        pieces = [[part[: -arguments * task - number - 1] for number in range(arguments)] for task in range(tasks)]
        client = self.client()
        futures = [client.submit(total, *parts) for parts in pieces]
        self.assertEqual([future.result() for future in futures], [total(*parts) for parts in pieces])
        # --memory-limit-mb is 64; the rest is what lies between objects, and buffers of connections.
        self.assertLess(self.memory("VmHWM") - idle, (64 + 16) * MIB)

    def memory(self, field: str) -> int:
        status = Path(f"/proc/{self.cluster.daemon.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(field))


if __name__ == "__main__":
    unittest.main()

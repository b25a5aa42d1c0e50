# SPDX-License-Identifier: Apache-2.0
"""The packages as other programs judge them, and in a Debian 12 without Swift; `Tools/test-packages` prepares both."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cluster"))

import deb
import package
import release
import tarball
import wheel

import cluster
from processes import await_that

DEBIAN = release.ROOT / ".build" / "bookworm"
TOOLS = release.ROOT / ".build" / "package-tools" / "bin"
#: Makes what is below /tmp seen in Debian's folder, and what starts there go with us.
IN_DEBIAN = (
    "unshare", "--mount", "sh", "-c",
    'root=$1; shift; mount --rbind /tmp "$root/tmp"; mount -t proc proc "$root/proc"; exec chroot "$root" "$@"',
    "sh", str(DEBIAN),
)  # fmt: skip
SCHEMA_JUDGE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(error and str(error))
"""
TASKS = 4


def told(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Judged(unittest.TestCase):
    folder: Path
    release: release.Release

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.release = release.this()
        package.make(cls.release, list(package.FORMATS), cls.folder)

    def test_lintian_has_neither_errors_nor_warnings(self):
        path = self.folder / deb.name(self.release)
        self.assertEqual(told("lintian", "--allow-root", "--fail-on=error,warning", "--tag-display-limit=0", path), "")

    def test_auditwheel_agrees_with_the_tag(self):
        path = self.folder / wheel.name(self.release)
        tag = wheel.tag(self.release).rpartition("-")[2]
        self.assertIn(f'"{tag}"', told(TOOLS / "auditwheel", "show", path))

    def test_shellcheck_accepts_the_script(self):
        with tarfile.open(self.folder / tarball.name(self.release)) as archive:
            archive.extractall(self.folder, filter="data")
        told("shellcheck", self.folder / tarball.folder_name(self.release) / "install.sh")

    def test_the_list_of_components_keeps_to_its_schema(self):
        path = self.folder / f"{release.NAME}-{self.release.version}.cdx.json"
        told(TOOLS / "python", "-c", SCHEMA_JUDGE, path)


class Debian(unittest.TestCase):
    """Installed, run, upgraded while tasks run, and purged."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(dir="/tmp")))
        self.release = release.this()
        self.addCleanup(subprocess.run, [*IN_DEBIAN, "dpkg", "--purge", release.NAME], check=False, capture_output=True)

    def install(self, one: release.Release) -> None:
        path = self.folder / deb.name(one)
        path.write_bytes(deb.build(one))
        told(*IN_DEBIAN, "dpkg", "--install", path)

    def version(self) -> str:
        return told(*IN_DEBIAN, "dpkg-query", "--show", "--showformat=${Version}", release.NAME)

    def test_installed_run_and_purged(self):
        self.assertEqual([str(path) for path in DEBIAN.rglob("libswift*")], [])
        before = {path for path in DEBIAN.rglob("*") if release.NAME in str(path)}
        self.install(self.release)
        shown = told(*IN_DEBIAN, release.NAME, "--version")
        self.assertEqual(shown.split()[:2], [release.NAME, self.release.version])
        (DEBIAN / "var/lib/private" / release.NAME / "m").mkdir(parents=True)
        told(*IN_DEBIAN, "dpkg", "--purge", release.NAME)
        after = {path for path in DEBIAN.rglob("*") if release.NAME in str(path)}
        self.assertEqual(after - before, set())

    def test_tasks_survive_an_upgrade(self):
        (DEBIAN / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        self.install(self.release)
        options = cluster.Options(
            daemon=["--on-exit", "leave"], daemon_starter=IN_DEBIAN, directory=self.folder / "cluster"
        )
        (self.folder / "cluster").mkdir()
        running = cluster.Cluster(options)
        self.addCleanup(running.stop)
        running.start()
        self.assertEqual(cluster.DAEMON, Path("/usr/bin/scaler-oci-hpc"))
        client = cluster.connect(running)
        self.addCleanup(client.disconnect)
        end = self.folder / "end"

        def work(number: int, end: str = str(end)) -> int:
            import os
            import time

            while not os.path.exists(end):
                time.sleep(0.1)
            return number**2

        futures = [client.submit(work, number) for number in range(TASKS)]
        await_that(lambda: running.report()["tasks"]["run"] >= TASKS, 120, "every container to run")
        self.install(dataclasses.replace(self.release, version=f"{self.release.version}+next"))
        self.assertEqual(self.version(), f"{self.release.version}+next")
        self.assertEqual(running.daemon.stop(signal.SIGTERM), 0, running.daemon.tail())
        running.start_daemon()
        end.touch()
        self.assertEqual([future.result() for future in futures], [number**2 for number in range(TASKS)])
        report = running.await_nothing_left()
        self.assertEqual(report["instances"]["created"], TASKS)
        self.assertEqual(report["tasks"]["ran_more_than_once"], {})


if __name__ == "__main__":
    unittest.main()

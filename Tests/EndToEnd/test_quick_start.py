# SPDX-License-Identifier: Apache-2.0
"""Walks the README's Quick Start, command by command, against the local OCI: from nothing to results, and back.

What is run is read from the README. Only what the test's own environment provides is left out (building, installing),
and what cannot be known beforehand is put in its place: the two OCIDs, and ports that are free.
"""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

from cloud import DAEMON, ROOT, CloudTestCase
from support import BACKEND

from processes import Process, free_scheduler_ports

# Building or installing this program, and installing Scaler: done already when tests run.
INSTALLED = ("pip install", "sudo apt install", "podman load")
PROVIDED = ("Tools/build-release", "export PATH=", "python3 -m venv", "source ", *INSTALLED)
OPERATING = ROOT / "Sources" / "ScalerOCIHPC" / "Documentation.docc" / "Operating.md"
SEED_ORDER = ["provision", "build-image", "check", "up", "python", "check", "cleanup"]


def steps() -> list[tuple[str, str]]:
    """The section's blocks in order: the language and the text, without what is provided."""
    text = (ROOT / "README.md").read_text()
    section = text.partition("\n## Quick start\n")[2].partition("\n## ")[0]
    found = []
    for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        if language == "sh":
            lines = body.replace("\\\n", " ").splitlines()
            found += [(language, re.sub(" +", " ", line)) for line in lines if not line.startswith(PROVIDED)]
        else:
            found.append((language, body))
    return found


def section(title: str) -> str:
    """A section of the documentation's page on operating."""
    return OPERATING.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


class QuickStart(CloudTestCase):
    skips_second_backend = False
    emulator = ["--switch", "lifecycle-needs-policy=yes"]

    def setUp(self) -> None:
        super().setUp()
        scheduler, storage = free_scheduler_ports()
        self.ports = {"8516": str(scheduler), "8517": str(storage)}
        self.bin = self.directory / "bin"
        self.bin.mkdir()
        (self.bin / "scaler-oci-hpc").symlink_to(DAEMON)
        engine = Path(__file__).with_name("engine.py").read_text()
        (self.bin / "docker").write_text(engine.replace("/usr/bin/env python3", sys.executable, 1))
        (self.bin / "docker").chmod(0o755)
        self.work = self.directory / "work"
        self.work.mkdir()
        self.before = self.everything()

    def environment(self, **changes: str) -> dict[str, str]:
        scaler = Path(sys.executable).parent
        return super().environment(
            PATH=f"{self.bin}:{scaler}:/usr/bin:/bin",
            OCI_EMULATOR_URL=self.cloud["OCI_EMULATOR_URL"],
            ENGINE_LOG=str(self.directory / "engine.log"),
            SCALER_NETWORK_BACKEND=BACKEND,
            **changes,
        )

    def everything(self) -> dict[str, Any]:
        compartment, namespace = self.cloud["OCI_COMPARTMENT_ID"], self.cloud["OCI_OBJECT_STORAGE_NAMESPACE"]
        repositories = self.get(f"/20160918/container/repositories?compartmentId={compartment}")["items"]
        return {
            "buckets": [one["name"] for one in self.get(f"/n/{namespace}/b?compartmentId={compartment}")],
            "groups": [one["name"] for one in self.get(f"/20160918/dynamicGroups?compartmentId={self.tenancy()}")],
            "policies": [one["name"] for one in self.get(f"/20160918/policies?compartmentId={compartment}")],
            "repositories": sorted(one["displayName"] for one in repositories),
        }

    def in_place(self, text: str) -> str:
        text = text.replace("ocid1.compartment.oc1..example", self.cloud["OCI_COMPARTMENT_ID"])
        text = text.replace("ocid1.subnet.oc1..example", self.cloud["OCI_SUBNET_ID"])
        for documented, free in self.ports.items():
            text = text.replace(documented, free)
        return text

    def test_from_provision_to_cleanup(self):
        walked = []
        up: Process | None = None
        for language, written in steps():
            text = self.in_place(written)
            words = ["python"] if language == "python" else text.split()[1:2]
            walked += words
            with self.subTest(text):
                if language == "python":
                    (self.work / "tasks.py").write_text(text)
                    output = self.shell(f"{sys.executable} tasks.py")
                    self.assertIn(str([number**2 for number in range(50)]), output)
                elif words == ["up"]:
                    up = self.start(text)
                elif words == ["cleanup"]:
                    assert up is not None
                    self.assertEqual(up.stop(signal.SIGINT), 0, up.tail())
                    self.shell(text)
                else:
                    self.shell(text)
                if words == ["provision"]:
                    path = self.work / "config.toml"
                    path.write_text(self.in_place(path.read_text()))
                    # So that cleanup does not take the changed ports for its user's work.
                    self.assertIn(self.ports["8516"], path.read_text())
        self.assertEqual(walked, SEED_ORDER)
        self.assertEqual(self.everything(), self.before)
        self.cluster.await_nothing_left()
        self.assertEqual([path.name for path in self.work.iterdir() if path.suffix != ".py"], ["config.toml"])
        self.assertEqual(self.report()["tasks"]["ran_more_than_once"], {})
        self.assertGreaterEqual(self.report()["instances"]["created"], 50)

    def shell(self, command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.work, env=self.environment(), stdin=subprocess.DEVNULL,
            check=False, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def start(self, command: str) -> Process:
        script = f"cd {shlex.quote(str(self.work))} && exec {command}"
        process = Process("up", ["sh", "-c", script], self.directory, self.environment())
        self.addCleanup(process.stop)
        process.await_output("registered with the scheduler", 60)
        return process


class Documented(unittest.TestCase):
    def test_the_existing_infrastructure_section_names_variables_that_are_read(self):
        text = section("Using existing infrastructure")
        names = re.findall(r"^export (OCI_\w+)=", text, re.MULTILINE)
        reference = subprocess.check_output([str(DAEMON), "--print-reference"], text=True)
        self.assertEqual(len(names), 7)
        for name in names:
            self.assertIn(f"`{name}`", reference)

    def test_every_subcommand_has_its_row_and_every_row_its_subcommand(self):
        text = section("Subcommands")
        rows = re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)
        help_text = subprocess.check_output([str(DAEMON), "--help"], text=True)
        listed = help_text.partition("Subcommands (each has its own --help):\n")[2].partition("\n\n")[0]
        self.assertEqual(sorted(rows), sorted(line.split()[0] for line in listed.splitlines()))

    def test_every_tool_says_what_it_does_without_doing_it(self):
        tools = [
            path
            for path in (ROOT / "Tools").iterdir()
            if path.is_file() and path.read_text().startswith("#!/usr/bin/env bash")
        ]
        self.assertGreaterEqual(len(tools), 7)
        for tool in tools:
            with self.subTest(tool.name):
                # Nothing could be built or installed: there is no Swift on this path, and no environment.
                done = subprocess.run(
                    [str(tool), "--help"],
                    cwd="/",
                    env={"PATH": "/usr/bin:/bin"},
                    check=False,
                    capture_output=True,
                    text=True,
                    timeout=10,
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout.startswith(f"Usage: Tools/{tool.name}"), done.stdout)

    def test_every_exit_code_of_the_help_is_in_the_documentation(self):
        help_text = subprocess.check_output([str(DAEMON), "--help"], text=True)
        codes = re.findall(r"^  (\d+(?:\+n)?)  ", help_text.partition("Exit codes:\n")[2], re.MULTILINE)
        self.assertEqual(codes, ["0", "1", "2", "69", "73", "75", "77", "78", "128+n"])
        table = section("Exit codes")
        self.assertEqual(re.findall(r"^\| (\d+(?:\+n)?) \|", table, re.MULTILINE), codes)

    def test_no_two_paths_are_one_where_case_does_not_count(self):
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True)
        if listed.returncode != 0:
            self.skipTest("this is no checkout")
        files = [Path(name) for name in listed.stdout.splitlines()]
        every = {str(part) for path in files for part in (path, *path.parents)}
        self.assertEqual(len({name.lower() for name in every}), len(every))

    def test_every_line_of_the_check_that_troubleshooting_names_exists(self):
        text = section("Troubleshooting")
        cells = [row.split("|")[2] for row in text.splitlines() if row.startswith("| ")][1:]
        named = {name for cell in cells for name in re.findall(r"`([\w.-]+)`", cell)}
        sources = "".join(path.read_text() for path in (ROOT / "Sources/Commands/Check").glob("*Checks.swift"))
        written = set(re.findall(r'Check\("([\w-]+)', sources))
        self.assertEqual({name.removesuffix("...") for name in named}, set(written) - {"client"})


if __name__ == "__main__":
    unittest.main()

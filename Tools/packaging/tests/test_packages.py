# SPDX-License-Identifier: Apache-2.0
"""Each package: what is in it, that it installs and runs, and that the same commit gives the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import deb
import image
import package
import release
import tarball
import wheel

IMAGE_SIZE_MAX = 60_000_000
REQUIRED = (
    "--worker-manager-id=m", "--object-storage-namespace=n", "--object-storage-bucket=b", "--compartment-id=c",
    "--availability-domain=AD-1", "--subnet-id=s", "--container-image=i", "--auth-type=instance_principal",
    "tcp://127.0.0.1:1",
)  # fmt: skip


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=120, **options)


class PackageTestCase(unittest.TestCase):
    """Has the packages, which are made once, and a folder of its own."""

    made: tempfile.TemporaryDirectory[str] | None = None
    folder: Path
    release: release.Release

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        if PackageTestCase.made is None:
            PackageTestCase.made = tempfile.TemporaryDirectory()
            PackageTestCase.release = release.this()
            package.make(cls.release, list(package.FORMATS), Path(PackageTestCase.made.name))

    @classmethod
    def path(cls, module: Any) -> Path:
        assert PackageTestCase.made is not None
        return Path(PackageTestCase.made.name) / module.name(cls.release)

    def told(self, *command: str | Path, **options: Any) -> str:
        done = run(*command, **options)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def assert_is_the_program(self, *command: str | Path, **options: Any) -> None:
        self.assertEqual(self.told(*command, "--version", **options).split()[:2], [release.NAME, self.release.version])


class Reproducible(PackageTestCase):
    def test_another_checkout_gives_the_same_bytes(self):
        one = self.path(deb).parent
        other = self.folder / "other"
        for path in ("Tools/packaging", "Sources/Configuration", "Package.resolved", ".build/archives"):
            source = release.ROOT / path
            (other / path).parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, other / path, symlinks=True)
            else:
                shutil.copy(source, other / path)
        (other / ".build/release").mkdir()
        shutil.copy(self.release.binary, other / ".build/release")
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(self.release.epoch), "TZ": "Asia/Tokyo"}
        script = other / "Tools/packaging/package.py"
        self.told(sys.executable, script, "all", "--output", other / "made", cwd="/", env=environment, umask=0o077)
        for name in os.listdir(one):
            self.assertTrue((one / name).read_bytes() == (other / "made" / name).read_bytes(), name)
        self.assertEqual(sorted(os.listdir(one)), sorted(os.listdir(other / "made")))
        self.told("sha256sum", "--strict", "--check", package.CHECKSUMS, cwd=one)

    def test_every_library_that_the_linker_was_given_is_a_component(self):
        bom = json.loads((package.make(self.release, [], self.folder / "bom")[0]).read_bytes())
        versions = {component["name"]: component["version"] for component in bom["components"]}
        sources = {"cares": "c-ares", "crypto": "openssl", "ev": "libev", "ssl": "openssl", "z": "zlib"}
        sources["stdc++"] = "gcc-12"
        given = {path.stem.removeprefix("lib") for path in (release.ROOT / ".build/archives").glob("*.a")}
        self.assertEqual(given, set(sources))
        self.assertEqual(set(versions), {*sources.values(), "swift", "swift-log"})
        for name, version in versions.items():
            self.assertRegex(version, r"^\d+\.\d+", name)
        self.assertEqual(bom["metadata"]["component"]["version"], self.release.version)


class DebianPackage(PackageTestCase):
    def test_holds_what_the_unit_needs_and_runs(self):
        path = self.path(deb)
        root = self.folder / "deb"
        self.told("dpkg-deb", "--extract", path, root)
        self.assertEqual(self.told("dpkg-deb", "--field", path, "Version").strip(), self.release.version)
        self.assertIn("libc6 (>= 2.34)", self.told("dpkg-deb", "--field", path, "Depends"))
        self.assertEqual((root / "etc/scaler-oci-hpc/oci").stat().st_mode & 0o777, 0o700)
        unit = (root / "usr/lib/systemd/system/scaler-oci-hpc@.service").read_text()
        self.assertIn("ExecStart=/usr/bin/scaler-oci-hpc ", unit)
        self.assert_is_the_program(root / "usr/bin/scaler-oci-hpc")
        self.assertTrue((root / "usr/share/doc/scaler-oci-hpc/examples/alerts.yml").exists())

    def test_the_example_is_a_configuration_that_the_program_takes(self):
        example = release.PACKAGING / "example.toml"
        done = run(self.release.binary, "--strict-config", "--config", example, env={"HOME": "/nonexistent"})
        # With everything in order the next thing missing is the API key.
        self.assertIn("there is no OCI configuration file at /nonexistent/.oci/config", done.stderr)


class Wheel(PackageTestCase):
    def test_pip_puts_the_program_on_the_path_of_a_new_environment_of_every_python_that_is_here(self):
        found = {shutil.which(f"python3.{minor}") for minor in range(10, 14)} - {None}
        # What pyenv has on the path may stand for a version that is not chosen.
        runs = sorted(python for python in found if python and run(python, "-c", "").returncode == 0)
        for number, python in enumerate([sys.executable, *runs]):
            with self.subTest(python):
                environment = self.folder / f"venv-{number}"
                self.told(python, "-m", "venv", "--without-pip", environment)
                place = environment / "bin"
                pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", place / "python")
                self.told(*pip, "install", "--no-index", self.path(wheel))
                self.assert_is_the_program(place / "scaler-oci-hpc")
                self.assert_is_the_program(place / "python", "-m", "scaler_oci_hpc")
                self.told(*pip, "uninstall", "--yes", release.NAME)
                self.assertFalse((place / "scaler-oci-hpc").exists())


class Tarball(PackageTestCase):
    def test_the_script_installs_below_a_prefix_and_over_a_program_that_runs(self):
        with tarfile.open(self.path(tarball)) as archive:
            archive.extractall(self.folder, filter="data")
        script = self.folder / tarball.folder_name(self.release) / "install.sh"
        prefix = self.folder / "prefix"
        for _ in range(2):
            self.told(script, "--prefix", prefix, cwd="/")
            self.assert_is_the_program(prefix / "bin/scaler-oci-hpc")
        unit = (prefix / "lib/systemd/system/scaler-oci-hpc@.service").read_text()
        self.assertIn(f"ExecStart={prefix}/bin/scaler-oci-hpc ", unit)
        self.assertEqual([str(path) for path in prefix.rglob("*.new")], [])
        for wrong in (["--prefix"], ["--prefix", "here"], ["--what"]):
            self.assertEqual(run(script, *wrong).returncode, 2)


class Image(PackageTestCase):
    """The image as an engine would run it: its layer for a root, and its user."""

    layout: Path
    root: Path
    size: int
    config: dict[str, Any]
    #: the layer, unpacked to a tar file
    layer: bytes

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.layout = cls.folder / "layout"
        path = cls.path(image)
        cls.size = path.stat().st_size
        with tarfile.open(path) as archive:
            archive.extractall(cls.layout, filter="data")
        index = json.loads((cls.layout / "index.json").read_bytes())
        manifest = json.loads(cls.blob(index["manifests"][0]))
        cls.config = json.loads(cls.blob(manifest["config"]))
        (layer,) = manifest["layers"]
        cls.layer = gzip.decompress(cls.blob(layer))
        cls.root = cls.folder / "root"
        with tarfile.open(fileobj=io.BytesIO(cls.layer)) as archive:
            archive.extractall(cls.root)

    @classmethod
    def blob(cls, descriptor: dict[str, Any]) -> bytes:
        content = (cls.layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
        assert len(content) == descriptor["size"]
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == descriptor["digest"]
        return content

    def in_image(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        if os.geteuid() != 0:
            self.skipTest("only root can take another root folder")
        user = self.config["config"]["User"].partition(":")[0]
        # An engine mounts it, too; Swift reads a program's arguments there.
        (self.root / "proc").mkdir(exist_ok=True)
        words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--root", str(self.root), "--mount-proc"]
        words += [f"--setgid={user}", f"--setuid={user}"]
        environment = dict(variable.split("=", 1) for variable in self.config["config"]["Env"])
        return run(*words, *self.config["config"]["Entrypoint"], *arguments, env=environment)

    def test_is_small_and_holds_no_shell(self):
        unpacked = sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file())
        self.assertLessEqual(max(unpacked, self.size), IMAGE_SIZE_MAX)
        programs = {path.name for path in self.root.rglob("*") if path.is_file() and path.stat().st_mode & 0o111}
        self.assertEqual({name for name in programs if ".so" not in name}, {release.NAME})

    def test_nothing_is_its_users_but_folders_for_temporary_files(self):
        with tarfile.open(fileobj=io.BytesIO(self.layer)) as archive:
            entries = archive.getmembers()
        self.assertEqual({(entry.uid, entry.gid) for entry in entries}, {(0, 0)})
        self.assertEqual({entry.name for entry in entries if entry.mode & 0o022}, {"tmp", "var/tmp"})
        self.assertEqual(self.config["config"]["User"], "65532:65532")

    def test_what_is_unpacked_is_what_the_configuration_says(self):
        digest = hashlib.sha256(self.layer).hexdigest()
        self.assertEqual(self.config["rootfs"]["diff_ids"], [f"sha256:{digest}"])
        self.assertEqual(self.config["architecture"], self.release.debian_machine)

    def test_the_program_runs_in_it(self):
        done = self.in_image("--version")
        self.assertEqual(done.stdout.split()[:2], [release.NAME, self.release.version], done.stderr)

    def test_without_a_machine_id_a_manager_needs_an_owner_id(self):
        done = self.in_image(*REQUIRED)
        self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
        self.assertIn("give --owner-id ID", done.stdout + done.stderr)
        done = self.in_image(*REQUIRED, "--owner-id", "mine")
        self.assertNotIn("--owner-id", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()

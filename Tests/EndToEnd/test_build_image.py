# SPDX-License-Identifier: Apache-2.0
"""The image: which commands the engine is given, as whom it logs in, and what is said when it cannot."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unittest
from pathlib import Path

from cloud import ROOT, CloudTestCase

IMAGE = "us-ashburn-1.ocir.io/emulatedns/team/runner:3"


class BuildImage(CloudTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bin = self.directory / "bin"
        self.bin.mkdir()
        self.log = self.directory / "engine.log"
        self.install("docker")

    def install(self, name: str) -> None:
        script = Path(__file__).with_name("engine.py").read_text()
        path = self.bin / name
        path.write_text(script.replace("/usr/bin/env python3", sys.executable, 1))
        path.chmod(0o755)

    def environment(self, **changes: str) -> dict[str, str]:
        """A PATH that leads to our engine and to no other."""
        own = {"PATH": f"{self.bin}:/nothing", "ENGINE_LOG": str(self.log)}
        return super().environment(OCI_EMULATOR_URL=self.cloud["OCI_EMULATOR_URL"], **{**own, **changes})

    def commands(self) -> list[list[str]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def images(self, repository: str) -> list[str]:
        compartment = self.cloud["OCI_COMPARTMENT_ID"]
        path = f"/20160918/container/images?compartmentId={compartment}&repositoryName={repository}"
        return [one["version"] for one in self.get(path)["items"]]

    def test_the_provisioned_image_is_built_and_pushed_with_a_signed_token(self):
        saved = self.provisioned()
        done = self.run_command("build-image", "--config", ".scaler_oci_config.json")
        self.assertEqual(done.returncode, 0, done.stderr)
        image = saved["container_image"]
        login, build, push = self.commands()
        self.assertEqual(
            login, ["login", "us-ashburn-1.ocir.io", "--username", "BEARER_TOKEN", "--password-stdin"]
        )
        self.assertEqual(build[:5], ["build", "--platform", "linux/amd64", "--tag", image])
        self.assertFalse(os.path.exists(build[-1]), "the context is removed")
        self.assertEqual(push, ["push", image])
        self.assertEqual(done.stdout.splitlines()[-1], image)
        self.assertEqual(self.images("scaler-oci-worker"), ["latest"])

    def test_provision_builds_in_one_go_where_that_is_asked_for(self):
        done = self.provision("--build-image")
        self.addCleanup(self.run_command, "cleanup", "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([command[0] for command in self.commands()], ["login", "build", "push"])
        self.assertEqual(self.images("scaler-oci-worker"), ["latest"])

    def test_without_a_file_the_image_is_named_by_prefix_and_compartment(self):
        compartment = self.cloud["OCI_COMPARTMENT_ID"]
        namespace = self.cloud["OCI_OBJECT_STORAGE_NAMESPACE"]
        done = self.run_command("build-image", "--prefix", "mine", "--compartment-id", compartment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("repository mine-worker: created", done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], f"us-ashburn-1.ocir.io/{namespace}/mine-worker:latest")
        self.assertEqual(self.images("mine-worker"), ["latest"])
        again = self.run_command("--compartment-id", compartment, "--prefix", "mine", "build-image")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertNotIn("created", again.stderr)

    def test_base_and_packages_can_be_chosen_and_the_context_kept(self):
        arguments = ["--base-image", "python:3.12-slim", "--pip", "numpy pandas==2.2", "--context", "context"]
        done = self.run_command(
            "build-image", "--image", IMAGE, "--no-push", *arguments, "--instance-shape", "CI.Standard.A1.Flex"
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        (build,) = self.commands()
        self.assertEqual(build[:5], ["build", "--platform", "linux/arm64", "--tag", IMAGE])
        self.assertEqual(
            build[5:],
            [
                *("--build-arg", "PYTHON_VERSION=", "--build-arg", "BASE_IMAGE=python:3.12-slim"),
                *("--build-arg", "PACKAGES=numpy pandas==2.2", "context"),
            ],
        )
        for name in ("Dockerfile", "job_runner.py", "oci_object_storage.py", "oci_principal.py"):
            kept = (self.directory / "context" / name).read_bytes()
            self.assertEqual(kept, (ROOT / "Tools" / "job-runner" / name).read_bytes(), name)

    def test_an_auth_token_logs_in_its_user(self):
        arguments = ["build-image", "--image", IMAGE, "--user", "default/jane"]
        missing = self.run_command(*arguments)
        self.assertEqual(missing.returncode, 78)
        self.assertIn("OCI_AUTH_TOKEN is not set; make an auth token", missing.stderr)
        done = self.run_command(*arguments, environment=self.environment(OCI_AUTH_TOKEN="se-cret"))
        self.assertEqual(self.commands()[0][3], "emulatedns/default/jane")
        self.assertEqual((self.directory / "password").read_text(), "se-cret")
        self.assertNotIn("se-cret", done.stdout + done.stderr + self.log.read_text())
        # The local registry knows signed tokens only, so this push is refused, in the engine's own words.
        self.assertEqual(done.returncode, 69)
        self.assertIn("denied: The registry does not know that password.", done.stderr)
        self.assertIn(
            "push failed: exit code 1; what it said stands above; check that the repository exists", done.stderr
        )

    def test_print_shows_the_commands_and_runs_none(self):
        shown = self.run_command("build-image", "--image", IMAGE, "--print", "--user", "jane", "--pip", "a b",
                                 environment=self.environment(OCI_AUTH_TOKEN="se-cret"))  # fmt: skip
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(
            shown.stdout.splitlines(),
            [
                (
                    'printf %s "$OCI_AUTH_TOKEN" | '
                    "docker login us-ashburn-1.ocir.io --username emulatedns/jane --password-stdin"
                ),
                (
                    f"docker build --platform linux/amd64 --tag {IMAGE} --build-arg PYTHON_VERSION=3.12 "
                    "--build-arg 'PACKAGES=a b' ./job-runner"
                ),
                f"docker push {IMAGE}",
            ],
        )
        self.assertFalse(self.log.exists())

    def test_podman_is_taken_where_docker_does_not_answer(self):
        self.install("podman")
        docker = self.bin / "docker"
        docker.write_text("#!/bin/sh\nexit 1\n")
        done = self.run_command("build-image", "--image", IMAGE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.commands()), 3)
        podman = self.bin / "podman"
        podman.write_text("#!/bin/sh\nexit 1\n")
        done = self.run_command("build-image", "--image", IMAGE)
        self.assertEqual(done.returncode, 69)
        self.assertIn(f"{docker} and {podman} cannot build images: `info` fails", done.stderr)

    def test_buildah_takes_the_same_commands(self):
        (self.bin / "docker").unlink()
        self.install("buildah")
        done = self.run_command("build-image", "--image", IMAGE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([command[0] for command in self.commands()], ["login", "build", "push"])

    def test_the_image_has_the_python_that_is_asked_for_or_that_the_client_has(self):
        python = self.bin / "python3"
        # The python3 of this host: what it prints is what it is asked for, and nothing where it has no Scaler.
        cases = [("3.13", [], "3.13"), ("", [], "3.12"), ("3.13", ["--python", "3.11.4"], "3.11")]
        for printed, arguments, version in cases:
            with self.subTest(version):
                self.log.unlink(missing_ok=True)
                python.write_text(f"#!/bin/sh\necho '{printed}'\n")
                python.chmod(0o755)
                done = self.run_command("build-image", "--image", IMAGE, "--no-push", *arguments)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"PYTHON_VERSION={version}", self.commands()[0])
        # By way of a script: an environment's packages are found from where its Python lies.
        python.write_text(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
        self.log.unlink()
        done = self.run_command("build-image", "--image", IMAGE, "--no-push")
        self.assertIn("PYTHON_VERSION={}.{}".format(*sys.version_info[:2]), self.commands()[0], done.stderr)

    def test_what_cannot_be_done_is_told(self):
        table = [
            (["--image", "runner:1"], {}, 78, "it does not name a registry, a namespace and a repository"),
            ([], {}, 78, "missing --container-image or --compartment-id"),
            (["--config", "none.json"], {}, 78, "there is no none.json"),
            (["--image", IMAGE, "--engine", "nerdctl"], {}, 69, "there is no nerdctl: PATH does not lead to it"),
            (["--image", IMAGE], {"PATH": "/nothing"}, 69, "there is no docker or podman or buildah"),
            (["--image", IMAGE, "--python", "3"], {}, 2, "--python: '3' is no version of Python; write e.g. 3.12"),
            (
                ["--image", IMAGE, "--instance-shape", "CI.Standard.E4.Flex,CI.Standard.A1.Flex"],
                *({}, 78, "one image cannot run in CI.Standard.E4.Flex and CI.Standard.A1.Flex"),
            ),
            (["--image", IMAGE], {"ENGINE_FAILS": "build"}, 69, "docker build failed: exit code 1"),
            (["--image", IMAGE], {"ENGINE_FAILS": "login"}, 69, "docker login failed: exit code 1"),
        ]
        for arguments, variables, code, line in table:
            with self.subTest(line):
                done = self.run_command("build-image", *arguments, environment=self.environment(**variables))
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(line, done.stderr.splitlines()[-1])

    def tearDown(self) -> None:
        shutil.rmtree(self.bin, ignore_errors=True)


if __name__ == "__main__":
    unittest.main()

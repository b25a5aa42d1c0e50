# SPDX-License-Identifier: Apache-2.0
"""A program that knows nothing of the emulator: two environment variables lead it there."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest

import harness

PROGRAM = """
import oci
config = oci.config.from_file(profile_name="DEFAULT")
print(oci.object_storage.ObjectStorageClient(config).get_namespace().data)
print(len(oci.identity.IdentityClient(config).list_availability_domains(config["tenancy"]).data))
print(oci.container_instances.ContainerInstanceClient(config).base_client.endpoint)
"""


class ThroughTheProxy(unittest.TestCase):
    def run_program(self, program: str) -> subprocess.CompletedProcess[str]:
        given = harness.emulator().environment
        environment = {
            **os.environ, "HOME": "/nonexistent", "OCI_CONFIG_FILE": given["OCI_CONFIG_FILE"],
            "HTTPS_PROXY": given["OCI_EMULATOR_PROXY"], "REQUESTS_CA_BUNDLE": given["OCI_CA_BUNDLE"],
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, check=False, capture_output=True, text=True
        )

    def test_an_unchanged_program_reaches_the_emulator_under_oci_s_own_names(self) -> None:
        ran = self.run_program(PROGRAM)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        lines = ran.stdout.split()
        self.assertEqual(lines[:2], ["emulatedns", "3"])
        self.assertIn("compute-containers.us-ashburn-1.oci.oraclecloud.com", lines[2])

    def test_no_other_host_is_let_through(self) -> None:
        ran = self.run_program(
            "from oci._vendor import requests\n"
            "try:\n    requests.get('https://example.com/', timeout=5)\n"
            "except requests.exceptions.ProxyError as error:\n    print('refused')"
        )
        self.assertEqual(ran.stdout.strip(), "refused", ran.stderr)


if __name__ == "__main__":
    unittest.main()

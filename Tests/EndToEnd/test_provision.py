# SPDX-License-Identifier: Apache-2.0
"""From nothing to everything that tasks need, and back to nothing."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import tomllib
import unittest
from typing import Any

from cloud import DAEMON, CloudTestCase
from support import await_that


class Provision(CloudTestCase):
    emulator = ["--switch", "lifecycle-needs-policy=yes"]

    def test_everything_is_made_and_written_down(self):
        saved = self.provisioned()
        namespace, compartment = self.cloud["OCI_OBJECT_STORAGE_NAMESPACE"], self.cloud["OCI_COMPARTMENT_ID"]
        bucket = f"scaler-oci-{namespace}-us-ashburn-1"
        self.assertEqual(saved["object_storage_bucket"], bucket)
        self.assertEqual(saved["availability_domain"], "Uocm:US-ASHBURN-AD-1")
        self.assertEqual(saved["container_image"], f"us-ashburn-1.ocir.io/{namespace}/scaler-oci-worker:latest")
        view = self.get(f"/n/{namespace}/b/{bucket}")
        self.assertEqual((view["publicAccessType"], view["compartmentId"]), ("NoPublicAccess", compartment))
        (rule,) = self.get(f"/n/{namespace}/b/{bucket}/l")["items"]
        self.assertEqual((rule["action"], rule["timeAmount"], rule["timeUnit"]), ("DELETE", 7, "DAYS"))
        self.assertEqual(rule["objectNameFilter"]["inclusionPrefixes"], ["scaler-tasks/"])
        (group,) = self.get(f"/20160918/dynamicGroups?compartmentId={self.tenancy()}")
        self.assertEqual(group["name"], "scaler-oci-dg")
        self.assertIn(f"resource.compartment.id='{compartment}'", group["matchingRule"])
        (policy,) = self.get(f"/20160918/policies?compartmentId={compartment}")
        for subject, verb in [
            ("dynamic-group scaler-oci-dg", "manage objects"),
            ("dynamic-group scaler-oci-dg", "read repos"),
            ("group scaler-users", "manage compute-container-family"),
            ("group scaler-users", "use virtual-network-family"),
            ("group scaler-users", "read repos"),
            ("service objectstorage-us-ashburn-1", "manage object-family"),
        ]:
            start = f"Allow {subject} to {verb} in compartment id {compartment}"
            self.assertTrue([one for one in policy["statements"] if one.startswith(start)], start)
        names = self.get(f"/20160918/container/repositories?compartmentId={compartment}")["items"]
        self.assertIn("scaler-oci-worker", [one["displayName"] for one in names])

    def test_the_files_start_a_daemon_and_a_shell(self):
        saved = self.provisioned("--freeform-tag", "team=blue", "--instance-shape", "CI.Standard.E4.Flex")
        document = tomllib.loads((self.directory / "config.toml").read_text())
        (manager,) = document["worker_manager"]
        self.assertEqual(manager["object_storage_bucket"], saved["object_storage_bucket"])
        self.assertEqual(manager["freeform_tag"], ["team=blue"])
        self.assertEqual(document["scheduler"]["object_storage_address"], "tcp://127.0.0.1:8517")
        shown = self.run_command("config.toml", "--print-config")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn(f'subnet_id = ["{saved["subnet_id"]}"]  # config.toml:', shown.stdout)
        script = '. ./.scaler_oci_hpc.env && echo "$SCALER_OCI_SUBNET_ID $OCI_OBJECT_STORAGE_BUCKET"'
        output = subprocess.check_output(["sh", "-c", script], cwd=self.directory, text=True)
        self.assertEqual(output.split(), [saved["subnet_id"], saved["object_storage_bucket"]])
        for name in (".scaler_oci_config.json", ".scaler_oci_hpc.env"):
            self.assertEqual((self.directory / name).stat().st_mode & 0o077, 0, name)

    def test_a_second_run_changes_nothing_and_says_so(self):
        self.provisioned()
        before = self.counts()
        times = {path.name: path.stat().st_mtime_ns for path in self.directory.iterdir()}
        again = self.provision()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(self.writes_since(before), {})
        self.assertIn("everything was there already; nothing was changed", again.stderr)
        self.assertEqual({path.name: path.stat().st_mtime_ns for path in self.directory.iterdir()}, times)

    def test_a_second_run_mends_what_is_not_right(self):
        saved = self.provisioned()
        namespace, bucket = saved["object_storage_namespace"], saved["object_storage_bucket"]
        self.client().call("DELETE", f"/n/{namespace}/b/{bucket}/l")
        (policy,) = self.get(f"/20160918/policies?compartmentId={saved['compartment_id']}")
        self.send("PUT", f"/20160918/policies/{policy['id']}", {"statements": policy["statements"][:2]})
        # Without its statement the rule would be refused, so the policy is mended first.
        again = self.provision()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("policy scaler-oci-policy: changed", again.stderr)
        self.assertIn("lifecycle rule cleanup-old-tasks: created", again.stderr)
        (mended,) = self.get(f"/20160918/policies?compartmentId={saved['compartment_id']}")
        self.assertEqual(mended["statements"], policy["statements"])

    def test_a_configuration_file_that_was_changed_is_left_alone(self):
        self.provisioned()
        path = self.directory / "config.toml"
        path.write_text(path.read_text().replace("base_concurrency = 100", "base_concurrency = 7"))
        again = self.provision()
        self.assertIn("config.toml is there already, with other content, and was left alone", again.stderr)
        self.assertIn("base_concurrency = 7", path.read_text())
        cleaned = self.run_command("cleanup", "--yes")
        self.assertIn("stays: config.toml, which was changed", cleaned.stderr)
        self.assertEqual([one.name for one in self.directory.iterdir()], ["config.toml"])

    def test_a_dry_run_prints_every_call_and_makes_only_reads(self):
        before = self.counts()
        shown = self.provision("--dry-run")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(self.writes_since(before), {})
        calls = re.findall(r"^(GET|POST|PUT) https://\S+?(/n/\S*|/20\d+/\S*|/n)$", shown.stdout, re.MULTILINE)
        self.assertEqual(next(path for method, path in calls if method == "POST"), "/n/emulatedns/b")
        self.assertEqual([method for method, _ in calls].count("POST"), 4)
        self.assertEqual([method for method, _ in calls].count("PUT"), 1)
        reads = {name: count - before.get(name, 0) for name, count in self.counts().items()}
        self.assertEqual([method for method, _ in calls].count("GET"), sum(reads.values()))
        self.assertIn('"publicAccessType": "NoPublicAccess"', shown.stdout)
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_a_run_that_failed_says_what_exists_and_goes_on_when_run_again(self):
        self.faults("CreatePolicy 403 code=NotAuthorized first=1")
        failed = self.provision()
        self.assertEqual(failed.returncode, 77, failed.stderr)
        self.assertRegex(failed.stderr, r"\[ 9/12\] policy scaler-oci-policy: failed")
        self.assertRegex(failed.stderr, r"stopped after: .*bucket scaler-oci-\S+ created, dynamic group \S+ created")
        compartment = self.cloud["OCI_COMPARTMENT_ID"]
        self.assertIn(
            "run the same command again to go on, or scaler-oci-hpc cleanup --compartment-id "
            f"{compartment} --prefix scaler-oci to remove it",
            failed.stderr,
        )
        self.assertEqual(list(self.directory.iterdir()), [], "files are written last")
        self.assertIn("'Allow group <group> to manage policies in tenancy'", failed.stderr)
        self.addCleanup(self.run_command, "cleanup", "--yes")
        again = self.provision()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertRegex(again.stderr, r"\[ 7/12\] bucket \S+: exists")
        self.assertRegex(again.stderr, r"\[ 9/12\] policy \S+: created")

    def test_a_policy_that_has_not_taken_effect_is_waited_for(self):
        self.faults("PutObjectLifecyclePolicy 400 code=InsufficientServicePermissions first=1")
        done = self.provision()
        self.addCleanup(self.run_command, "cleanup", "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("note: waiting for the new policy to take effect", done.stderr)
        self.assertIn("lifecycle rule cleanup-old-tasks: created", done.stderr)

    def test_a_bucket_of_somebody_else_is_used_and_stays(self):
        bucket = self.cloud["OCI_OBJECT_STORAGE_BUCKET"]
        done = self.provision("--bucket", bucket)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"bucket {bucket}: exists; provision did not make it and cleanup will leave it", done.stderr)
        self.assertIn("lifecycle rule cleanup-old-tasks: left out", done.stderr)
        record = (self.directory / ".scaler_oci_config.json").read_text()
        cleaned = self.run_command("cleanup", "--yes")
        self.assertEqual(cleaned.returncode, 1, cleaned.stderr)
        self.assertIn(f"stays: bucket {bucket}", cleaned.stderr)
        self.assertIn("kept: .scaler_oci_config.json", cleaned.stderr)
        self.assertEqual((self.directory / ".scaler_oci_config.json").read_text(), record)
        self.assertEqual(self.get(f"/n/{self.cloud['OCI_OBJECT_STORAGE_NAMESPACE']}/b/{bucket}")["name"], bucket)

    def test_a_policy_of_somebody_else_is_neither_changed_nor_removed(self):
        compartment = self.cloud["OCI_COMPARTMENT_ID"]
        made = self.send(
            "POST",
            "/20160918/policies",
            {"compartmentId": compartment, "name": "mine-policy", "statements": ["Allow x"], "description": "d"},
        )
        self.addCleanup(self.client().call, "DELETE", f"/20160918/policies/{made['id']}")
        (self.directory / ".scaler_oci_config.json").write_text("{}")
        before = self.counts()
        refused = self.provision("--prefix", "mine")
        self.assertEqual(refused.returncode, 78)
        self.assertIn(
            "was not made by provision, which does not change what it did not make; give another --prefix",
            refused.stderr,
        )
        self.assertIn("it would be changed to:\n        Allow dynamic-group mine-dg to manage objects", refused.stderr)
        self.assertEqual(self.writes_since(before), {}, "it is found out before anything is made")
        self.assertEqual((self.directory / ".scaler_oci_config.json").read_text(), "{}")
        flags = ("--compartment-id", compartment, "--prefix", "mine")
        cleaned = self.run_command("cleanup", "--yes", *flags)
        self.assertEqual(cleaned.returncode, 1, cleaned.stderr)
        self.assertIn("stays: policy mine-policy", cleaned.stderr)
        self.assertEqual(self.get(f"/20160918/policies/{made['id']}")["statements"], ["Allow x"])

    def test_what_scalers_own_provisioner_made_is_used(self):
        compartment, namespace = self.cloud["OCI_COMPARTMENT_ID"], self.cloud["OCI_OBJECT_STORAGE_NAMESPACE"]
        bucket = f"theirs-{namespace}-us-ashburn-1"
        self.send("POST", f"/n/{namespace}/b", {"name": bucket, "compartmentId": compartment})
        self.addCleanup(self.client().call, "DELETE", f"/n/{namespace}/b/{bucket}")
        rule = f"ALL {{resource.type='computecontainerinstance', resource.compartment.id='{compartment}'}}"
        group = self.send("POST", "/20160918/dynamicGroups", {
            "compartmentId": self.tenancy(), "name": "theirs-dg", "matchingRule": rule,
            "description": f"Scaler OCI worker manager, compartment {compartment}",
        })  # fmt: skip
        self.addCleanup(self.client().call, "DELETE", f"/20160918/dynamicGroups/{group['id']}")
        statement = (
            f"Allow dynamic-group theirs-dg to manage objects in compartment id {compartment} "
            f"where target.bucket.name='{bucket}'"
        )
        policy = self.send("POST", "/20160918/policies", {
            "compartmentId": compartment, "name": "theirs-policy", "statements": [statement],
            "description": "Scaler OCI worker manager - Object Storage access for container instances",
        })  # fmt: skip
        self.addCleanup(self.client().call, "DELETE", f"/20160918/policies/{policy['id']}")
        record = self.directory / ".scaler_oci_config.json"
        record.write_text('{"prefix": "old"}')
        done = self.provision("--prefix", "theirs")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("dynamic group theirs-dg: exists", done.stderr)
        self.assertIn("policy theirs-policy: changed", done.stderr)
        statements = self.get(f"/20160918/policies/{policy['id']}")["statements"]
        self.assertTrue([one for one in statements if "manage compute-container-family" in one], statements)
        self.assertEqual(json.loads(record.read_text())["object_storage_bucket"], bucket)
        self.assertEqual((self.directory / ".scaler_oci_config.json.bak").read_text(), '{"prefix": "old"}')
        self.assertIn("what it held is in .scaler_oci_config.json.bak", done.stderr)
        again = self.provision("--prefix", "theirs")
        self.assertIn("everything was there already; nothing was changed", again.stderr)
        more = self.provision("--prefix", "theirs", "--base-concurrency", "5")
        self.assertEqual(more.returncode, 0, more.stderr)
        kept = (self.directory / ".scaler_oci_config.json.bak").read_text()
        self.assertEqual(kept, '{"prefix": "old"}', "a later run puts its own aside under another name")
        self.assertIn("what it held is in .scaler_oci_config.json.bak.2", more.stderr)
        cleaned = self.run_command("cleanup", "--yes")
        self.assertEqual(cleaned.returncode, 1, cleaned.stderr)
        self.assertIn("3 stay; see which above", cleaned.stderr)
        self.assertTrue(record.exists())


class Cleanup(CloudTestCase):
    def test_what_contradicts_the_record_removes_nothing(self):
        self.provisioned()
        before = self.everything()
        for flags, environment in [
            (["--prefix", "other"], {}),
            (["--object-storage-bucket", "nosuch"], {}),
            ([], {"SCALER_OCI_BUCKET": "another"}),
        ]:
            with self.subTest(flags, environment=environment):
                refused = self.run_command("cleanup", "--yes", *flags, environment=self.environment() | environment)
                self.assertEqual(refused.returncode, 78, refused.stderr)
                self.assertIn("is the record of", refused.stderr)
                self.assertEqual(self.everything(), before)
                self.assertTrue((self.directory / ".scaler_oci_config.json").exists())
        self.assertEqual(self.run_command("cleanup", "--yes").returncode, 0)

    def test_nothing_is_left_and_nothing_else_is_touched(self):
        before = self.everything()
        self.provisioned()
        cleaned = self.run_command("cleanup", "--yes")
        self.assertEqual(cleaned.returncode, 0, cleaned.stderr)
        self.assertEqual(self.everything(), before)
        self.assertEqual(list(self.directory.iterdir()), [])
        again = self.run_command("cleanup", "--yes", "--compartment-id", self.cloud["OCI_COMPARTMENT_ID"])
        self.assertEqual((again.returncode, again.stderr), (0, "nothing of provision's is there\n"))

    def test_a_file_that_provision_did_not_save_stays(self):
        stranger = self.directory / "package.json"
        stranger.write_text('{"name": "somebody else"}')
        compartment = self.cloud["OCI_COMPARTMENT_ID"]
        refused = self.run_command("cleanup", "--yes", "--config", str(stranger), "--compartment-id", compartment)
        self.assertEqual(refused.returncode, 78, refused.stderr)
        self.assertIn("is not what provision saved: it names no compartment_id", refused.stderr)
        self.assertTrue(stranger.exists())

    def everything(self) -> dict[str, Any]:
        """What exists, by kind and name."""
        compartment, namespace = self.cloud["OCI_COMPARTMENT_ID"], self.cloud["OCI_OBJECT_STORAGE_NAMESPACE"]
        return {
            "buckets": [one["name"] for one in self.get(f"/n/{namespace}/b?compartmentId={compartment}")],
            "groups": [one["name"] for one in self.get(f"/20160918/dynamicGroups?compartmentId={self.tenancy()}")],
            "policies": [one["name"] for one in self.get(f"/20160918/policies?compartmentId={compartment}")],
            "repositories": [
                one["displayName"]
                for one in self.get(f"/20160918/container/repositories?compartmentId={compartment}")["items"]
            ],
        }

    def test_a_full_bucket_is_emptied_in_batches(self):
        saved = self.provisioned()
        client = self.client()
        path = f"/n/{saved['object_storage_namespace']}/b/{saved['object_storage_bucket']}"
        for number in range(1100):
            self.assertEqual(client.call("PUT", f"{path}/o/left-{number}", b"x").status, 200)
        upload = client.call("POST", f"{path}/u", {"object": "half"})
        self.assertEqual(upload.status, 200)
        before = self.counts()
        code, talk = self.answer("y\n")
        self.assertEqual(code, 0, talk)
        self.assertIn("with about 1100 objects: removed", talk)
        self.assertIn("deleting objects [###########################...] 1000/1100", talk)
        self.assertIn("deleting objects [##############################] 1100/1100", talk)
        writes = self.writes_since(before)
        self.assertEqual((writes["BatchDeleteObjects"], writes["AbortMultipartUpload"]), (2, 1))
        self.assertNotIn("DeleteObject", writes)

    def test_it_asks_first(self):
        self.provisioned()
        unattended = self.run_command("cleanup")
        self.assertEqual(unattended.returncode, 78)
        self.assertIn("say --yes", unattended.stderr)
        code, talk = self.answer("n\n")
        self.assertEqual(code, 1, talk)
        self.assertIn("to be removed: bucket", talk)
        self.assertIn("Remove all of this? [y/N]", talk)
        self.assertTrue((self.directory / ".scaler_oci_config.json").exists())
        shown = self.run_command("cleanup", "--dry-run")
        self.assertEqual((shown.returncode, shown.stderr.count("to be removed")), (0, 4))
        code, talk = self.answer("y\n")
        self.assertEqual(code, 0, talk)
        self.assertEqual(list(self.directory.iterdir()), [])

    def answer(self, text: str) -> tuple[int, str]:
        return self.run_at_terminal("cleanup", answer=text)

    def test_a_cluster_that_runs_is_not_pulled_from_under_its_tasks(self):
        saved = self.provisioned()
        client = self.client()
        body = client.create_body(freeformTags={"scaler-owner": "somebody"})
        body["containers"][0]["command"] = ["sleep", "600"]
        made = client.create(body).json
        self.addCleanup(client.call, "DELETE", f"/20210415/containerInstances/{made['id']}")
        refused = self.run_command("cleanup", "--yes")
        self.assertEqual(refused.returncode, 78)
        self.assertIn(
            "the resources are in use: 1 container instances of managers run in the compartment", refused.stderr
        )
        self.assertEqual(self.get(f"/n/{saved['object_storage_namespace']}/b/{saved['object_storage_bucket']}")["name"],
                         saved["object_storage_bucket"])
        client.call("DELETE", f"/20210415/containerInstances/{made['id']}")
        client.wait_for(made["id"], "DELETED", "DELETING")

    def test_show_tells_what_is_saved_and_what_of_it_exists(self):
        missing = self.run_command("show")
        self.assertEqual(missing.returncode, 78)
        self.assertIn("run scaler-oci-hpc provision first", missing.stderr)
        saved = self.provisioned()
        shown = self.run_command("show")
        self.assertIn(f"subnet_id: {saved['subnet_id']}", shown.stdout)
        self.assertEqual(shown.stdout.count("\n  "), 4)
        document = json.loads(self.run_command("show", "--json").stdout)
        self.assertEqual([one["provisioned"] for one in document["resources"]], [True] * 4)

    def test_the_availability_domains_are_listed(self):
        listed = self.run_command("list-ads", "--region", "us-ashburn-1")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertEqual(listed.stdout.split(), [f"Uocm:US-ASHBURN-AD-{number}" for number in (1, 2, 3)])


class HomeRegion(CloudTestCase):
    emulator = ["--home-region", "us-phoenix-1"]

    def environment(self, **changes: str) -> dict[str, str]:
        """OCI's own host names, by the proxy: at one endpoint for all regions could not be told apart."""
        environment = super().environment(HTTPS_PROXY=self.cloud["OCI_EMULATOR_PROXY"], **changes)
        del environment["OCI_ENDPOINT"]
        return environment

    def test_changes_to_iam_go_to_the_home_region(self):
        done = self.provision()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("home region phx", done.stderr)
        cleaned = self.run_command("cleanup", "--yes")
        self.assertEqual(cleaned.returncode, 0, cleaned.stderr)
        shown = self.provision("--dry-run")
        self.assertIn("POST https://identity.us-phoenix-1.oci.oraclecloud.com/20160918/policies", shown.stdout)
        self.assertIn("POST https://objectstorage.us-ashburn-1.oraclecloud.com/n/emulatedns/b\n", shown.stdout)


class BadInput(CloudTestCase):
    emulator = ["--group", "Administrators", "--group", "scaler-users"]

    def test_each_yields_its_own_line_and_exit_code(self):
        other = "ocid1.subnet.oc1.iad.nothing"
        table = [
            (
                ["--availability-domain", "AD-9"],
                78,
                "there is no availability domain AD-9 in this region; there is Uocm:",
            ),
            (["--subnet-id", other], 78, f"subnet {other} cannot be used: it does not exist in region us-ashburn-1"),
            (
                ["--compartment-id", "ocid1.compartment.oc1..no"],
                78,
                "compartment ocid1.compartment.oc1..no cannot be used",
            ),
            (["--instance-shape", "CI.Nothing"], 78, "shape CI.Nothing cannot be used: Uocm:US-ASHBURN-AD-1 has CI."),
            (["--instance-ocpus", "99"], 78, "CI.Standard.E4.Flex has 1 to 64 OCPUs, not 99; change --instance-ocpus"),
            (["--instance-memory-gb", "65"], 78, "1 to 64 GB of memory for each OCPU, not 65 for 1"),
            (["--job-timeout", "soon"], 2, "--job-timeout: 'soon' is no number of minutes; give a whole number"),
            (["--scheduler", "localhost"], 2, "--scheduler: 'localhost' is no address; write tcp://HOST:PORT"),
            (["--regoin", "x"], 2, "unknown flag '--regoin'; did you mean --region?"),
            (["--oci-region", "x"], 78, "--region and --oci-region are the same setting; give one of them"),
            (["here"], 2, "'here' means nothing here; see scaler-oci-hpc provision --help"),
            (["--config", "no/such/directory/x.json", "--group", "none"], 73, "no/such/directory/x.json: file failed"),
            ([], 78, "you are in the groups Administrators, scaler-users; say --group NAME"),
        ]
        for arguments, code, line in table:
            with self.subTest(arguments):
                before = self.counts()
                done = self.provision(*arguments)
                self.assertEqual(done.returncode, code, done.stderr)
                last = done.stderr.splitlines()[-1]
                self.assertIn(line, last)
                self.assertTrue(last.startswith("scaler-oci-hpc: "), last)
                self.assertEqual(self.writes_since(before), {})

    def test_what_is_missing_is_named(self):
        done = self.run_command("provision", "--availability-domain", "AD-1")
        self.assertEqual(done.returncode, 78)
        self.assertIn("missing --compartment-id (OCI_COMPARTMENT_ID), --subnet-id (OCI_SUBNET_ID)", done.stderr)

    def test_credentials_that_are_wrong(self):
        none = self.provision(environment=self.environment(OCI_CONFIG_FILE=str(self.directory / "none")))
        self.assertEqual(none.returncode, 78)
        self.assertIn("there is no OCI configuration file", none.stderr)
        self.faults("* unauthenticated")
        refused = self.provision()
        self.assertEqual(refused.returncode, 77)
        self.assertIn("GetNamespace failed: 401 NotAuthenticated", refused.stderr)

    def test_a_cloud_that_is_not_there(self):
        gone = self.provision(environment=self.environment(OCI_ENDPOINT="https://127.0.0.1:9", OCI_CA_BUNDLE=""))
        self.assertEqual(gone.returncode, 69, gone.stderr)
        self.assertIn("got no answer from https://127.0.0.1:9", gone.stderr)

    def test_a_token_has_no_groups_to_look_up(self):
        token = ["--profile", "SESSION", "--auth-type", "security_token"]
        unclear = self.provision(*token)
        self.assertEqual(unclear.returncode, 78)
        self.assertIn("it is not clear who will launch tasks", unclear.stderr)
        done = self.provision(*token, "--group", "dynamic-group hosts")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Allow dynamic-group hosts to manage compute-container-family", done.stderr)
        saved = json.loads((self.directory / ".scaler_oci_config.json").read_text())
        self.assertEqual((saved["oci_profile"], saved["auth_type"]), ("SESSION", "security_token"))
        self.assertIn('oci_profile = "SESSION"', (self.directory / "config.toml").read_text())
        cleaned = self.run_command("cleanup", "--yes")
        self.assertEqual(cleaned.returncode, 0, cleaned.stderr)

    def test_ctrl_c_ends_it_at_once_and_it_can_go_on(self):
        self.faults("CreateBucket stall seconds=60 first=1")
        with subprocess.Popen(
            [str(DAEMON), "provision", "--compartment-id", self.cloud["OCI_COMPARTMENT_ID"], "--availability-domain",
             "AD-1", "--subnet-id", self.cloud["OCI_SUBNET_ID"], "--group", "none"],
            cwd=self.directory, env=self.environment(), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        ) as process:  # fmt: skip
            await_that(lambda: "CreateBucket stall" in self.report()["faults"], 30, "the call that stalls")
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            assert process.stderr is not None
            rest = process.stderr.read()
            self.assertEqual(process.wait(10), 130, rest)
            self.assertLess(time.monotonic() - start, 5)
            self.assertIn("interrupted", rest)
        self.assertFalse((self.directory / ".scaler_oci_config.json").exists())
        self.faults()
        again = self.provision("--group", "none")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(self.run_command("cleanup", "--yes").returncode, 0)


if __name__ == "__main__":
    unittest.main()

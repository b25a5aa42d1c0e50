# SPDX-License-Identifier: Apache-2.0
"""What a manager has in the cloud, listed and deleted for a person; and what is not its own, left alone."""

from __future__ import annotations

import functools
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import unittest
import urllib.parse
from typing import Any

from cloud import DAEMON, CloudTestCase
from support import BACKEND, await_that

from processes import Process

MANAGER = "wm-oci-hpc"
INSTANCES = "/20210415/containerInstances"

# Submits tasks that do not end by themselves, one of them with a payload that needs an object.
CLIENT = """
import os, sys, time
from scaler import Client

def wait_for_the_end(data):
    time.sleep(600)

client = Client(address=sys.argv[1])
futures = [client.submit(wait_for_the_end, os.urandom(size)) for size in (60_000, 1, 1, 1)]
for future in futures:
    future.result()
"""


class OwnedTestCase(CloudTestCase):
    """A local OCI whose pages are short, and the commands as a person types them."""

    emulator = ["--switch", "instance-pages=short", "--instance-limit", "2000"]

    def whose(self) -> list[str]:
        return ["--worker-manager-id", MANAGER, "--scheduler", self.cluster.address]

    def variables(self) -> dict[str, str]:
        """A shell in which compartment and bucket are set, and how to get there."""
        return self.environment(**{key: value for key, value in self.cloud.items() if key.startswith("OCI_")})

    def command(self, name: str, *arguments: str):
        return self.run_command(name, *arguments, environment=self.variables())

    def listed(self, *arguments: str) -> dict[str, Any]:
        """What `list --json` finds in the one place there is."""
        done = self.command("list", "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        (place,) = json.loads(done.stdout)
        return place

    def in_the_cloud(self) -> list[tuple[str, str]]:
        """Id and state of every instance that is there."""
        cloud, found, page = self.client(), [], ""
        while True:
            reply = cloud.call("GET", f"{INSTANCES}?compartmentId={self.cloud['OCI_COMPARTMENT_ID']}{page}")
            found += [(one["id"], one["lifecycleState"]) for one in reply.json["items"]]
            if reply.headers["opc-next-page"] is None:
                return [(ocid, state) for ocid, state in found if state != "DELETED"]
            page = f"&page={reply.headers['opc-next-page']}"


class Left(OwnedTestCase):
    """A daemon of a whole cluster that is killed with tasks running."""

    def test_what_a_killed_daemon_left_is_shown_and_deleted(self):
        self.cluster.start_storage()
        self.cluster.start_scheduler()
        self.cluster.start_daemon()
        command = [sys.executable, "-c", CLIENT, self.cluster.address]
        client = Process("client", command, self.directory, {"SCALER_NETWORK_BACKEND": BACKEND})
        # At the terminal, too, whoever waits for a dead daemon's tasks is ended that way.
        self.addCleanup(client.stop, signal.SIGKILL)
        await_that(lambda: self.report()["instances"]["created"] == 4, 60, "the instances")
        self.assert_left_alone_while_the_daemon_lives()
        self.cluster.kill_daemon()

        shown = self.command("list", *self.whose())
        self.assertEqual(shown.returncode, 0, shown.stderr)
        first, heading, *rows = shown.stdout.splitlines()
        self.assertRegex(
            first, rf"^4 container instances and 1 task object of owner \w{{12}}, which is manager {MANAGER}"
        )
        self.assertNotIn("daemon runs", first)
        self.assertEqual(heading.split(), ["INSTANCE", "NAME", "STATE", "AGE", "OWNER", "TASK", "AD", "SHAPE"])
        for row in rows[:4]:
            self.assertRegex(
                row,
                rf"^\.\.\.\S{{12}}  scaler-{MANAGER}-(\w{{12}})  (CREATING|ACTIVE) +\d+s +\w{{12}}  \1  "
                r"US-ASHBURN-AD-1  CI\.Standard\.E4\.Flex$",
            )
        self.assertRegex(rows[-1], r"^scaler-tasks/\w{12}/inputs/\w{32}/\w{32}\.pkl(\.gz)?  \d+ +\d+s$")
        found = self.listed(*self.whose())
        self.assertEqual({one["id"] for one in found["instances"]}, {ocid for ocid, _ in self.in_the_cloud()})
        self.assertFalse(found["daemon_runs_here"])

        before = self.counts()
        dry = self.command("reap", "--dry-run", *self.whose())
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertEqual(self.writes_since(before), {})
        self.assertIn("dry run: nothing was deleted", dry.stderr)
        calls = re.findall(r"^(DELETE|POST) https://\S+?(/20210415/\S*|/n/\S*)$", dry.stdout, re.MULTILINE)
        self.assertEqual(
            sorted(path.rpartition("/")[2] for method, path in calls if method == "DELETE"),
            sorted(one["id"] for one in found["instances"]),
        )
        self.assertEqual(
            [path.rpartition("/")[2] for method, path in calls if method == "POST"], ["batchDeleteObjects"]
        )
        self.assertIn(found["objects"][0]["name"], dry.stdout)

        asked = self.command("reap", *self.whose())
        self.assertEqual(asked.returncode, 78, asked.stderr)
        self.assertIn("nobody can be asked", asked.stderr)
        self.assertEqual(self.writes_since(before), {})

        reaped = self.command("reap", "--yes", *self.whose())
        self.assertEqual(reaped.returncode, 0, reaped.stderr)
        self.assertEqual(reaped.stderr.splitlines()[-1], "deleted: 4 container instances and 1 task object")
        report = self.cluster.await_nothing_left(1)
        self.assertEqual(report["tasks"]["ran_more_than_once"], {})

        again = self.command("reap", "--yes", *self.whose())
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("nothing is left of owner ", again.stderr)
        self.assertEqual(again.stderr.splitlines()[-1], "deleted: 0 container instances and 0 task objects")
        empty = self.command("list", *self.whose())
        self.assertRegex(empty.stdout, rf"^nothing of owner \w{{12}}, which is manager {MANAGER} for tcp://\S+\n$")

    def assert_left_alone_while_the_daemon_lives(self) -> None:
        before = self.in_the_cloud()
        self.assertEqual(len(before), 4)
        self.assertTrue(self.listed(*self.whose())["daemon_runs_here"])
        for arguments in (["--yes"], ["--dry-run"]):
            alive = self.command("reap", *arguments, *self.whose())
            self.assertEqual(alive.returncode, 1, alive.stderr)
            self.assertIn("left alone: 4 container instances and 1 task object of owner", alive.stderr)
            who = f"process {self.cluster.daemon.pid} of user {os.geteuid()}"
            self.assertIn(f"whose daemon runs on this host, as {who}; stop that first, or say --force", alive.stderr)
        self.assertEqual({ocid for ocid, _ in self.in_the_cloud()}, {ocid for ocid, _ in before})


class Marked(OwnedTestCase):
    """What looks as if a daemon had left it: made by the test, with the tags and names of a daemon."""

    def setUp(self) -> None:
        super().setUp()
        self.owner = self.listed(*self.whose())["owner"]
        self.addCleanup(self.empty)

    def empty(self) -> None:
        self.faults()
        cloud = self.client()
        for ocid, _ in self.in_the_cloud():
            cloud.call("DELETE", f"{INSTANCES}/{ocid}")
        for name in self.objects():
            cloud.call("DELETE", cloud.object_path(name))

    def objects(self) -> list[str]:
        cloud, names = self.client(), []
        start: str | None = ""
        while start is not None:
            page = cloud.call("GET", f"{cloud.bucket}/o{start}").json
            names += [one["name"] for one in page["objects"]]
            start = f"?start={urllib.parse.quote(page['nextStartWith'], safe='')}" if "nextStartWith" in page else None
        return names

    def make(self, task_id: str, **tags: str) -> str:
        """An instance whose tags are those of a daemon's, changed; an empty one is left out. Its OCID."""
        own = {
            "scaler-owner": self.owner,
            "scaler-worker-manager": MANAGER,
            "scaler-task": task_id,
            "scaler-generation": "0",
        }
        changed = {**own, **{f"scaler-{name}": value for name, value in tags.items()}}
        body = self.cloud_client.create_body(
            displayName=f"scaler-{MANAGER}-{task_id[:12]}",
            freeformTags={name: value for name, value in changed.items() if value},
        )
        reply = self.cloud_client.create(body)
        self.assertLess(reply.status, 300, reply.body)
        return reply.json["id"]

    @functools.cached_property
    def cloud_client(self):
        return self.client()

    def store(self, *names: str) -> None:
        for name in names:
            self.assertEqual(self.cloud_client.call("PUT", self.cloud_client.object_path(name), b"x").status, 200)

    def reap(self, *arguments: str, code: int = 0) -> str:
        """Runs reap without questions; what it said."""
        done = self.command("reap", "--yes", *(arguments or self.whose()))
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_five_hundred_look_alikes_stay(self):
        task = "0123456789abcdef" * 2
        mine = [self.make(secrets.token_hex(16)) for _ in range(20)]
        strangers = []
        for number in range(100):
            strangers += [
                self.make(task, owner="", manager="", task="", generation=""),  # the name alone
                self.make(secrets.token_hex(16), owner=self.owner[:-1] + "xyz"[number % 3]),  # another's
                self.make(task, owner=""),  # everything but whose it is
                self.make(task, owner=self.owner.upper() + "x"),
                self.make(task, task=""),  # ours by its tag, and no task's: not made by a daemon
            ]
        results = [f"scaler-tasks/{self.owner}/results/{secrets.token_hex(16)}.pkl" for _ in range(1100)]
        others = [
            f"scaler-tasks/{self.owner}",
            f"scaler-tasks/{self.owner}/",
            f"scaler-tasks/{self.owner}/results/",
            f"scaler-tasks/{self.owner}/results/read me.pkl",
            f"scaler-tasks/{self.owner}/results/{task}.txt",
            f"scaler-tasks/{self.owner}/results/deeper/{task}.pkl",
            f"scaler-tasks/{self.owner}/{task}.pkl",
            f"scaler-tasks/{self.owner}x/results/{task}.pkl",
            f"scaler-tasks/results/{task}.pkl",
            f"other/{self.owner}/results/{task}.pkl",
            f"{self.owner}/results/{task}.pkl",
        ]
        self.store(*results, *others)
        found = self.listed(*self.whose())
        self.assertEqual(sorted(one["id"] for one in found["instances"]), sorted(mine))
        self.assertEqual(sorted(one["name"] for one in found["objects"]), sorted(results))
        everyone = self.listed("--all-owners")
        self.assertEqual(len(everyone["instances"]), 220)
        self.assertEqual(len(everyone["objects"]), 1101)
        said = self.reap()
        self.assertEqual(said.splitlines()[-1], "deleted: 20 container instances and 1100 task objects")
        self.assertEqual(sorted(ocid for ocid, _ in self.in_the_cloud()), sorted(strangers))
        self.assertEqual(sorted(self.objects()), sorted(others))

    def test_it_asks_first(self):
        made = self.make(secrets.token_hex(16))
        answers: list[tuple[Any, int]] = [("n\n", 1), ("\n", 1), (signal.SIGINT, 130), ("y\n", 0)]
        for answer, code in answers:
            with self.subTest(answer):
                self.assertEqual([ocid for ocid, _ in self.in_the_cloud()], [made])
                ended, talk = self.run_at_terminal(
                    "reap", *self.whose(), answer=answer, environment=self.variables()
                )
                self.assertEqual(ended, code, talk)
                self.assertIn(made[-12:], talk)
                self.assertIn("Delete all of this? [y/N]", talk)
        self.assertIn("deleting [##############################] 1/1", talk)
        self.cluster.await_nothing_left(1)

    def test_refusals_that_pass_are_waited_out(self):
        for _ in range(6):
            self.make(secrets.token_hex(16))
        self.store(f"scaler-tasks/{self.owner}/inputs/{secrets.token_hex(16)}.pkl.gz")
        self.faults(
            "DeleteContainerInstance 409 code=IncorrectState first=3",
            "DeleteContainerInstance 429 first=3",
            "BatchDeleteObjects 503 first=2",
            "ListContainerInstances 500 first=1",
        )
        said = self.reap()
        self.assertEqual(said.splitlines()[-1], "deleted: 6 container instances and 1 task object")
        self.cluster.await_nothing_left(1)

    def test_what_does_not_go_in_time_is_counted(self):
        self.make(secrets.token_hex(16))
        self.faults("DeleteContainerInstance 409 code=IncorrectState")
        said = self.reap("--timeout", "3", *self.whose(), code=69)
        self.assertIn("1 container instance and 0 task objects are still there", said)

    def test_a_missing_policy_is_told_with_77(self):
        self.make(secrets.token_hex(16))
        self.faults("DeleteContainerInstance 403 code=NotAuthorized")
        said = self.reap(code=77)
        self.assertIn("manage compute-container-family", said)
        # As OCI says it: the same as for what is not there.
        self.faults("DeleteContainerInstance 404 code=NotAuthorizedOrNotFound")
        said = self.reap(code=77)
        self.assertIn("cannot be deleted: the service says that they are not there, and lists them", said)
        self.faults("ListContainerInstances 404 code=NotAuthorizedOrNotFound")
        self.assertEqual(self.command("list", *self.whose()).returncode, 77)

    def test_a_signal_says_how_far_it_came(self):
        self.make(secrets.token_hex(16))
        self.faults("DeleteContainerInstance 409 code=IncorrectState")
        for number in (signal.SIGINT, signal.SIGTERM):
            result = f"scaler-tasks/{self.owner}/results/{secrets.token_hex(16)}.pkl"
            self.store(result)
            with self.subTest(number), subprocess.Popen(
                [str(DAEMON), "reap", "--yes", *self.whose()], cwd=self.directory, env=self.variables(),
                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            ) as process:  # fmt: skip
                await_that(lambda result=result: result not in self.objects(), 30, "the object to go")
                looks = self.counts()["ListContainerInstances"]
                await_that(lambda looks=looks: self.counts()["ListContainerInstances"] > looks + 1, 30, "another look")
                process.send_signal(number)
                assert process.stderr is not None
                said = process.stderr.read()
                self.assertEqual(process.wait(10), 128 + number, said)
                self.assertIn("stopped after 0 container instances and 1 task object were deleted; run the same", said)

    def test_an_id_that_was_chosen_takes_force(self):
        self.make(secrets.token_hex(16), owner="chosen")
        whose = ["--owner-id", "chosen"]
        self.assertEqual(len(self.listed(*whose)["instances"]), 1)
        self.assertEqual([one["owner"] for one in self.listed("--all-owners")["instances"]], ["chosen"])
        self.assertIn("of owner chosen, whose daemon may run on another host", self.reap(*whose, code=1))
        self.assertEqual(len(self.in_the_cloud()), 1)
        self.reap("--force", *whose)
        self.cluster.await_nothing_left(1)

    def test_a_file_with_several_managers_is_gone_through(self):
        self.make(secrets.token_hex(16))
        entry = "[[worker_manager]]\ntype = 'oci_hpc'\nworker_manager_id = '{}'\nscheduler_address = '{}'\n"
        text = "".join(entry.format(name, self.cluster.address) for name in (MANAGER, "wm-other"))
        (self.directory / "config.toml").write_text(text)
        places = json.loads(self.command("list", "--json").stdout)
        self.assertEqual([len(place["instances"]) for place in places], [1, 0])
        self.assertEqual(len(self.listed("--all-owners")["instances"]), 1)
        said = self.reap("--config", "config.toml")
        self.assertIn("nothing is left of owner", said)
        self.assertEqual(said.splitlines()[-1], "deleted: 1 container instance and 0 task objects")
        self.cluster.await_nothing_left(1)

    def test_instances_are_found_and_deleted_when_their_bucket_is_gone(self):
        self.make(secrets.token_hex(16))
        whose = [*self.whose(), "--object-storage-bucket", "gone"]
        for name, arguments in (("list", []), ("reap", ["--yes"])):
            done = self.command(name, *arguments, *whose)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("note: bucket 'gone' is not there, or may not be seen", done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1], "deleted: 1 container instance and 0 task objects")
        self.cluster.await_nothing_left(1)

    def test_what_is_missing_is_named(self):
        for arguments, line in [
            ([], "missing --worker-manager-id"),
            (["--worker-manager-id", MANAGER], "missing --scheduler"),
            (["--config", "none.toml"], "none.toml"),
            ([*self.whose(), "--yes", "--owner-id", ""], "--owner-id: the value is empty"),
        ]:
            with self.subTest(arguments):
                done = self.command("reap", *arguments)
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertIn(line, done.stderr)


if __name__ == "__main__":
    unittest.main()

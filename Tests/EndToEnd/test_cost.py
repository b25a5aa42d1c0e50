# SPDX-License-Identifier: Apache-2.0
"""What instances cost: of those that ended, as the daemon remembers them, and of those that run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import cloudpickle
from support import BACKEND, Cluster, Options, await_that, connect

from cluster import DAEMON

cloudpickle.register_pickle_by_value(sys.modules[__name__])

PRICES = """
[prices]
currency = "EUR"
"CI.Standard.E4.Flex" = { ocpu_hour = 3600.0, gb_hour = 0.0 }
"""


def square(number):
    return number * number


def nap(seconds):
    time.sleep(seconds)


class Cost(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-user-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.state = Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-state-"))
        self.addCleanup(shutil.rmtree, self.state)
        daemon = ["--state-directory", str(self.state), "--freeform-tag", "team=red"]
        options = Options(backend=BACKEND, emulator=["--fast"], daemon=daemon)
        self.cluster = self.enterContext(Cluster(options))
        self.client = connect(self.cluster)
        self.addCleanup(self.client.disconnect)

    def say(self, *arguments: str, code: int = 0):
        whose = ["--worker-manager-id", "wm-oci-hpc", "--scheduler", self.cluster.address]
        done = subprocess.run(
            [str(DAEMON), *arguments, *whose],
            cwd=self.directory,
            env=self.cluster.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def cost(self, *arguments: str):
        return json.loads(self.say("cost", "--json", "--state-directory", str(self.state), *arguments).stdout)

    def recorded(self) -> list[dict[str, Any]]:
        path = self.state / "usage.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def test_what_ended_is_remembered_and_what_runs_is_seen(self):
        self.assertEqual(self.client.map(square, range(3)), [0, 1, 4])
        self.cluster.await_nothing_left()
        records = await_that(lambda: found if len(found := self.recorded()) == 3 else None, 30, "three records")
        for record in records:
            self.assertEqual((record["shape"], record["ocpus"]), ("CI.Standard.E4.Flex", 1.0))
            self.assertEqual((record["manager"], record["tags"]["team"]), ("wm-oci-hpc", "red"))
            self.assertLess(record["ended"] - record["created"], 60)
        (group,) = self.cost("--by", "team")["groups"]
        self.assertEqual((group["name"], group["ended"], group["running"]), ("red", 3, 0))
        self.assertAlmostEqual(group["ocpu_hours"] + group["minimum_ocpu_hours"], 3 / 60, 6)
        self.assertNotIn("cost", group)
        printed = self.say("cost", "--state-directory", str(self.state)).stdout
        self.assertIn("No prices are set: write [prices]", printed)

        entry = "[[worker_manager]]\ntype = 'oci_hpc'\n"
        (self.directory / "config.toml").write_text(entry + PRICES)
        running = self.client.submit(nap, 60)
        await_that(lambda: self.cluster.report()["instances"]["created"] == 4, 30, "a fourth instance")
        (group,) = self.cost()["groups"]
        self.assertEqual((group["ended"], group["running"]), (3, 1))
        self.assertAlmostEqual(group["cost"], 240, 3)
        (group,) = self.cost("--past-only")["groups"]
        self.assertEqual((group["ended"], group["running"], round(group["cost"], 3)), (3, 0, 180))
        self.assertEqual(self.cost("--past-only", "--since", "2999-01-01")["groups"], [])
        self.assertIn("'soon' is no time", self.say("cost", "--since", "soon", code=2).stderr)
        self.assertIn("these instances cost 3600.0000 EUR an hour", self.say("list").stdout)
        (place,) = json.loads(self.say("list", "--json").stdout)
        self.assertEqual(place["cost_per_hour"], 3600)
        # Or the client would wait for it.
        running.cancel()
        self.cluster.await_nothing_left()

    def test_records_that_cannot_be_written_or_read_cost_nothing_but_themselves(self):
        (self.state / "usage.jsonl").mkdir()
        self.assertEqual(self.client.map(square, range(2)), [0, 1])
        self.cluster.await_nothing_left()
        lost = r"cannot remember what instances used; their cost is lost"
        self.cluster.daemon.await_output(lost)
        self.assertEqual(self.client.map(square, range(2)), [0, 1])
        self.cluster.await_nothing_left()
        self.assertEqual(self.cluster.daemon.output().count("cannot remember what instances used"), 1)
        (self.state / "usage.jsonl").rmdir()
        self.assertEqual(self.client.submit(square, 3).result(), 9)
        self.cluster.await_nothing_left()
        # Those before may have waited for the next write.
        await_that(lambda: len(self.recorded()) >= 1, 30, "a record")
        with (self.state / "usage.jsonl").open("a") as file:
            file.write('{"id": "half a li')
        said = self.say("cost", "--past-only", "--state-directory", str(self.state))
        self.assertIn("1 lines of the record cannot be read", said.stderr)
        self.assertRegex(said.stdout, r"all +[1-5] +0 ")


if __name__ == "__main__":
    unittest.main()

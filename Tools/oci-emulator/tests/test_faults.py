# SPDX-License-Identifier: Apache-2.0
"""Faults: the rules, and what each does on the wire and to containers."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import time
import unittest
import urllib.request

from support import COMMAND, HERE, EmulatorProcess

sys.path.insert(0, str(HERE.parent))

from oci_emulator.faults import Faults, parse_rule, read_rules

# A broken connection has many names, depending on what was under way.
BROKEN = (ConnectionError, ssl.SSLError, http.client.HTTPException)


class Rules(unittest.TestCase):
    def hits(self, text: str, calls: int = 100, seed: int = 1, operation: str = "GetObject") -> list[int]:
        faults = Faults([text], seed)
        return [n for n in range(1, calls + 1) if faults.choose(operation, "user") is not None]

    def test_selectors_choose_calls(self) -> None:
        self.assertEqual(self.hits("GetObject 503", 3), [1, 2, 3])
        self.assertEqual(self.hits("GetObject 503 every=10", 35), [10, 20, 30])
        self.assertEqual(self.hits("GetObject 503 first=2"), [1, 2])
        self.assertEqual(self.hits("GetObject 503 calls=3,5"), [3, 5])
        self.assertEqual(self.hits("Get* 503 times=4"), [1, 2, 3, 4])
        self.assertEqual(self.hits("* 503 by=resource"), [])
        self.assertEqual(self.hits("PutObject 503"), [])
        self.assertEqual(self.hits("* 503 from=60"), [])
        throttled = self.hits("GetObject 429 over=10", 200)  # all within a moment
        self.assertTrue(170 <= len(throttled) <= 190, throttled)

    def test_a_share_is_kept_and_a_seed_repeats_it(self) -> None:
        first = self.hits("* 429 share=0.1", 5000, seed=7)
        self.assertTrue(400 < len(first) < 600, len(first))
        self.assertEqual(first, self.hits("* 429 share=0.1", 5000, seed=7))
        self.assertNotEqual(first, self.hits("* 429 share=0.1", 5000, seed=8))

    def test_the_first_rule_that_applies_wins(self) -> None:
        faults = Faults(["GetObject 429 calls=2", "* 503"], 1)
        kinds = [rule.kind for rule in (faults.choose("GetObject", "user") for _ in range(3)) if rule]
        self.assertEqual(kinds, ["503", "429", "503"])

    def test_mistakes_are_told_in_one_line(self) -> None:
        for text in (
            "",
            "GetObject",
            "GetObject explode",
            "GetObject 200",
            "GetObject 503 share",
            "Container 503",
            "GetObject 503 shares=1",
            "GetObject 503 every=0",
            "GetObject 503 share=x",
        ):
            with self.subTest(text), self.assertRaises(ValueError) as told:
                parse_rule(text, 0, 1)
            self.assertNotIn("\n", str(told.exception))

    def test_a_file_has_comments_and_a_message_may_have_spaces(self) -> None:
        self.assertEqual(read_rules("# no\n\n * 503 every=2 \n"), ["* 503 every=2"])
        rule = parse_rule("* 500 code=InternalError message=Out of host capacity.", 0, 1)
        self.assertEqual((rule.options["code"], rule.options["message"]), ("InternalError", "Out of host capacity."))


class FaultCase(unittest.TestCase):
    def start(self, *rules: str, arguments: tuple[str, ...] = ("--fast",)) -> None:
        faults = [word for rule in rules for word in ("--fault", rule)]
        self.emulator = EmulatorProcess(*arguments, *faults)
        self.addCleanup(self.emulator.close)
        self.client = self.emulator.client()
        self.addCleanup(self.client.connection.close)


class OnTheWire(FaultCase):
    def test_statuses_codes_and_retry_after(self) -> None:
        self.start(
            "GetNamespace 429 calls=1 retry-after=2",
            "GetNamespace 503 calls=1",
            "GetNamespace quota calls=1",
            "GetNamespace unauthenticated calls=1",
            "GetNamespace capacity calls=1",
        )
        seen = [self.client.call("GET", "/n") for _ in range(6)]
        codes = [(one.status, one.json["code"]) for one in seen[:5]]
        self.assertEqual(
            codes,
            [
                (429, "TooManyRequests"),
                (503, "ServiceUnavailable"),
                (400, "QuotaExceeded"),
                (401, "NotAuthenticated"),
                (500, "InternalError"),
            ],
        )
        self.assertEqual((seen[0].headers["retry-after"], seen[0].headers["connection"]), ("2", "close"))
        self.assertEqual(seen[5].status, 200)
        self.assertEqual(self.emulator.report()["faults"]["GetNamespace 429"], 1)

    def test_resets_before_and_after_the_work(self) -> None:
        self.start("PutObject reset-before calls=1", "PutObject reset-after calls=1")
        path = self.client.object_path("x")
        for exists in (404, 200):
            with self.assertRaises(BROKEN):
                self.client.call("PUT", path, b"body")
            self.client.connection.close()
            self.assertEqual(self.client.call("GET", path).status, exists)

    def test_truncated_corrupt_and_slow_bodies(self) -> None:
        self.start("GetObject truncate calls=1", "GetObject corrupt calls=1", "GetObject slow calls=1 bytes=2000")
        body = b"0123456789" * 100
        path = self.client.object_path("x")
        self.client.call("PUT", path, body)
        with self.assertRaises(http.client.IncompleteRead) as cut:
            self.client.call("GET", path)
        self.assertEqual(cut.exception.partial, body[:500])
        self.client.connection.close()
        bent = self.client.call("GET", path).body
        self.assertEqual(sum(a != b for a, b in zip(bent, body, strict=True)), 1)
        began = time.monotonic()
        self.assertEqual(self.client.call("GET", path).body, body)
        self.assertGreater(time.monotonic() - began, 0.3)

    def test_a_skewed_clock_refuses_and_shows_itself_in_date(self) -> None:
        self.start("GetNamespace skew seconds=900 calls=1")
        refused = self.client.call("GET", "/n")
        self.assertEqual(refused.status, 401)
        from email.utils import formatdate, parsedate_to_datetime

        shown = parsedate_to_datetime(refused.headers["date"]).timestamp()
        self.assertAlmostEqual(shown - time.time(), 900, delta=5)
        self.start("GetNamespace skew seconds=900")
        corrected = self.client.call("GET", "/n", date=formatdate(time.time() + 900, usegmt=True))
        self.assertEqual(corrected.status, 200)

    def test_an_outage_refuses_connections_and_ends(self) -> None:
        self.start()
        self.client.call("GET", "/n")
        set_fault = [sys.executable, str(COMMAND), "fault", "--state-dir", str(self.emulator.state)]
        shown = subprocess.check_output([*set_fault, "* outage for=1"], text=True)
        self.assertIn("* outage", shown)
        refusals = 0
        while True:
            try:
                self.client.call("GET", "/n")
                if refusals:
                    break
            except ConnectionRefusedError:
                refusals += 1
            except BROKEN:
                pass
            self.client.connection.close()
        self.assertGreater(refusals, 0)

    def test_faults_are_changed_while_it_runs(self) -> None:
        self.start()
        url = self.emulator.environment["OCI_EMULATOR_URL"] + "/faults"

        def send(method: str, *rules: str):
            data = json.dumps({"faults": rules}).encode()
            return json.load(urllib.request.urlopen(urllib.request.Request(url, data, method=method)))

        send("POST", "GetNamespace 503")
        self.assertEqual(self.client.call("GET", "/n").status, 503)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            send("PUT", "GetNamespace nonsense")
        refused.exception.close()
        self.assertEqual(self.client.call("GET", "/n").status, 503)
        self.assertEqual(send("PUT", "GetNamespace 500 first=1")[0]["carried_out"], 0)
        self.assertEqual([self.client.call("GET", "/n").status for _ in range(2)], [500, 200])
        report = json.load(urllib.request.urlopen(self.emulator.environment["OCI_EMULATOR_URL"] + "/report"))
        self.assertEqual(report["requests"]["by_operation"]["GetNamespace"], 4)


class OnContainers(FaultCase):
    def make(self, *command: str) -> str:
        body = self.client.create_body()
        body["containers"][0]["command"] = list(command)
        return self.client.create(body).json["id"]

    def test_pull_failures_kills_and_vanishing(self) -> None:
        self.start("Container pull-failure calls=1", "Container kill calls=1", "Container vanish calls=1")
        failed = self.client.wait_for(self.make("sleep", "60"), "FAILED")
        self.assertIn("Failed to pull image", failed["lifecycleDetails"])
        killed = self.client.wait_for(self.make("sleep", "60"), "INACTIVE")
        container = self.client.container(killed["containers"][0]["containerId"]).json
        self.assertEqual(container["exitCode"], 137)
        gone = self.make("sleep", "60")
        while self.client.instance(gone).status != 404:
            pass

    def test_capacity_can_fail_late_by_a_switch(self) -> None:
        self.start("CreateContainerInstance capacity", arguments=("--fast", "--switch", "capacity-where=work-request"))
        failed = self.client.wait_for(self.make("true"), "FAILED")
        self.assertEqual(failed["lifecycleDetails"], "Out of host capacity.")

    def test_virtual_time_shows_in_timestamps_and_takes_none(self) -> None:
        self.start(arguments=("--virtual",))
        began = time.monotonic()
        view = self.client.wait_for(self.make("true"), "INACTIVE")
        self.assertLess(time.monotonic() - began, 10)
        from datetime import datetime

        made, changed = (datetime.fromisoformat(view[name]) for name in ("timeCreated", "timeUpdated"))
        self.assertGreater((changed - made).total_seconds(), 45)


if __name__ == "__main__":
    unittest.main()

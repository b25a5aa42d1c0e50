# SPDX-License-Identifier: Apache-2.0
"""Listings of instances that show the past, over the wire."""

from __future__ import annotations

import json
import sys
import time
import unittest
import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import Any, cast

from support import HERE, EmulatorProcess

sys.path.insert(0, str(HERE.parent))

from oci_emulator.instances import Instance
from oci_emulator.listing_lag import ListingLag

LAG = 4.0


class Watched(Instance):
    """Counts each look at anything of any of them."""

    looks = 0

    def __getattribute__(self, name: str) -> Any:
        Watched.looks += 1
        return super().__getattribute__(name)


class LateListings(unittest.TestCase):
    def setUp(self) -> None:
        options = ("--fast", "--runtime", "pool", "--deleted-visible-seconds", "0", "--fault-seed", "7")
        self.emulator = EmulatorProcess(*options, "--listing-lag-seconds", str(LAG))
        self.addCleanup(self.emulator.close)
        self.client = self.emulator.client()
        self.addCleanup(self.client.connection.close)

    def listed(self) -> dict[str, str]:
        compartment = self.client.environment["OCI_COMPARTMENT_ID"]
        answer = self.client.call("GET", f"/20210415/containerInstances?compartmentId={compartment}")
        return {item["id"]: item["lifecycleState"] for item in answer.json["items"]}

    def await_listed(self, expected: set[str]) -> None:
        ends = time.monotonic() + 10
        while (listed := set(self.listed())) != expected:
            self.assertLess(time.monotonic(), ends, f"{listed} are listed, not {expected}")
            time.sleep(0.01)

    def made(self) -> str:
        body = self.client.create_body()
        body["containers"][0]["command"] = ["sleep", "60"]
        return self.client.create(body).json["id"]

    def tell(self, method: str, path: str, body: object) -> None:
        """Asks something of the local OCI itself."""
        url = f"{self.emulator.environment['OCI_EMULATOR_URL']}/{path}"
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
        urllib.request.urlopen(request, timeout=10).close()

    def set_lag(self, seconds: object) -> None:
        self.tell("PUT", "listing-lag", {"seconds": seconds})

    def test_new_instances_and_their_ends_are_listed_late_and_asked_for_by_name_at_once(self) -> None:
        # The seed has listings learn of the first after 0.05 of the lag, and of the second after 0.66 of it.
        early, late = self.made(), self.made()
        self.assertEqual({self.client.instance(one).status for one in (early, late)}, {200})
        self.await_listed({early})
        self.await_listed({early, late})
        for one in (early, late):
            self.client.wait_for(one, "ACTIVE")
            self.client.call("DELETE", f"/20210415/containerInstances/{one}")
        while 200 in {self.client.instance(one).status for one in (early, late)}:
            time.sleep(0.01)
        # Neither is there any more, and a listing shows one for a while.
        self.await_listed({late})
        self.await_listed(set())

    def test_each_instance_has_its_own_lag_which_the_seed_decides(self) -> None:
        def lags(seed: int) -> list[float]:
            lag = ListingLag(10, seed)
            return [lag.of(cast(Instance, SimpleNamespace(number=number))) for number in range(20)]

        self.assertEqual(lags(7), lags(7))
        self.assertNotEqual(lags(7), lags(8))
        self.assertEqual(len(set(lags(7))), 20)
        self.assertTrue(all(0 <= lag <= 10 for lag in lags(7)))

    def test_records_that_are_placed_have_been_there_for_long(self) -> None:
        self.tell("POST", "deleted-instances", {"count": 3, "create": self.client.create_body()})
        self.assertEqual(list(self.listed().values()), ["DELETED"] * 3)

    def test_what_another_state_has_is_not_looked_at(self) -> None:
        lag = ListingLag(0, 7)

        def made(number: int, *states: str) -> Watched:
            instance = Watched({}, "tenancy", 0, "FAULT-DOMAIN-1", number, on_move=lag.note)
            for state in states:
                instance.move(state, 0)
            return instance

        active = {made(number, "ACTIVE").identifier for number in range(3)}
        for number in range(1000):
            made(number, "ACTIVE", "DELETED")
        forgotten = made(0, "ACTIVE")
        lag.forget(forgotten)
        # The first one finds what has changed.
        self.assertEqual(len(lag.shown()), 1003)
        Watched.looks = 0
        self.assertEqual({one.identifier for one, _ in lag.shown("ACTIVE")}, active)
        self.assertEqual({one.identifier for one in lag.living()}, active)
        self.assertLess(Watched.looks, 30)

    def test_a_longer_lag_shows_the_past_of_what_was_shown_as_it_is(self) -> None:
        lag = ListingLag(0, 7)
        instance = Instance({}, "tenancy", 0, "FAULT-DOMAIN-1", 1, on_move=lag.note)
        self.assertEqual([one for one, _ in lag.shown("CREATING")], [instance])
        lag.set_seconds(1e9)
        self.assertEqual(lag.shown(), [])

    def test_the_lag_can_be_changed_while_it_runs(self) -> None:
        self.set_lag(60)
        instance = self.made()
        self.assertEqual(self.listed(), {})
        self.set_lag(0)
        self.assertIn(instance, self.listed())
        for wrong in ("much", -1, True, None):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                self.set_lag(wrong)
            self.assertEqual(caught.exception.code, 400)
            caught.exception.close()


if __name__ == "__main__":
    unittest.main()

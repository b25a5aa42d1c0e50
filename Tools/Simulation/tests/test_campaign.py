# SPDX-License-Identifier: Apache-2.0
"""Many runs: in which order, until when, what is shown of those that fail, and the table."""

from __future__ import annotations

import itertools
import sys
import threading
import time
import unittest
from collections import Counter
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import campaign
from campaign import Campaign, Work, first_difference, table, work
from kept import Kept
from runs import Case, Failure, Result
from simulate import missing_marks

PROFILES = ["calm", "storm", "swarm"]


class FakeRunner:
    """Fails as the test says; every run has 100 tasks."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.failures: dict[int, Failure] = {}
        #: Seeds that run otherwise elsewhere.
        self.unsteady: set[int] = set()
        self.running, self.most = 0, 0
        self.lock = threading.Lock()

    def run(self, case: Case) -> Result:
        with self.lock:
            self.cases.append(case)
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(0.001)
        with self.lock:
            self.running -= 1
        failure = self.failures.get(case.seed)
        tasks = 0 if failure else 100
        return Result(case, failure, 1000, "ab", 3600, 0.5, 1000, tasks, tasks)

    def run_elsewhere(self, case: Case) -> Result:
        result = self.run(case)
        return Result(case, None, 1001, "cd") if case.seed in self.unsteady else result


class Campaigns(unittest.TestCase):
    """Runs of a fake simulation."""

    def setUp(self) -> None:
        self.runner = FakeRunner()
        self.shown: list[tuple[Work, Result, bool]] = []
        self.campaign = Campaign(self.runner, lambda *told: self.shown.append(told), cores=3)

    def run_work(self, count: int, kept: list[Kept] | None = None, seconds: float = 60) -> None:
        works = work(kept or [], PROFILES, 1000, None)
        self.campaign.run(itertools.islice(works, count), time.monotonic() + seconds)

    def test_each_seed_has_the_next_profile_and_another_order_of_hashing(self) -> None:
        self.run_work(9)
        first = {case.seed: case for case in self.runner.cases}
        self.assertEqual([first[1000 + number].profile for number in range(4)], [*PROFILES, "calm"])
        self.assertEqual(len({case.hash_seed for case in first.values()}), 9)
        self.assertLessEqual(self.runner.most, 3)

    def test_kept_seeds_come_first_even_when_there_is_no_time(self) -> None:
        kept = [Kept(Case("crash", number, 1, 10), "it did") for number in range(5)]
        self.run_work(100, kept, seconds=-1)
        self.assertEqual(sorted(case.seed for case in self.runner.cases), [0, 1, 2, 3, 4])

    def test_a_long_run_must_have_reached_every_mark(self) -> None:
        self.run_work(10)
        self.campaign.marks.update({"seen": 2})
        text = "# of the log\nseen\nnot seen\n"
        with mock.patch("simulate.MARKS_TASKS", 2000):
            self.assertEqual(missing_marks(self.campaign, text), [])
        with mock.patch("simulate.MARKS_TASKS", 1000):
            self.assertEqual(missing_marks(self.campaign, text), ["not seen"])

    def test_one_in_twenty_is_run_twice_and_every_profile_has_its_turn(self) -> None:
        some = list(itertools.islice(work([], PROFILES, 0, None), 3000))
        twice = Counter(one.case.profile for one in some if one.is_repeated)
        self.assertTrue(some[0].is_repeated)
        self.assertAlmostEqual(twice.total(), 150, delta=15)
        for profile in PROFILES:
            self.assertAlmostEqual(twice[profile], 50, delta=15)

    def test_a_run_that_is_another_one_elsewhere_has_failed(self) -> None:
        self.runner.unsteady = {1000}
        self.run_work(1)
        (_, result, is_new), = self.shown
        self.assertTrue(is_new)
        self.assertEqual(result.failure and result.failure.judge, campaign.REPEATS)
        self.assertEqual(self.campaign.total.failures, 1)

    def test_of_failures_of_one_kind_in_one_profile_the_first_is_new(self) -> None:
        self.runner.failures = {seed: Failure("runs", f"task {seed} ran twice") for seed in (1001, 1004, 1005)}
        self.run_work(9)
        self.assertEqual(len(self.shown), 3)
        new = sorted(one.case.profile for one, _, is_new in self.shown if is_new)
        self.assertEqual(new, ["storm", "swarm"])

    def test_it_goes_on_after_a_failure_and_stops_after_enough(self) -> None:
        self.runner.failures = {seed: Failure("runs", "twice") for seed in range(1000, 3000)}
        self.run_work(500)
        self.assertGreaterEqual(self.campaign.failures, campaign.FAILURES_MAX)
        self.assertLess(self.campaign.failures, campaign.FAILURES_MAX + 3)

    def test_the_table_has_a_row_for_each_profile_and_their_sum(self) -> None:
        self.runner.failures = {1001: Failure("runs", "twice")}
        self.run_work(6)
        head, *rows = (line.split() for line in self.campaign.lines())
        self.assertEqual(head[0], "profile")
        self.assertEqual([row[0] for row in sorted(rows)], ["all", *PROFILES])
        all_of_it = next(row for row in rows if row[0] == "all")
        # Tasks a CPU second are those of the runs that say how many they had.
        self.assertEqual(all_of_it, ["all", "6", "500", "500", "6", "h", "0", "min", "6,000", "200", "1"])


class Texts(unittest.TestCase):
    """What is printed."""

    def test_columns_are_as_wide_as_their_widest(self) -> None:
        lines = table([["a", "tasks", "x"], ["long", "5", "y"]], left=(0, 2))
        self.assertEqual(lines, ["a     tasks  x", "long      5  y"])

    def test_durations_have_two_units(self) -> None:
        said = [campaign.duration(seconds) for seconds in (90, 3 * 3600 + 60, 50 * 3600)]
        self.assertEqual(said, ["2 min", "3 h 1 min", "2 d 2 h"])

    def test_the_first_difference_of_two_traces_comes_behind_what_they_share(self) -> None:
        shared = [f"event {number}" for number in range(20)]
        lines = first_difference(iter([*shared, "one", "more"]), iter([*shared, "other", "more"]), before=2)
        self.assertEqual(lines, ["  event 18", "  event 19", "- one", "+ other"])
        self.assertEqual(first_difference(iter(shared), iter([*shared, "x"]), 1), ["  event 19", "- (the end)", "+ x"])

    def test_two_traces_that_differ_in_their_cpu_time_are_the_same(self) -> None:
        one, other = (["event", f"seed 1 events 1 cpu {cpu} faults 0"] for cpu in (1, 2))
        self.assertEqual(first_difference(iter(one), iter(other)), [])


if __name__ == "__main__":
    unittest.main()

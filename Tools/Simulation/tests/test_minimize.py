# SPDX-License-Identifier: Apache-2.0
"""`Tools/simulate --minimize` finds the least that still fails, whatever the world does without the rest."""

from __future__ import annotations

import random
import sys
import unittest
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from minimize import Minimizer
from runs import Case, Failure, Result

SEED = 7


class World:
    """A simulation that fails with `needed` faults and `least` tasks; some of the other faults follow from others."""

    def __init__(self, needed: set[str], least: int, faults: int = 200) -> None:
        self.needed, self.least = needed, least
        self.every = [f"slow/{number}/0" for number in range(faults)]
        self.runs = 0
        #: What fails instead where the faults are these.
        self.other: Callable[[set[str]], bool] = lambda struck: False

    def run(self, case: Case) -> Result:
        self.runs += 1
        struck = [fault for fault in self.every if case.only is None or fault in case.only]
        # A fault may need another one before it has its chance at all.
        struck = [fault for at, fault in enumerate(struck) if at % 3 or fault in self.needed or case.only is None]
        failure = None
        if self.other(set(struck)):
            failure = Failure("crash", "something else")
        elif self.needed <= set(struck) and (case.tasks or 400) >= self.least:
            failure = Failure("replies", f"{case.tasks} tasks, two replies")
        return Result(case, failure, faults=tuple(struck))

    def smallest(self, runs_max: int = 1000) -> Result:
        return Minimizer(self.run, runs_max, lambda text: None).smallest(self.run(Case("crash", 1, 2, 400)))


class Minimizing(unittest.TestCase):
    """A fake simulation whose least failing case is known."""

    def test_two_faults_of_many_and_few_tasks_are_left(self) -> None:
        world = World({"slow/17/0", "slow/180/0"}, 7)
        smallest = world.smallest()
        self.assertEqual(set(smallest.faults), world.needed)
        self.assertEqual(smallest.case.only, smallest.faults)
        self.assertEqual(smallest.case.tasks, 7)
        self.assertLess(world.runs, 150)

    def test_where_no_fault_is_needed_none_is_left(self) -> None:
        smallest = World(set(), 1).smallest()
        self.assertEqual((smallest.case.tasks, smallest.case.only), (1, ()))

    def test_where_all_is_needed_all_is_kept(self) -> None:
        world = World({f"slow/{number}/0" for number in range(20)}, 400, faults=20)
        smallest = world.smallest()
        self.assertEqual(set(smallest.faults), world.needed)
        self.assertEqual(smallest.case.tasks, 400)

    def test_what_another_judge_finds_does_not_count(self) -> None:
        world = World({"slow/17/0", "slow/180/0"}, 7)
        world.other = lambda struck: len(struck) < 5
        smallest = world.smallest()
        self.assertEqual(smallest.failure and smallest.failure.judge, "replies")
        self.assertGreaterEqual(len(smallest.faults), 5)
        self.assertLessEqual(world.needed, set(smallest.faults))

    def test_it_ends_after_so_many_runs_with_what_it_has(self) -> None:
        for runs_max in (0, 1, 10):
            world = World({"slow/17/0", "slow/180/0"}, 7)
            smallest = world.smallest(runs_max)
            self.assertLessEqual(world.runs, runs_max + 1)
            self.assertIsNotNone(smallest.failure)

    def test_what_it_finds_fails_when_it_is_run_again(self) -> None:
        chance = random.Random(SEED)
        for _ in range(30):
            needed = {f"slow/{chance.randrange(200)}/0" for _ in range(chance.randrange(5))}
            world = World(needed, chance.randrange(1, 400))
            smallest = world.smallest()
            again = world.run(smallest.case)
            self.assertIsNotNone(again.failure, f"seed {SEED}: {smallest.case}")
            self.assertEqual(set(smallest.faults), needed)


if __name__ == "__main__":
    unittest.main()

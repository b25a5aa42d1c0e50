# SPDX-License-Identifier: Apache-2.0
"""How `Tools/soak` tells a leak from what goes up and down."""

from __future__ import annotations

import random
import sys
import unittest
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from slope import Series, levels

SEED = 7


class Slope(unittest.TestCase):
    """Ten minutes of samples, noise and all."""

    def series(self, value: Callable[[int], float]) -> Series:
        series = Series("memory", "MB", 4)
        noise = random.Random(SEED)
        for second in range(0, 600, 2):
            series.add(second, value(second) + noise.uniform(-3, 3))
        return series

    def test_what_goes_up_and_down_or_up_at_first_does_not_grow(self):
        self.assertFalse(self.series(lambda second: 20 + second % 60 / 10).grows)
        self.assertFalse(self.series(lambda second: 20 + min(second, 120) / 10).grows)
        self.assertFalse(self.series(lambda second: 40 - second / 60).grows)

    def test_bursts_that_become_larger_do_not_count_but_what_lies_between_them(self):
        def burst(second):
            return second / 10 if second % 20 < 5 else 0

        self.assertFalse(self.series(lambda second: 8 + burst(second)).grows)
        self.assertTrue(self.series(lambda second: 8 + burst(second) + second / 60).grows)

    def test_a_leak_grows(self):
        leaking = self.series(lambda second: 20 + second / 60)
        self.assertTrue(leaking.grows)
        self.assertAlmostEqual(leaking.per_hour, 60, delta=12)

    def test_what_is_shown_are_levels_and_no_slopes(self) -> None:
        memory, timers = self.series(lambda second: 20 + second / 60), Series("timers", "", 12)
        for second in range(0, 600, 2):
            timers.add(second, 8 if second < 400 else 54)
        lines = levels([memory, timers], [12.2, 7], [11.4, 7])
        self.assertEqual(lines[0], "with nothing to do, before and after: memory 12 -> 11, timers 7 -> 7")
        self.assertRegex(lines[1], r"^at work: memory \d+ to \d+, timers 8 to 54$")
        self.assertNotIn("an hour", "".join(lines))
        self.assertTrue(memory.grows, "it is judged all the same")

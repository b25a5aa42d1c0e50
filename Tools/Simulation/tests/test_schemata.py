# SPDX-License-Identifier: Apache-2.0
"""Functions that hold the variants of several mutants choose between them by number."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from schemata import CannotChoose, changes, choosing

SOUND = """\
struct Counter {
    private let step = 1

    package var isEmpty: Bool { count == 0 }

    func add(
        _ number: Int,
        twice: Bool
    ) -> Int {
        let sum = count + number
        return twice ? sum + number : sum
    }

    var half: Int {
        get { count / 2 }
    }
}
"""


def mutated(old: str, new: str) -> str:
    assert old in SOUND
    return SOUND.replace(old, new)


class Choices(unittest.TestCase):
    """A file of one type."""

    def chosen(self, *pairs: tuple[str, str]) -> str:
        numbered = enumerate(pairs, 7)
        variants = [(number, change) for number, pair in numbered for change in changes(SOUND, mutated(*pair))]
        return choosing(SOUND, variants)

    def test_each_variant_of_a_function_has_its_number(self) -> None:
        text = self.chosen(("count + number", "count"), ("sum + number", "sum"))
        self.assertIn("if simulationMutant() == 7 {\n        let sum = count\n", text)
        self.assertIn("} else\nif simulationMutant() == 8 {\n        let sum = count + number\n", text)
        self.assertEqual(text.count("return twice ? sum : sum"), 1)
        self.assertEqual(text.count("return twice ? sum + number : sum"), 2)

    def test_a_lone_expression_is_returned(self) -> None:
        text = self.chosen(("count == 0", "count == 1"))
        self.assertIn(
            "    package var isEmpty: Bool {\nif simulationMutant() == 7 {\nreturn count == 1\n} else\n", text
        )
        self.assertIn("return count == 0\n}\n}\n", text)

    def test_what_is_in_no_body_cannot_be_chosen(self) -> None:
        for pair in (("step = 1", "step = 2"), ("count / 2", "count"), ("_ number: Int", "_ number: Int8")):
            with self.subTest(pair[0]), self.assertRaises(CannotChoose):
                changes(SOUND, mutated(*pair))


if __name__ == "__main__":
    unittest.main()

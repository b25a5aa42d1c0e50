# SPDX-License-Identifier: Apache-2.0
"""`Tools/mutants` counts tasks until a mutant is found, and takes nothing for found that fails without it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import mutants
from mutants import CannotMutate, Copy, Found, Mutant, Search, Verdict
from runs import Case, Failure, Result

PATCH = """\
Breaks: one is
    one.
diff --git a/Sources/One.swift b/Sources/One.swift
--- a/Sources/One.swift
+++ b/Sources/One.swift
@@ -1,2 +1,2 @@
-let one = 1
+let one = 2
 let two = 2
"""


class FakeRunner:
    """Fails at these seeds."""

    def __init__(self, *seeds: int) -> None:
        self.seeds = seeds

    def run(self, case: Case) -> Result:
        return Result(case, Failure("runs", "twice") if case.seed in self.seeds else None)


def search(mutated: FakeRunner, sound: FakeRunner, tasks_max: int = 4000) -> Search:
    return Search(mutated, sound, ["calm", "storm"], tasks_max, cores=4)


class Searching(unittest.TestCase):
    """Runs of a fake simulation."""

    def test_it_counts_the_tasks_of_the_runs_until_the_first_that_fails(self) -> None:
        found = search(FakeRunner(7, 6, 1_000_001), FakeRunner()).run(1)
        assert found is not None
        self.assertEqual((found.result.case.seed, found.result.case.profile), (6, "storm"))
        # Of the second seed the first run fails, of the third none.
        self.assertEqual(found.tasks, [6 * mutants.TASKS, mutants.TASKS])

    def test_what_fails_without_the_mutant_is_not_found(self) -> None:
        looked = search(FakeRunner(3), FakeRunner(3))
        self.assertIsNone(looked.run(1))
        self.assertEqual([case.seed for case, _ in looked.unsound], [3])

    def test_it_gives_up_after_so_many_tasks(self) -> None:
        self.assertIsNone(search(FakeRunner(50), FakeRunner(), tasks_max=20 * mutants.TASKS).run(1))


class Patches(unittest.TestCase):
    """A checkout with two files, its copy and a patch."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root = self.folder / "root"
        self.write("Sources/One.swift", "let one = 1\nlet two = 2\n")
        self.write("Package.swift", "// none\n")
        (self.root / "Sources" / "Link").symlink_to("nowhere")
        for words in (["init", "-q"], ["add", "-A"]):
            subprocess.run(["git", *words], cwd=self.root, check=True)
        # As in a checkout, the copy lies inside of another repository.
        self.copy = Copy(self.root / ".build" / "mutants", self.root)
        self.write(".gitignore", ".build/\n")

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def mutant(self, text: str = PATCH) -> Mutant:
        return Mutant.read(self.write("one-is-two.patch", text))

    def test_the_head_says_what_it_breaks(self) -> None:
        mutant = self.mutant()
        self.assertEqual((mutant.name, mutant.breaks, mutant.not_found), ("one-is-two", "one is one.", None))
        self.assertEqual(mutant.files, ("Sources/One.swift",))

    def test_the_head_says_which_test_finds_what_no_run_does(self) -> None:
        head = "Breaks: one is one.\nNot found: nobody counts.\n"
        with self.assertRaisesRegex(ValueError, "both"):
            self.mutant(head + PATCH[PATCH.index("diff") :])
        text = head + "Unit test: Tests/OneTests.swift: one is\n    one\n" + PATCH[PATCH.index("diff") :]
        mutant = self.mutant(text)
        self.assertEqual(mutant.not_found, "nobody counts.")
        self.assertEqual(mutant.unit_test, ("Tests/OneTests.swift", "one is one"))
        self.assertFalse(mutant.has_its_test(self.root))
        self.write("Tests/OneTests.swift", "@Test func `one is one too`() {}\n")
        self.assertFalse(mutant.has_its_test(self.root))
        verdict = mutants.verdict_of(mutant, search(FakeRunner(), FakeRunner()), 1)
        self.assertIn("FAILED: Tests/OneTests.swift has no test 'one is one'", verdict.cells()[-1])
        self.write("Tests/OneTests.swift", "@Test func `one is one`() {}\n")
        self.assertTrue(mutant.has_its_test(self.root))
        self.assertIn("finds it: one is one", Verdict(mutant, None, tasks_max=1).cells()[-1])

    def test_every_mutant_that_no_run_notices_is_noticed_by_a_test_that_is_there(self) -> None:
        everything = mutants.chosen([])
        self.assertGreaterEqual(len(everything), 20)
        self.assertEqual([mutant.name for mutant in everything if not mutant.has_its_test()], [])

    def test_the_head_says_where_to_look(self) -> None:
        text = (
            "Breaks: one is one.\nProfile: churn, calm\nWith: killed=1,\n    slow=0.5\n\n"
            + PATCH[PATCH.index("diff") :]
        )
        looked = search(FakeRunner(), FakeRunner(), tasks_max=4 * mutants.TASKS)
        looked.look_for(self.mutant(text))
        with mock.patch.object(looked.mutated, "run", side_effect=Result) as run:
            looked.once(1)
        seen = [call.args[0] for call in run.call_args_list]
        self.assertEqual(sorted({case.profile for case in seen}), ["calm", "churn"])
        self.assertEqual({case.numbers for case in seen}, {("killed=1", "slow=0.5")})
        looked.is_told = True
        looked.look_for(self.mutant(text))
        self.assertEqual(looked.profiles, ["calm", "storm"])

    def test_a_patch_without_a_sentence_is_none(self) -> None:
        with self.assertRaisesRegex(ValueError, "no line 'Breaks"):
            self.mutant(PATCH[PATCH.index("diff") :])

    def test_a_patch_changes_the_copy_and_nothing_else_and_is_taken_back(self) -> None:
        self.copy.restore()
        self.copy.apply(self.mutant())
        one, package = self.copy.tree / "Sources" / "One.swift", self.copy.tree / "Package.swift"
        self.assertIn("one = 2", one.read_text())
        self.assertIn("one = 1", (self.root / "Sources" / "One.swift").read_text())
        before = package.stat().st_mtime_ns
        self.copy.restore()
        self.assertIn("one = 1", one.read_text())
        self.assertEqual(package.stat().st_mtime_ns, before, "what is the same is not built again")
        self.assertTrue((self.copy.tree / "Sources" / "Link").is_symlink())

    def test_what_is_changed_but_not_committed_and_what_is_gone_is_copied_too(self) -> None:
        self.copy.restore()
        self.write("Sources/New.swift", "let new = 1\n")
        self.write("Sources/One.swift", "let one = 3\n")
        (self.root / "Package.swift").unlink()
        self.copy.restore()
        self.assertEqual((self.copy.tree / "Sources" / "One.swift").read_text(), "let one = 3\n")
        self.assertTrue((self.copy.tree / "Sources" / "New.swift").exists())
        self.assertFalse((self.copy.tree / "Package.swift").exists())

    def test_a_patch_that_does_not_apply_is_a_failure(self) -> None:
        mutant = self.mutant()
        self.write("Sources/One.swift", "let one = 7\n")
        verdict = mutants.judge(mutant, self.copy, search(FakeRunner(), FakeRunner()), 1)
        self.assertFalse(verdict.is_good)
        self.assertIn("FAILED: the patch does not apply", verdict.cells()[-1])

    def test_a_mutant_that_does_not_build_is_a_failure(self) -> None:
        problem = CannotMutate("it does not build")
        with mock.patch.object(Copy, "build", side_effect=problem):
            verdict = mutants.judge(self.mutant(), self.copy, search(FakeRunner(), FakeRunner()), 1)
        self.assertFalse(verdict.is_good)

    def test_what_is_not_found_is_good_only_where_the_head_says_why(self) -> None:
        mutant = self.mutant()
        test = ("Tests/OneTests.swift", "one is one")
        excused = replace(mutant, not_found="nobody counts.", unit_test=test)
        found = Found(Result(Case.of("calm", 3), Failure("runs", "twice")), [200, 400, 1000])
        self.assertEqual(
            [verdict.is_good for verdict in (Verdict(mutant), Verdict(excused), Verdict(mutant, found))],
            [False, True, True],
        )
        self.assertFalse(Verdict(excused, found).is_good, "a head that is wrong must be mended")
        lines = mutants.lines([Verdict(mutant, found), Verdict(excused)])
        self.assertEqual(lines[1].split(), ["one-is-two", "runs", "calm", "3", "400", "(median", "of", "3)"])
        self.assertIn("nobody counts.", lines[2])

    def test_every_mutant_of_the_checkout_has_its_sentence(self) -> None:
        for mutant in mutants.chosen([]):
            self.assertTrue(mutant.breaks.endswith("."), mutant.name)


if __name__ == "__main__":
    unittest.main()

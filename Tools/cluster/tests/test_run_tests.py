# SPDX-License-Identifier: Apache-2.0
"""`Tools/test` ends whatever a test does: what hangs is killed with all that it started, and its stacks are shown."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tempfile
import textwrap
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import run_tests
import watch
from run_tests import Outcome, Run, Stage

#: A planted program would run for so long.
HANGS = 600
#: Far more than any run here takes, and far less than that.
ENDS_WITHIN = 60


class RunTestCase(unittest.TestCase):
    """Stages of planted programs, and what the run prints of them."""

    def setUp(self) -> None:
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(run_tests, "LOGS", self.directory))

    def plant(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(textwrap.dedent(text))
        return path

    def run_stages(self, *stages: Stage, seconds: float = ENDS_WITHIN) -> tuple[Outcome, str]:
        began = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            outcome = run_tests.run_in_lanes(list(stages), Run(began + seconds))
        self.assertLess(time.monotonic() - began, ENDS_WITHIN)
        return outcome, printed.getvalue()

    def passing(self, name: str = "passing", lane: str | None = None) -> Stage:
        return Stage(name, [sys.executable, "-c", ""], lane=lane)

    def planted(self, body: str, quiet_seconds: float) -> Stage:
        self.plant("test_planted.py", body)
        command = [*watch.PYTHON_TESTS, "-s", str(self.directory)]
        return Stage(
            "planted", command, run_tests.UNITTESTS, progress=watch.UNITTEST, quiet_seconds=quiet_seconds, seconds=50
        )


class HangingStage(RunTestCase):
    """A program that never ends, with a thread, and a child that has a session of its own."""

    PROGRAM = f"""
        import subprocess, sys, threading, time

        def wait_in_a_thread():
            time.sleep({HANGS})

        threading.Thread(target=wait_in_a_thread).start()
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep({HANGS})"], start_new_session=True)
        print("child", child.pid, flush=True)
        time.sleep({HANGS})
    """

    def stage(self, lane: str | None = None) -> Stage:
        program = self.plant("program.py", self.PROGRAM)
        return Stage("hanging", [sys.executable, "-X", "faulthandler", str(program)], lane=lane, seconds=3)

    def assert_is_told(self, printed: str, why: str) -> None:
        self.assertIn(f"hanging: FAILED, {why}", printed)
        # gdb's, of each thread, and Python's own.
        self.assertGreaterEqual(len(re.findall(r"^Thread \d+ \(", printed, re.MULTILINE)), 2, printed)
        self.assertRegex(printed, r'File "\S+program.py", line \d+ in wait_in_a_thread')
        self.assertRegex(printed, r'File "\S+program.py", line \d+ in <module>')
        child = int(re.findall(r"child (\d+)", printed)[0])
        self.assertFalse(watch.is_alive(child), "the child outlived its stage")

    def test_it_is_killed_with_all_that_it_started_and_the_run_goes_on(self) -> None:
        outcome, printed = self.run_stages(self.stage(), self.passing())
        self.assert_is_told(printed, "it did not end within 3 s; killed after 3 s")
        self.assertIn("passing: ok", printed)
        self.assertEqual((outcome.passed, outcome.failed), (1, 1))

    def test_the_limit_of_the_whole_run_ends_it_too_and_what_follows_has_failed(self) -> None:
        stage = self.stage("a lane")
        stage.seconds = HANGS
        outcome, printed = self.run_stages(stage, self.passing("late", "a lane"), seconds=3)
        self.assert_is_told(printed, "it did not end within 3 s")
        self.assertIn("late: FAILED, the run was over before it began", printed)
        self.assertEqual((outcome.passed, outcome.failed), (0, 2))

    def test_who_interrupts_the_run_leaves_nothing_behind(self) -> None:
        stage, run = self.stage("a lane"), Run(time.monotonic() + ENDS_WITHIN)
        stage.seconds = HANGS
        log = self.directory / "hanging.log"

        def interrupt() -> None:
            while not (log.exists() and "child" in log.read_text()):
                time.sleep(0.05)
            run.is_interrupted.set()

        threading.Thread(target=interrupt).start()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            run_tests.run_in_lanes([stage], run)
        self.assert_is_told(printed.getvalue(), "it was interrupted")


class FailingStage(RunTestCase):
    """A stage that fails stops nothing but those that would tell nothing without it."""

    def test_all_failures_are_told(self) -> None:
        failing = Stage("failing", [sys.executable, "-c", "raise SystemExit('its last words')"])
        needing = Stage("needing", [sys.executable, "-c", ""], needs="failing")
        outcome, printed = self.run_stages(failing, needing, self.passing())
        self.assertIn("its last words", printed)
        self.assertIn("needing: FAILED, the failing failed", printed)
        self.assertIn("passing: ok", printed)
        self.assertEqual((outcome.passed, outcome.failed), (1, 2))

    def test_the_ends_of_the_logs_are_shown_whatever_else_was_said(self) -> None:
        said = [f"daemon.log: word {number}" for number in range(40)] + ["scheduler.log: Error"]
        text = "\n".join([*said, *["FAIL: one of many"] * 40, *(f"line {number}" for number in range(40))])
        failing = Stage("failing", [sys.executable, "-c", f"print({text!r}); raise SystemExit(1)"])
        _, printed = self.run_stages(failing)
        self.assertIn("FAIL: one of many", printed)
        self.assertEqual([line for line in printed.splitlines() if ".log: " in line], said)


class HangingTest(RunTestCase):
    """One test of a stage that waits for ever."""

    def test_its_name_and_stacks_are_told_and_what_had_passed_counts(self) -> None:
        outcome, printed = self.run_stages(
            self.planted(
                f"""
                import time, unittest

                class Planted(unittest.TestCase):
                    def test_1_passes(self):
                        pass

                    def test_2_hangs(self):
                        time.sleep({HANGS})

                    def test_3_is_never_reached(self):
                        pass
                """,
                quiet_seconds=3,
            )
        )
        self.assertIn("no test started or ended for 3 s; running: test_planted.Planted.test_2_hangs", printed)
        self.assertRegex(printed, r'File "\S+test_planted.py", line \d+ in test_2_hangs')
        self.assertEqual((outcome.passed, outcome.failed), (1, 1))

    def test_tests_that_take_long_but_move_are_left_alone(self) -> None:
        outcome, printed = self.run_stages(
            self.planted(
                """
                import time, unittest

                class Planted(unittest.TestCase):
                    def test_1(self):
                        "Has a sentence of its own."
                        print("told by the test")
                        time.sleep(1.4)

                    def test_2(self):
                        time.sleep(1.6)

                    @unittest.skip("here")
                    def test_3(self):
                        pass

                    def test_4(self):
                        time.sleep(1.4)
                """,
                quiet_seconds=4,
            )
        )
        self.assertEqual((outcome.passed, outcome.failed), (4, 0), printed)
        times = {test.rpartition(".")[2]: seconds for seconds, test, _ in outcome.tests}
        self.assertEqual(set(times), {"test_1", "test_2", "test_3", "test_4"})
        self.assertAlmostEqual(times["test_2"], 1.6, delta=1)


class SwiftTests(unittest.TestCase):
    """What Swift Testing prints."""

    STARTED = (
        "◇ Test run started.\n◇ Suite A started.\n"
        '◇ Test "one" started.\n◇ Test two() started.\n◇ Test "with cases" started.\n'
    )

    def test_what_runs_is_what_has_started_and_not_ended(self) -> None:
        progress = watch.Progress(watch.SWIFT)
        progress.feed(self.STARTED + "◇ Test case pass", 1)
        self.assertEqual(list(progress.running), ['"one"', "two()", '"with cases"'])
        progress.feed('ing 1 argument → 3 to "with cases" started.\n✔ Test "one" passed after 0.1 seconds.\n', 2)
        progress.feed('✘ Test "with cases" with 5 test cases failed after 0.1 seconds with 1 issue.\n', 3)
        self.assertEqual(list(progress.running), ["two()"])
        self.assertEqual(progress.seconds, {'"one"': 1, '"with cases"': 2})
        self.assertEqual((progress.passed, progress.changed_at), (1, 3))
        progress.feed("Suite A is still at it\n", 4)
        self.assertEqual(progress.changed_at, 3)


class EndToEndStages(unittest.TestCase):
    """Which stage runs which module."""

    def test_every_module_runs_once_over_zmq(self) -> None:
        stages = [stage for stage in run_tests.stages([]) if stage.environment.get("SCALER_NETWORK_BACKEND") == "zmq"]
        self.assertEqual(len(stages), 3)
        named = [word for stage in stages for word in stage.command if word.startswith("test_")]
        modules = (run_tests.ROOT / "Tests" / "EndToEnd").glob("test_*.py")
        self.assertEqual(sorted(named), sorted(f"{path.stem}.*" for path in modules))
        once = {f"test_{name}.*" for name in run_tests.SUBCOMMANDS + run_tests.VIEWS}
        self.assertLess(once, set(named))


class Times(unittest.TestCase):
    """What is said at the end."""

    def test_stages_and_tests_are_listed_with_the_slowest_first(self) -> None:
        tests = [(float(number), f"test_{number}", "long") for number in range(12)]
        lines = (Outcome(1, 0, [(3, "short")]) + Outcome(1, 0, [(200, "long")], tests)).times().splitlines()
        self.assertEqual([line.split() for line in lines[:2]], [["long", "200", "s"], ["short", "3", "s"]])
        self.assertEqual(lines[2], "the slowest tests:")
        self.assertEqual(lines[3].split(), ["11.0", "s", "test_11", "(long)"])
        self.assertEqual(len(lines), 3 + 10)

    def test_every_stage_has_a_limit_below_that_of_the_whole(self) -> None:
        for stage in run_tests.stages(["2.5.0"]):
            self.assertLess(stage.seconds, 60 * run_tests.ALL_MINUTES, stage.name)
            self.assertTrue(stage.counted is None or stage.progress or stage.seconds <= 600, stage.name)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""What decides a run, and what is read from what it says."""

from __future__ import annotations

import itertools
import sys
import tempfile
import textwrap
import unittest
import unittest.mock
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import kept
import runs
from runs import CannotRun, Case, Failure, Simulator, read

CASE = Case("crash", 17, 9, 40)
SAID = (
    "seed 17 profile crash events 2094 hash 9a49 simulated 716.5 seconds cpu 0.30 faults 7 memory 26928 KB:"
    " ok 100 tasks, 98 replies\n"
)
FAILED = SAID.replace("ok 100 tasks, 98 replies", "FAILED replies: task 3: two of them")


class WhatARunSays(unittest.TestCase):
    """The line at its end, or what a crash leaves."""

    def test_one_that_ended_well_says_what_it_did(self) -> None:
        result = read(CASE, f"faults killed/0/3,answerLost/12/0\n{SAID}", "", 0)
        self.assertIsNone(result.failure)
        self.assertEqual((result.events, result.hash, result.tasks, result.replies), (2094, "9a49", 100, 98))
        self.assertEqual((result.simulated_seconds, result.cpu_seconds, result.memory_kilobytes), (716.5, 0.3, 26928))
        self.assertEqual(result.faults, ("killed/0/3", "answerLost/12/0"))

    def test_one_that_failed_names_the_judge_and_says_what_it_found(self) -> None:
        result = read(CASE, f"faults \n{FAILED}", "", 1)
        self.assertEqual(result.failure, Failure("replies", "task 3: two of them"))
        self.assertEqual((result.events, result.faults), (2094, ()))

    def test_a_text_of_several_lines_is_read_to_its_end(self) -> None:
        result = read(CASE, FAILED + "of one client\n", "", 1)
        self.assertEqual(result.failure, Failure("replies", "task 3: two of them\nof one client"))

    def test_a_crash_is_known_by_its_message_and_never_passes(self) -> None:
        said = "CloudLedger.swift:3: Fatal error: no such slot\n*** Signal 4\n"
        for output in ("", SAID):
            result = read(CASE, output, said, -4)
            self.assertEqual(result.failure, Failure("crash", "SIGILL: Fatal error: no such slot"))
            self.assertIsNone(result.events)

    def test_a_crash_without_a_message_is_known_by_its_place(self) -> None:
        said = (
            "*** Swift runtime failure: precondition failure ***\n\nThread 0 crashed:\n\n"
            "  0 [inlined] [system] 0x000055e15c3effb7 Swift runtime failure in Simulate at //<compiler-generated>\n"
            "  1               0x55e15c3effb7 Ledger.released(_:at:) + 199 in Simulate at /a/Ledger+A.swift:7:38\n"
            "  2 [ra]               0x000055e15c178514 Driver.release(_:) + 99 in Simulate at /a/Driver.swift:217:24\n"
        )
        result, other = (read(CASE, "", said.replace("+A.swift:7", name), -4) for name in ("+A.swift:7", "+A.swift:9"))
        text = "SIGILL: Swift runtime failure: precondition failure, in Ledger.released(_:at:) at Ledger+A.swift:7"
        self.assertEqual(result.failure, Failure("crash", text))
        self.assertFalse(result.fails_like(other))
        self.assertTrue(result.fails_like(result))

    def test_a_run_that_was_ended_by_its_limits_fails(self) -> None:
        failure = read(CASE, "", "", -24).failure
        self.assertEqual(failure and failure.judge, "time")

    def test_silence_is_a_failure_whatever_the_exit_code(self) -> None:
        self.assertEqual(read(CASE, "", "", 0).failure, Failure("crash", "exit code 0: it said nothing at its end"))

    def test_wrong_options_are_nothing_that_the_simulation_found(self) -> None:
        with self.assertRaisesRegex(CannotRun, "no profile crash"):
            read(CASE, "Simulate: no profile crash\n", "", 64)

    def test_failures_that_differ_in_numbers_and_names_alone_are_of_one_kind(self) -> None:
        one, other = Failure("runs", "task 3 ran as job3-0, twice"), Failure("runs", "task 41 ran as job41-2, twice")
        self.assertEqual(one.kind, other.kind)
        self.assertNotEqual(one.kind, Failure("runs", "task 3 ran as job3-0, never").kind)
        self.assertNotEqual(one.kind, Failure("replies", one.text).kind)


class Cases(unittest.TestCase):
    """What decides a run, as options and as a kept line."""

    def test_the_hash_seed_follows_from_the_seed_and_is_named_only_where_it_does_not(self) -> None:
        self.assertEqual(Case.of("calm", 5).words(), ["--seed", "5", "--profile", "calm"])
        self.assertIn("--hash-seed", CASE.words())
        self.assertEqual(len({runs.hash_seed(seed) for seed in range(1000)}), 1000)

    def test_the_program_is_always_told_the_hash_seed_once(self) -> None:
        for case in (CASE, Case.of("calm", 5)):
            arguments = case.arguments()
            self.assertEqual(arguments.count("--hash-seed"), 1)
            self.assertEqual(arguments[arguments.index("--hash-seed") + 1], str(case.hash_seed))

    def test_no_fault_at_all_is_something_else_than_any_fault(self) -> None:
        self.assertNotIn("--only", CASE.words())
        self.assertEqual(replace(CASE, only=()).words()[-2:], ["--only", ""])
        self.assertEqual(replace(CASE, only=("killed/0/3",)).words()[-2:], ["--only", "killed/0/3"])

    def test_many_faults_are_given_in_arguments_of_a_bounded_length(self) -> None:
        faults = tuple(f"answerLost/{number}/0" for number in range(2500))
        words = replace(CASE, only=faults).words()
        given = [word for option, word in itertools.pairwise(words) if option == "--only"]
        self.assertEqual(len(given), 3)
        self.assertEqual(tuple(",".join(given).split(",")), faults)


class KeptSeeds(unittest.TestCase):
    """The file of seeds that found something."""

    def test_a_case_is_read_as_it_was_written(self) -> None:
        for case in (
            CASE,
            Case("swarm", 1, 2),
            replace(CASE, without=("killed/0/3", "slow/1/1")),
            replace(CASE, only=()),
            replace(CASE, only=("killed/0/3",)),
            replace(CASE, numbers=("outage=0.2", "containerCrashes=0.4"), without=("slow/1/1",)),
        ):
            self.assertEqual(kept.parse(kept.line(case, "It did so.")), [kept.Kept(case, "It did so.")])

    def test_comments_and_empty_lines_are_left_out(self) -> None:
        self.assertEqual(kept.parse("# profile seed\n\n   # more\n"), [])

    def test_a_line_that_is_none_is_told(self) -> None:
        for line in ("calm 1 2 # too short", "calm 1 2 - faults=slow/1/1 # what", "calm 1 2 -", "calm x 2 - # what"):
            with self.assertRaisesRegex(ValueError, "line 2 is no kept seed"):
                kept.parse(f"# head\n{line}")

    def test_the_file_of_the_checkout_can_be_read(self) -> None:
        kept.read()


class Programs(unittest.TestCase):
    """A planted program in place of the simulation."""

    def plant(self, text: str) -> Simulator:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        program = folder / "Simulate"
        program.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
        program.chmod(0o755)
        return Simulator(program)

    def test_the_end_of_a_trace_is_that_of_its_last_events(self) -> None:
        simulator = self.plant(
            f"""
            import sys
            first = sys.argv.index("--trace-from") if "--trace-from" in sys.argv else None
            if first:
                for event in range(int(sys.argv[first + 1]), 2094):
                    print(f"{{event:8}} 1.0 book replied")
            print({FAILED!r}, end="")
            sys.exit(1)
            """
        )
        lines = simulator.trace_end(simulator.run(CASE), 3)
        self.assertEqual([line.split()[0] for line in lines], ["2091", "2092", "2093", "seed"])

    def test_a_crash_has_a_trace_and_faults_too(self) -> None:
        simulator = self.plant(
            """
            import os, signal, sys
            if "--trace-from" in sys.argv:
                print("      12     58.892755 fault      strikes                killed/0/3", flush=True)
                print("      13     58.992755 daemon     ended                  killed", flush=True)
            print("Fatal error: no such slot", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGILL)
            """
        )
        result = simulator.run_with_faults(CASE)
        self.assertEqual(result.failure, Failure("crash", "SIGILL: Fatal error: no such slot"))
        self.assertEqual(result.faults, ("killed/0/3",))
        self.assertEqual(simulator.trace_end(result)[-2:][0].split()[-1], "killed")
        self.assertEqual(simulator.trace_end(result)[-1], "Fatal error: no such slot")

    def test_a_run_that_never_ends_is_ended(self) -> None:
        simulator = self.plant("while True: pass")
        with unittest.mock.patch.object(runs, "WALL_SECONDS", 0.3):
            failure = simulator.run(CASE).failure
        self.assertEqual(failure and failure.judge, "time")


if __name__ == "__main__":
    unittest.main()

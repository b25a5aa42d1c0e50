# SPDX-License-Identifier: Apache-2.0
"""Every way in which a task can fail: the client learns which, and daemon and other tasks go on."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import unittest

from kinds import KindTestCase, kind, travels

travels(__name__)


class Refusal(Exception):
    """An exception of the client's script whose __init__ does not take what its args hold."""

    def __init__(self, code, reason):
        super().__init__(f"refused with {code}")
        self.code = code
        self.reason = reason


class Unpicklable(Exception):
    def __init__(self):
        super().__init__("holds a lock")
        self.lock = threading.Lock()


class PicklesButDoesNotLoad(Exception):
    def __reduce__(self):
        return _never, ()


class Textless(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def _never():
    raise RuntimeError("cannot be loaded")


def refuse(code, reason):
    raise Refusal(code, reason)


def fail_deep_inside():
    def innermost_function():
        raise LookupError("deep")

    innermost_function()


def fail_for_a_reason():
    nothing: dict[str, str] = {}
    try:
        nothing["absent"]
    except KeyError as error:
        raise ValueError("second") from error


def throw(error):
    raise error()


def make_lock():
    return threading.Lock()


def import_absent():
    import module_that_no_image_has  # type: ignore[import-not-found]  # that is its point

    return module_that_no_image_has


def leave(code):
    sys.exit(code)


def leave_hard():
    print("last words", file=sys.stderr, flush=True)
    os._exit(7)


def crash():
    ctypes.string_at(0)


def end_by(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


def eat_memory():
    kept = []
    while True:
        kept.append(bytearray(64 << 20))


def recurse():
    return recurse() + 1


def close_everything():
    os.closerange(3, 1024)
    return "closed"


def leave_thread_and_child():
    threading.Thread(target=time.sleep, args=(600,)).start()
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    return "returned"


def rest(seconds):
    time.sleep(seconds)


def square(number):
    return number * number


class Failures(KindTestCase):
    options = {"daemon": ["--instance-memory-gb", "1"]}

    def setUp(self):
        self.the_client = self.client()
        # Whatever a task does to itself, one that was submitted with it comes through.
        other = self.the_client.submit(square, 12)
        self.addCleanup(lambda: self.assertEqual(other.result(timeout=60), 144))

    def failure(self, function, *arguments):
        """The exception that the client is given, with its traceback as the client would print it."""
        error = self.the_client.submit(function, *arguments).exception(timeout=90)
        self.assertIsNotNone(error)
        self.assertEqual(self.the_client.submit(square, 3).result(timeout=60), 9, "the next task runs")
        return error, "".join(traceback.format_exception(error))

    @kind("exceptions of the client's own class")
    def test_class_attributes_and_text_arrive(self):
        error, _ = self.failure(refuse, 7, "because")
        self.assertIs(type(error), Refusal)
        self.assertEqual((str(error), error.code, error.reason), ("refused with 7", 7, "because"))

    @kind("exceptions of the client's own class")
    def test_builtin_exceptions_keep_type_and_args(self):
        for kind_of_error in (KeyError, OSError, ZeroDivisionError, StopIteration, AssertionError, MemoryError):
            with self.subTest(kind_of_error.__name__):
                error, _ = self.failure(throw, kind_of_error)
                self.assertIs(type(error), kind_of_error)
        error, _ = self.failure(open, "/no/such/file")
        self.assertEqual((type(error), error.errno, error.filename), (FileNotFoundError, 2, "/no/such/file"))

    @kind("remote tracebacks")
    def test_the_traceback_names_the_functions_of_the_task(self):
        error, text = self.failure(fail_deep_inside)
        self.assertIs(type(error), LookupError)
        self.assertIn("innermost_function", text)
        self.assertNotIn("trampoline", text)

    @kind("remote tracebacks")
    def test_the_cause_is_shown(self):
        error, text = self.failure(fail_for_a_reason)
        self.assertIs(type(error), ValueError)
        self.assertIn("KeyError: 'absent'", text)

    @kind("exceptions that cannot be pickled")
    def test_they_arrive_as_text(self):
        for kind_of_error in (Unpicklable, PicklesButDoesNotLoad):
            with self.subTest(kind_of_error.__name__):
                error, _ = self.failure(throw, kind_of_error)
                self.assertRegex(str(error), rf"(?s){kind_of_error.__name__}.*could not be pickled.*in throw\b")
        self.assertIn("holds a lock", str(self.failure(throw, Unpicklable)[0]))

    @kind("exceptions that cannot be pickled")
    def test_one_whose_text_fails_arrives_all_the_same(self):
        error, _ = self.failure(throw, Textless)
        self.assertIs(type(error), Textless)

    @kind("results that cannot be pickled")
    def test_the_failure_says_that_the_task_itself_was_well(self):
        error, _text = self.failure(make_lock)
        self.assertIsInstance(error, (TypeError, pickle.PicklingError))
        self.assertRegex(str(error), "task finished, but its result, a lock, could not be serialized")

    @kind("a module that the image lacks")
    def test_the_failure_names_it_and_what_to_do(self):
        error, _ = self.failure(import_absent)
        self.assertIs(type(error), ModuleNotFoundError)
        self.assertEqual(error.name, "module_that_no_image_has")
        self.assertRegex(str(error), "Add it to the image")

    @kind("a module that the image lacks")
    def test_a_function_of_such_a_module_says_so_too(self):
        import types

        module = types.ModuleType("module_of_the_client")
        exec("def its_function():\n    return 1", module.__dict__)
        sys.modules[module.__name__] = module
        self.addCleanup(sys.modules.pop, module.__name__)
        error, _ = self.failure(module.its_function)
        self.assertIs(type(error), ModuleNotFoundError)
        self.assertRegex(str(error), "register_pickle_by_value")

    @kind("sys.exit")
    def test_it_ends_the_task_and_not_the_client(self):
        for code in (0, 3, "a text", None):
            with self.subTest(code=code):
                error, _ = self.failure(leave, code)
                self.assertIsInstance(error, Exception)
                self.assertIn(f"sys.exit({code!r})", str(error))

    @kind("KeyboardInterrupt, GeneratorExit")
    def test_what_is_no_exception_does_not_end_the_client(self):
        for kind_of_error in (KeyboardInterrupt, GeneratorExit):
            with self.subTest(kind_of_error.__name__):
                error, _ = self.failure(throw, kind_of_error)
                self.assertIsInstance(error, Exception)
                self.assertIn(kind_of_error.__name__, str(error))

    @kind("os._exit")
    def test_exit_code_and_last_words_are_told(self):
        error, _ = self.failure(leave_hard)
        self.assertEqual(type(error).__name__, "ProcessorDiedError")
        self.assertRegex(str(error), r"(?s)exit code 7 .*last words")

    @kind("crashes and kills")
    def test_each_signal_is_named(self):
        error, _ = self.failure(crash)
        self.assertRegex(str(error), "SIGSEGV.*native code")
        for number, words in (
            (signal.SIGKILL, "SIGKILL.*memory"),
            (signal.SIGABRT, "SIGABRT"),
            (signal.SIGTERM, "SIGTERM"),
        ):
            with self.subTest(number.name):
                error, _ = self.failure(end_by, number)
                self.assertEqual(type(error).__name__, "ProcessorDiedError")
                self.assertRegex(str(error), words)

    @kind("running out of memory")
    def test_a_memory_error_is_told_as_one(self):
        error, _ = self.failure(eat_memory)
        self.assertIs(type(error), MemoryError)

    @kind("endless recursion")
    def test_it_is_an_exception_like_others(self):
        error, _ = self.failure(recurse)
        self.assertIs(type(error), RecursionError)

    @kind("tasks that spoil their process")
    def test_closed_descriptors_are_told(self):
        error, _ = self.failure(close_everything)
        self.assertRegex(str(error), "ended its process|result")

    @kind("tasks that spoil their process")
    def test_threads_and_children_left_behind_hold_nothing_up(self):
        start = time.monotonic()
        self.assertEqual(self.the_client.submit(leave_thread_and_child).result(timeout=60), "returned")
        self.assertLess(time.monotonic() - start, 60)


class Killed(KindTestCase):
    """What the kernel's killer of processes out of memory does to the whole container."""

    options = {"emulator": ["--fast", "--fault", "Container kill seconds=0.3 first=1"]}

    @kind("running out of memory")
    def test_a_killed_container_is_told_with_its_exit_code(self):
        client = self.client()
        error = client.submit(rest, 60).exception(timeout=60)
        self.assertIs(type(error), MemoryError)
        self.assertRegex(str(error), "137.*--instance-memory-gb")
        self.assertEqual(client.submit(square, 4).result(timeout=60), 16)
        self.cluster.await_nothing_left()


if __name__ == "__main__":
    unittest.main()

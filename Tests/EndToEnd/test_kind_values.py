# SPDX-License-Identifier: Apache-2.0
"""Arguments and results of every type and size."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import os
import pathlib
import unittest
import uuid
from typing import Any

from kinds import KindTestCase, kind, travels

try:
    import numpy
except ImportError:  # Tools/set-up installs it; elsewhere the other values are tested all the same
    numpy = None  # type: ignore[assignment]  # as an optional import is written

travels(__name__)


class Color(enum.Enum):
    RED = 1


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    tags: tuple[str, ...]


class Refusal(Exception):
    def __init__(self, code, reason):
        super().__init__(code, reason)
        self.code, self.reason = code, reason

    def __str__(self):
        return f"{self.code}: {self.reason}"


def same(value):
    return value


def pair(first, second):
    return second, first


def nothing():
    pass


def sized(count):
    return bytes(count)


def count(data):
    return len(data)


def reversed_bytes(data):
    return data[::-1]


def call(function, *arguments):
    return function(*arguments)


def adder(number):
    return lambda other: number + other


def factorial(number):
    return 1 if number < 2 else number * factorial(number - 1)


def described(error):
    return type(error).__name__, str(error), error.__dict__


# What a job runner stores when a task fails; as a *value* it is a value.
ERROR_LIKE = {"_scaler_container_error": True, "error": "no", "traceback": "", "kind": "exception"}

VALUES = {
    "None": None,
    "truth": [True, False],
    "numbers": [
        0,
        -1,
        2**31,
        -(2**63),
        10**400,
        1.5,
        float("inf"),
        1j,
        decimal.Decimal("0.1"),
        fractions.Fraction(1, 3),
    ],
    "text": ["", "ß", "\0", "日本語 🛰", "a" * 100_000, "\ud800"],
    "bytes": [b"", bytes(range(256)), bytearray(b"x"), b"\x1f\x8b", b"SOH1R" + bytes(16)],
    "containers": {"set": {1, 2}, "frozen": frozenset("ab"), "tuple": (1, (2, (3,))), (1, 2): {"deep": [[[]]]}},
    "times": [datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(days=1)],
    "types": [int, Color.RED, uuid.UUID(int=7), pathlib.PurePosixPath("/a"), range(3), slice(1, 2), Ellipsis],
    "classes of the script": Point(1.5, ("a", "b")),
    "a runner's error report": ERROR_LIKE,
    "a false error report": {**ERROR_LIKE, "_scaler_container_error": False},
}


class Values(KindTestCase):
    @kind("values of every type")
    def test_a_value_comes_back_as_it_went(self):
        client = self.client()
        futures = {name: client.submit(same, value) for name, value in VALUES.items()}
        for name, value in VALUES.items():
            with self.subTest(name):
                self.assertEqual(futures[name].result(timeout=60), value)

    @kind("values of every type")
    def test_a_cycle_stays_one(self):
        loop: list[Any] = [1]
        loop.append(loop)
        result = self.client().submit(same, loop).result(timeout=60)
        self.assertIs(result[1], result)

    @kind("no argument, no result")
    def test_a_function_of_nothing_returns_none(self):
        self.assertIsNone(self.client().submit(nothing).result(timeout=60))

    @kind("exceptions as values")
    def test_a_returned_exception_is_a_result_and_not_a_failure(self):
        client = self.client()
        for error in (ValueError("no"), Refusal(7, "ß"), KeyError(None), SystemExit(3)):
            with self.subTest(repr(error)):
                result = client.submit(same, error).result(timeout=60)
                self.assertIs(type(result), type(error))
                self.assertEqual((result.args, result.__dict__), (error.args, error.__dict__))

    @kind("exceptions as values")
    def test_an_exception_can_be_an_argument(self):
        expected = ("Refusal", "7: ß", {"code": 7, "reason": "ß"})
        self.assertEqual(self.client().submit(described, Refusal(7, "ß")).result(timeout=60), expected)

    @kind("functions as values")
    def test_functions_go_and_come(self):
        client = self.client()
        self.assertEqual(client.submit(call, lambda number: number + 1, 2).result(timeout=60), 3)
        self.assertEqual(client.submit(adder, 5).result(timeout=60)(2), 7)
        self.assertEqual(client.submit(functools.partial(pair, 1), 2).result(timeout=60), (2, 1))
        self.assertEqual(client.submit(factorial, 20).result(timeout=60), factorial(20))
        self.assertEqual(client.submit("a-b".split, "-").result(timeout=60), ["a", "b"])

    @kind("arguments by reference (send_object)")
    def test_one_object_serves_many_tasks(self):
        client = self.client()
        reference = client.send_object(b"abc", name="letters")
        self.assertEqual(client.map(count, [reference] * 3), [3, 3, 3])
        self.assertEqual(client.submit(pair, reference, reference).result(timeout=60), (b"abc", b"abc"))

    @kind("many arguments")
    def test_a_task_of_hundreds_of_arguments(self):
        arguments = [str(number) for number in range(400)]
        self.assertEqual(self.client().submit(lambda *all: list(all), *arguments).result(timeout=120), arguments)

    @kind("numpy arrays")
    @unittest.skipIf(numpy is None, "numpy is not installed")
    def test_arrays_keep_shape_type_and_values(self):
        client = self.client()
        for array in (numpy.arange(1_000_000, dtype="f4").reshape(1000, 1000), numpy.zeros((0, 3)), numpy.array(7)):
            result = client.submit(same, array).result(timeout=60)
            self.assertEqual((result.shape, result.dtype), (array.shape, array.dtype))
            self.assertTrue((result == array).all())


class Sizes(KindTestCase):
    """From nothing to 200 MB; the cloud's memory holds what the runner needs for it."""

    options = {"daemon": ["--instance-memory-gb", "16"]}

    @kind("0 bytes to 1 MB")
    def test_every_way_that_a_payload_can_travel(self):
        client = self.client()
        # Around each threshold: gzip at 4 KiB, the environment's 28 KiB, the wire's segments of 8 KiB.
        sizes = [0, 1, 4095, 4097, 8192, 28_000, 28_672, 28_673, 40_000, 65_537, 1 << 20]
        values = [os.urandom(size) for size in sizes]
        self.assertEqual(client.map(reversed_bytes, values), [value[::-1] for value in values])

    @kind("8 to 64 MB")
    def test_objects_that_are_spooled(self):
        client = self.client()
        for size in ((8 << 20) - 1, (8 << 20) + 1, 64 << 20):
            with self.subTest(size=size):
                value = os.urandom(size)
                self.assertTrue(client.submit(reversed_bytes, value).result(timeout=120) == value[::-1])

    @kind("200 MB", seconds=400)
    def test_200_megabytes_each_way(self):
        client = self.client()
        value = os.urandom(200_000_000)
        self.assertTrue(client.submit(same, value).result(timeout=500) == value)
        self.cluster.await_nothing_left()
        self.assertLess(self.peak_of_the_daemon(), 64 << 20, "large objects pass through files")

    def peak_of_the_daemon(self):
        """The most memory that the daemon had at once, in bytes."""
        with open(f"/proc/{self.cluster.daemon.pid}/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))

    @kind("200 MB", seconds=400)
    def test_200_megabytes_of_zeros_are_no_smaller_on_the_way_back(self):
        self.assertEqual(len(self.client().submit(sized, 200_000_000).result(timeout=500)), 200_000_000)


if __name__ == "__main__":
    unittest.main()

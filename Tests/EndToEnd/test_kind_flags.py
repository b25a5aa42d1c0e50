# SPDX-License-Identifier: Apache-2.0
"""What a client may ask for beside a result: priorities, capabilities, profiles, output; and how it may ask."""

from __future__ import annotations

import contextlib
import io
import math
import subprocess
import sys
import time
import unittest
from typing import Any

from kinds import KindTestCase, await_that, kind, travels

travels(__name__)


def square(number):
    return number * number


def rest(seconds, value=None):
    time.sleep(seconds)
    return value


def now(_):
    return time.time()


def four(a, b, c=3, *, d=4):
    return a, b, c, d


def keyword_default(a, b=2):
    return a, b


def work(seconds):
    end = time.process_time() + seconds
    kept = bytearray(64 << 20)
    while time.process_time() < end:
        kept[0] ^= 1


def speak(lines):
    for number in range(lines):
        print("out", number)
        print("err", number, file=sys.stderr)
    return lines


def speak_and_fail():
    print("before the end")
    raise ValueError("the end")


def speak_then_rest(seconds):
    print("début 🛰\n\ttab", flush=True)
    time.sleep(seconds)
    print("fin")


def speak_much(count):
    for _ in range(count):
        sys.stdout.write("x" * 100_000)


def speak_through_a_child():
    subprocess.run(["echo", "a child"], stdout=sys.stdout, check=True)
    sys.stdout.writelines(["a\n", "b\n"])
    print(sys.stdout.writable(), sys.stdout.isatty())


def ask(address, number):
    """A task that is a client itself."""
    from scaler import Client

    with Client(address) if address else Client() as client:
        return client.submit(square, number).result()


def priorities_of_children():
    from scaler import Client
    from scaler.utility.metadata.task_flags import TaskFlags

    with Client() as client:
        flags = client._Client__get_task_flags()
        return flags.priority, TaskFlags().priority


def map_with(client, numbers):
    return client.map(square, numbers)


def with_priority(client, priority):
    """From now on the client submits with this priority, as one inside a task of `priority - 1` does."""
    from scaler.utility.metadata.task_flags import TaskFlags

    client._Client__get_task_flags = lambda: TaskFlags(profiling=False, priority=priority, stream_output=False)


class Calls(KindTestCase):
    @kind("keyword arguments and defaults")
    def test_they_are_bound_as_in_a_call(self):
        client = self.client()
        self.assertEqual(client.submit(keyword_default, 1).result(timeout=60), (1, 2))
        self.assertEqual(client.submit(keyword_default, b=5, a=4).result(timeout=60), (4, 5))
        self.assertEqual(client.submit_verbose(keyword_default, (1,), {"b": 7}).result(timeout=60), (1, 7))
        with self.assertRaises(TypeError):
            client.submit(keyword_default)
        with self.assertRaises(TypeError):
            client.submit(keyword_default, 1, 2, 3).result(timeout=60)

    @kind("map and starmap")
    def test_results_come_in_the_order_of_the_arguments(self):
        client = self.client()
        self.assertEqual(client.map(math.sqrt, [4.0, 9.0]), [2.0, 3.0])
        self.assertEqual(client.starmap(pow, [(2, 3), (3, 2)]), [8, 9])

    @kind("several clients at once")
    def test_each_gets_its_own(self):
        clients = [self.client() for _ in range(3)]
        futures = [client.submit(rest, 0.1, number) for number, client in enumerate(clients * 3)]
        self.assertEqual([future.result(timeout=60) for future in futures], list(range(9)))

    @kind("profiling")
    def test_a_future_tells_duration_memory_and_cpu_time(self):
        client = self.client(profiling=True)
        future = client.submit(work, 0.3)
        future.result(timeout=60)
        info = future.profiling_info()
        self.assertGreater(info.duration_s, 0.3)
        self.assertGreater(info.cpu_time_s, 0.3)
        self.assertGreater(info.memory_peak, 60 << 20)
        slow = client.submit(rest, 0.5)
        slow.result(timeout=60)
        self.assertGreaterEqual(slow.profiling_info().duration_s, 0.5)
        self.assertLess(slow.profiling_info().cpu_time_s, 0.5)


class Graphs(KindTestCase):
    @kind("graphs (client.get)")
    def test_results_flow_from_node_to_node(self):
        client = self.client()
        graph = {"a": 2, "b": 3, "c": (pow, "a", "b"), "d": (square, "c"), "e": (keyword_default, "c", "d")}
        self.assertEqual(client.get(graph, ["e", "c", "a"]), {"e": (8, 64), "c": 8, "a": 2})
        futures = client.get(graph, ["d"], block=False)
        self.assertEqual(futures["d"].result(timeout=60), 64)

    @kind("graphs (client.get)")
    def test_a_failed_node_fails_those_behind_it_with_its_own_error(self):
        client = self.client()
        graph = {"a": -1.0, "b": (math.sqrt, "a"), "c": (square, "b")}
        future = client.get(graph, ["c"], block=False)["c"]
        self.assertRegex(repr(future.exception(timeout=60)), "ValueError.*math domain error")
        self.assertEqual(client.submit(square, 3).result(timeout=60), 9)

    @kind("graphs (client.get)")
    def test_a_graph_can_be_cancelled(self):
        client = self.client()
        future = client.get({"a": 600, "b": (rest, "a")}, ["b"], block=False)["b"]
        self.assertTrue(future.cancel(timeout=60))
        self.assertEqual(client.submit(square, 4).result(timeout=60), 16)
        self.cluster.await_nothing_left()


class Nested(KindTestCase):
    @kind("tasks that submit tasks")
    def test_a_client_inside_a_task_finds_the_scheduler(self):
        client = self.client()
        self.assertEqual(client.submit(ask, None, 5).result(timeout=90), 25)
        self.assertEqual(client.submit(ask, self.cluster.address, 6).result(timeout=90), 36)

    @kind("tasks that submit tasks")
    def test_a_client_can_be_an_argument(self):
        client = self.client()
        self.assertEqual(client.submit(map_with, client, [1, 2, 3]).result(timeout=90), [1, 4, 9])

    @kind("tasks that submit tasks")
    def test_their_priority_is_one_above_their_parents(self):
        client = self.client()
        self.assertEqual(client.submit(priorities_of_children).result(timeout=90), (1, 0))
        with_priority(client, 4)
        self.assertEqual(client.submit(priorities_of_children).result(timeout=90), (5, 0))


class Priorities(KindTestCase):
    options = {"daemon": ["--base-concurrency", "1"]}

    @kind("priorities")
    def test_the_higher_goes_first_and_equals_in_order_and_none_past_the_limit(self):
        client = self.client()
        blocker = client.submit(rest, 3)
        self.await_instances(self.created_count + 1)
        futures: dict[int, list[Any]] = {}
        for priority in (0, 0, 2, 1, 2):
            with_priority(client, priority)
            futures.setdefault(priority, []).append(client.submit(now, priority))
        begun = {priority: [future.result(timeout=90) for future in group] for priority, group in futures.items()}
        self.assertIsNone(blocker.result())
        self.assertEqual(sorted(begun[2] + begun[1] + begun[0]), begun[2] + begun[1] + begun[0])
        self.assertEqual(self.cluster.await_nothing_left()["instances"]["most_at_once"], 1)


class Capabilities(KindTestCase):
    options = {
        "scheduler": ["--policy-content", "allocate=capability; scaling=capability"],
        "daemon": ["--per-worker-capabilities", "gpu,cores=4"],
    }

    @kind("capabilities")
    def test_a_worker_takes_what_it_is_capable_of(self):
        client = self.client()
        for wanted in ({"gpu": -1}, {"cores": 4}, {"gpu": -1, "cores": 4}, {}):
            with self.subTest(wanted=wanted):
                future = client.submit_verbose(square, (7,), {}, capabilities=wanted)
                self.assertEqual(future.result(timeout=60), 49)

    @kind("capabilities")
    def test_what_nobody_is_capable_of_waits_and_can_be_cancelled(self):
        client = self.client()
        before = self.created_count
        future = client.submit_verbose(square, (7,), {}, capabilities={"quantum": -1})
        time.sleep(3)
        self.assertFalse(future.done())
        self.assertEqual(self.created_count, before)
        self.assertTrue(future.cancel(timeout=60))


class Output(KindTestCase):
    """The client prints what its tasks print; the daemon tells it while they run and, for the rest, when they end."""

    def setUp(self):
        self.out, self.err = io.StringIO(), io.StringIO()
        for stack in (contextlib.redirect_stdout(self.out), contextlib.redirect_stderr(self.err)):
            stack.__enter__()
            self.addCleanup(stack.__exit__, None, None, None)

    def streaming(self):
        return self.client(stream_output=True)

    @kind("streamed output")
    def test_both_streams_arrive_whole_and_in_order(self):
        self.assertEqual(self.streaming().submit(speak, 50).result(timeout=60), 50)
        await_that(lambda: "err 49\n" in self.err.getvalue(), 10, "the last line")
        self.assertEqual(self.out.getvalue(), "".join(f"out {number}\n" for number in range(50)))
        errors = [line for line in self.err.getvalue().splitlines() if line.startswith("err")]
        self.assertEqual(errors, [f"err {number}" for number in range(50)])

    @kind("streamed output")
    def test_a_failed_task_was_heard_too(self):
        with self.assertRaises(ValueError):
            self.streaming().submit(speak_and_fail).result(timeout=60)
        await_that(lambda: self.out.getvalue() == "before the end\n", 10, "the line")

    @kind("streamed output, live")
    def test_it_is_heard_while_the_task_runs_and_once_only(self):
        future = self.streaming().submit(speak_then_rest, 600)
        await_that(lambda: self.out.getvalue() == "début 🛰\n\ttab\n", 60, "the first line")
        self.assertTrue(future.cancel(timeout=60))
        future = self.streaming().submit(speak_then_rest, 8)
        future.result(timeout=90)
        await_that(lambda: self.out.getvalue() == "début 🛰\n\ttab\n" * 2 + "fin\n", 10, "the last line")

    @kind("streamed output")
    def test_more_than_is_kept_is_told_to_be_lost(self):
        self.streaming().submit(speak_much, 20).result(timeout=60)
        await_that(lambda: "pieces of output are lost]" in self.err.getvalue(), 10, "the remark")
        self.assertGreater(len(self.out.getvalue()), 100_000)

    @kind("streamed output")
    def test_the_streams_are_like_files(self):
        self.streaming().submit(speak_through_a_child).result(timeout=60)
        await_that(lambda: self.out.getvalue() == "a\nb\nTrue False\n", 10, "the lines")

    @kind("streamed output")
    def test_nobody_else_hears_anything(self):
        self.client().submit(speak, 5).result(timeout=60)
        time.sleep(1)
        self.assertEqual(self.out.getvalue(), "")


if __name__ == "__main__":
    unittest.main()

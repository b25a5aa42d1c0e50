# SPDX-License-Identifier: Apache-2.0
"""`kill -9` at every step of a task's life, and at random."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from experiment import Experiment, Outcome, Raises, echo, work
from processes import StartError, await_that
from tcp_proxy import TO_CLIENT, TO_SERVER, TCPProxy, Trap

#: Longer than any experiment: a request that is stalled so long is never carried out.
FOR_EVER = 3600
#: A request that is carried out so long after its sender died.
LATE_SECONDS = 2
PAYLOAD_BYTES = 60_000


@dataclass(frozen=True)
class Point:
    """One moment of a task's life at which the daemon is killed."""

    name: str
    #: brings the cluster to that moment: arms before the task is submitted, yields, and returns when it has come
    reach: Callable[[Life], Iterator[None]]
    #: which task: one that ends well, one whose container is killed, or one that is cancelled
    kind: str = "result"
    #: whether the scheduler has no more use for the task by then
    is_over: bool = False
    #: whether the moment is one of the connections to Scaler, so that the transport matters
    is_on_wire: bool = False


class Life:
    """One task on its way to the moment of a kill."""

    def __init__(self, experiment: Experiment, kind: str) -> None:
        self.experiment = experiment
        self.cluster = experiment.cluster
        self.kind = kind
        self.data = os.urandom(PAYLOAD_BYTES)
        self.before = self.cluster.report()
        self.future: Any = None

    def submit(self) -> None:
        experiment = self.experiment
        if self.kind == "result":
            self.future = experiment.submit(echo, self.data, expected=self.data)
        elif self.kind == "failure":
            self.future = experiment.submit(work, 1, 600, expected=Raises("exit code 137"))
        else:
            self.future = experiment.client.submit(work, 1, 600)

    def await_fault(self, operation: str, kind: str) -> None:
        name = f"{operation} {kind}"
        count = self.before["faults"].get(name, 0)
        self.experiment.await_report(lambda report: report["faults"].get(name, 0) > count, 30, f"fault {name}")
        if kind == "stall-after":
            self.settle()

    def await_running(self) -> str:
        """The task's id in hexadecimal digits, once its container has started."""
        seen = set(self.before["tasks"]["ids"])
        return self.experiment.await_report(
            lambda report: next((task for task in report["tasks"]["ids"] if task not in seen), None), 30, "a container"
        )

    @staticmethod
    def settle() -> None:
        """What the local OCI does at once is done by then; nothing tells it."""
        time.sleep(0.2)


def at_call(operation: str, moment: str) -> Callable[[Life], Iterator[None]]:
    """`before`: the call is never carried out. `late`: carried out when its sender is dead. `after`: carried out, but
    the answer is never seen."""
    kind = "stall-after" if moment == "after" else "stall"
    seconds = LATE_SECONDS if moment == "late" else FOR_EVER

    def reach(life: Life) -> Iterator[None]:
        rules = [f"{operation} {kind} times=1 by=user seconds={seconds}"]
        if life.kind == "failure":
            rules.append("Container kill times=1 seconds=0.2")
        life.cluster.set_faults(*rules)
        yield
        if life.kind == "cancel":
            life.await_running()
            life.future.cancel()
        life.await_fault(operation, kind)

    return reach


def on_wire(
    proxy: str, direction: str, moment: str, wanted: Callable[[Life], Callable[[bytes], bool]]
) -> Callable[[Life], Iterator[None]]:
    """`before`: the message never arrives. `after`: it arrives, and nothing after it in either direction."""

    def reach(life: Life) -> Iterator[None]:
        line: TCPProxy = getattr(life.cluster, f"{proxy}_proxy")
        if life.kind == "failure":
            life.cluster.set_faults("Container kill times=1 seconds=1")
        trap = Trap(direction, wanted(life), is_delivered=moment == "after")
        line.set_trap(trap)
        yield
        await_that(trap.sprung.is_set, 30, f"the message {moment} which to kill")
        line.set_trap(None)
        life.settle()

    return reach


def on_cancel(direction: str, moment: str) -> Callable[[Life], Iterator[None]]:
    """The same of a message about the cancel of a task that runs."""

    def reach(life: Life) -> Iterator[None]:
        yield
        life.await_running()
        line = life.cluster.scheduler_proxy
        assert line is not None
        trap = Trap(direction, the_answer(life), is_delivered=moment == "after")
        line.set_trap(trap)
        # It returns when the scheduler has told the client, which may never hear of it here.
        threading.Thread(target=life.future.cancel, daemon=True).start()
        await_that(trap.sprung.is_set, 30, f"the message {moment} which to kill")
        line.set_trap(None)
        life.settle()

    return reach


def a_task(_: Life) -> Callable[[bytes], bool]:
    """Of what a scheduler sends to a worker, tasks alone name a client."""
    return lambda data: b"Client|" in data


def anything(_: Life) -> Callable[[bytes], bool]:
    return lambda data: True


def the_result(life: Life) -> Callable[[bytes], bool]:
    marker = life.data[:32]
    return lambda data: marker in data


def the_answer(life: Life) -> Callable[[bytes], bool]:
    """The TaskResult: the one message of a worker that names the task, and whose container has run.

    Of a task that is being cancelled it is the cancel one way, and its confirmation the other.
    """

    def holds(data: bytes) -> bool:
        seen = set(life.before["tasks"]["ids"])
        return any(
            bytes.fromhex(task) in data for task in life.cluster.report()["tasks"]["ids"] if task not in seen
        )

    return holds


def points() -> list[Point]:
    every = [
        Point("task sent, not arrived", on_wire("scheduler", TO_CLIENT, "before", a_task)),
        Point("task arrived", on_wire("scheduler", TO_CLIENT, "after", a_task)),
        Point("inputs asked for, not sent", on_wire("storage", TO_SERVER, "before", anything)),
        Point("inputs on their way", on_wire("storage", TO_CLIENT, "before", anything)),
        Point("result sent to object storage, not arrived", on_wire("storage", TO_SERVER, "before", the_result)),
        Point("result arrived in object storage, not confirmed", on_wire("storage", TO_SERVER, "after", the_result)),
        Point("answer sent, not arrived", on_wire("scheduler", TO_SERVER, "before", the_answer)),
        Point("answer arrived, not confirmed", on_wire("scheduler", TO_SERVER, "after", the_answer), is_over=True),
        Point("failure sent, not arrived", on_wire("scheduler", TO_SERVER, "before", the_answer), "failure"),
        Point("failure arrived, not confirmed", on_wire("scheduler", TO_SERVER, "after", the_answer), "failure", True),
        Point("cancel sent, not arrived", on_cancel(TO_CLIENT, "before"), "cancel", True),
        Point("cancel arrived, not confirmed", on_cancel(TO_SERVER, "before"), "cancel", True),
        Point("cancel confirmed", on_cancel(TO_SERVER, "after"), "cancel", True),
    ]
    calls = [
        ("PutObject", ("before", "late", "after"), "result"),
        ("CreateContainerInstance", ("before", "late", "after"), "result"),
        ("ListObjects", ("before", "after"), "result"),
        ("ListContainerInstances", ("before", "after"), "result"),
        ("GetObject", ("before", "after"), "result"),
        ("BatchDeleteObjects", ("before", "late", "after"), "result"),
        ("DeleteContainerInstance", ("before", "late", "after"), "result"),
        ("GetContainerInstance", ("before",), "failure"),
        ("GetContainer", ("after",), "failure"),
        ("DeleteContainerInstance", ("before", "after"), "failure"),
        ("DeleteContainerInstance", ("before", "after"), "cancel"),
    ]
    every = [replace(point, is_on_wire=True) for point in every]
    suffix = {"result": "", "failure": " of a task that failed", "cancel": " of a task that was cancelled"}
    for operation, moments, kind in calls:
        for moment in moments:
            name = f"{operation}{suffix[kind]}: {moment}"
            every.append(Point(name, at_call(operation, moment), kind, "Delete" in operation))
    return every


def crash_at(experiment: Experiment, point: Point) -> None:
    """Kills the daemon at `point` of one task; returns when everything about the task is over."""
    cluster = experiment.cluster
    life = Life(experiment, point.kind)
    steps = point.reach(life)
    next(steps)
    life.submit()
    next(steps, None)
    cluster.kill_daemon()
    cluster.set_faults()
    # What nobody asks for goes only after the grace time; then nobody must be kept waiting for it.
    cluster.start_daemon(*(["--death-timeout-seconds", "4"] if point.is_over else []))
    experiment.outcome.kills += 1
    if point.kind != "cancel":
        with contextlib.suppress(Exception):  # judged at the end, with all the others
            life.future.result(timeout=60)
    cluster.await_nothing_left(60)


def crash_lane(mine: list[Point], seed: int) -> Outcome:
    """One kill at each of these points, one after the other."""
    experiment = Experiment("crash matrix", seed, is_proxied=True, daemon=["--death-timeout-seconds", "20"])
    outcome, doubled = experiment.outcome, 0
    with experiment.running():
        for point in mine:
            try:
                crash_at(experiment, point)
            except StartError as error:
                outcome.expect(False, f"killed at '{point.name}': {error}")
                return outcome
            before, doubled = doubled, experiment.cluster.doubled_count()
            outcome.expect(doubled == before, f"ran twice after a kill at '{point.name}'")
    return outcome


def crash_matrix(seed: int, lanes: int, wanted: Callable[[Point], bool] = lambda point: True) -> Outcome:
    """One kill at every point that is `wanted`; `lanes` clusters share them, for nearly all of the time is waiting."""
    began = time.monotonic()
    mine = [point for point in points() if wanted(point)]
    with ThreadPoolExecutor(lanes) as pool:
        parts = list(pool.map(lambda lane: crash_lane(mine[lane::lanes], seed), range(lanes)))
    outcome = Outcome.merged(f"crash matrix, {len(mine)} moments", parts, time.monotonic() - began)
    outcome.expect(outcome.kills == len(mine), f"{outcome.kills} of {len(mine)} kills came about")
    return outcome


def random_crash(tasks: int, seed: int, shortest: float, longest: float, slots: int = 100, grace: int = 30) -> Outcome:
    """A kill every `shortest` to `longest` seconds until every task has its result."""
    daemon = ["--death-timeout-seconds", str(grace), "--base-concurrency", str(slots)]
    name = f"kill -9 every {shortest:g} to {longest:g} s"
    experiment = Experiment(name, seed, daemon=daemon)
    with experiment.running():
        experiment.submit_work(tasks, 0.5)
        while experiment.done_count < tasks:
            deadline = time.monotonic() + experiment.random.uniform(shortest, longest)
            while time.monotonic() < deadline and experiment.done_count < tasks:
                time.sleep(0.05)
            if experiment.done_count < tasks:
                experiment.restart_daemon()
    experiment.outcome.expect(experiment.outcome.kills > 0, "every task was done before the first kill")
    return experiment.outcome

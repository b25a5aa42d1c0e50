# SPDX-License-Identifier: Apache-2.0
"""Tasks that break whatever touches them, among many that must not notice."""

from __future__ import annotations

import sys
import time
from typing import Any

import cloudpickle

from experiment import Experiment, Outcome, Raises, work
from limits import strike

cloudpickle.register_pickle_by_value(sys.modules[__name__])


class Unloadable:
    """An argument that pickles and cannot be unpickled."""

    def __reduce__(self) -> Any:
        return (refuse, ())


def refuse() -> None:
    raise ValueError("cannot be loaded anywhere")


def accept(_: Any) -> None:
    pass


def forge() -> None:
    """Stores bytes that are no result, by the way that the runner stores them."""
    import os
    import sys

    frame: Any = sys._getframe()
    while "outcome_fd" not in frame.f_locals:
        frame = frame.f_back
    os.write(frame.f_locals["outcome_fd"], b"S" + (7).to_bytes(8, "big") + b"garbage")
    os._exit(0)


def isolation(tasks: int, seed: int) -> Outcome:
    """Bad payloads, an image that never starts and an unreadable result, among `tasks` others."""
    experiment = Experiment("tasks that always break", seed)
    outcome = experiment.outcome
    with experiment.running():
        image = Raises("Failed to pull image")
        strike(experiment, "Container pull-failure", lambda: experiment.submit(work, 0, expected=image))
        experiment.cluster.set_faults()
        began = time.monotonic()
        for number in range(tasks):
            if number == tasks // 3:
                experiment.submit(accept, Unloadable(), expected=Raises("cannot be loaded anywhere"))
                experiment.submit(forge, expected=Raises("cannot be understood"))
                outcome.faults["tasks that always break"] += 2
            experiment.submit_work(1)
        experiment.await_all()
        outcome.figures["tasks a second"] = f"{tasks / (time.monotonic() - began):.1f}"
    return outcome

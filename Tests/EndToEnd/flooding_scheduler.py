# SPDX-License-Identifier: Apache-2.0
"""Scaler's scheduler, but for what it thinks that its first worker takes: that one it sends all tasks that wait."""

from __future__ import annotations

from scaler.scheduler.controllers.policies.simple_policy.allocation.even_load_allocate_policy import (
    EvenLoadAllocatePolicy,
)

_add_worker = EvenLoadAllocatePolicy.add_worker
_known: list[bytes] = []


def add_worker(self, worker, capabilities, queue_size):
    _known.append(bytes(worker))
    return _add_worker(self, worker, capabilities, 100_000 if len(_known) == 1 else queue_size)


EvenLoadAllocatePolicy.add_worker = add_worker

if __name__ == "__main__":
    from scaler.entry_points.scheduler import main

    main()

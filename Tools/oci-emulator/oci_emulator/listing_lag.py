# SPDX-License-Identifier: Apache-2.0
"""Listings of instances that show the past: new instances, new states and ends come up to some seconds late.

How late is each instance's own, drawn from the seed and its number in the order of the creates: the same in every run.
What is asked for by its identifier is always shown as it is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from functools import lru_cache

from oci_emulator.instances import Appearance, Instance


class ListingLag:
    def __init__(self, seconds: float, seed: int) -> None:
        #: the longest lag; 0: listings show what is
        self.seconds = seconds
        self._seed = seed
        #: instances whose record is gone, which listings may still show
        self._forgotten: dict[str, Instance] = {}

    def of(self, instance: Instance) -> float:
        """How many seconds late a listing shows what becomes of this instance."""
        return self.seconds * share(self._seed, instance.number)

    def forget(self, instance: Instance) -> None:
        """The record is gone; listings learn of it late, as of everything."""
        instance.forgotten_at = time.monotonic()
        if self.seconds > 0:
            self._forgotten[instance.identifier] = instance

    def shown(self, instances: Iterable[Instance]) -> list[tuple[Instance, Appearance]]:
        """What a listing of all `instances` shows now, each as it was then."""
        if self.seconds == 0:
            return [(one, one.appearances[-1]) for one in instances]
        now = time.monotonic()
        seen = [(one, one.appearance(now - self.of(one))) for one in [*instances, *self._forgotten.values()]]
        for one, then in seen:
            if then is None:
                self._forgotten.pop(one.identifier, None)
        return [(one, then) for one, then in seen if then is not None]


@lru_cache(maxsize=1 << 17)
def share(seed: int, number: int) -> float:
    """An instance's part of the longest lag, 0 to 1."""
    return random.Random(f"{seed}/{number}").random()

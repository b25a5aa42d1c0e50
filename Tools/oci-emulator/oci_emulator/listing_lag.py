# SPDX-License-Identifier: Apache-2.0
"""Listings of instances that show the past: new instances, new states and ends come up to some seconds late.

How late is each instance's own, drawn from the seed and its number in the order of the creates: the same in every run.
What is asked for by its identifier is always shown as it is.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from oci_emulator.instances import Appearance, Instance


class ListingLag:
    """All instances, by what listings show of them: a listing of one state looks at no record of another."""

    def __init__(self, seconds: float, seed: int) -> None:
        #: the longest lag; 0: listings show what is
        self.seconds = seconds
        self._seed = seed
        #: instances whose newest change a listing may not show yet, be it that their record is gone
        self._changed: dict[str, Instance] = {}
        #: the others, which are shown as they are, by their state
        self._settled: defaultdict[str, dict[str, Instance]] = defaultdict(dict)

    def of(self, instance: Instance) -> float:
        """How many seconds late a listing shows what becomes of this instance."""
        return self.seconds * share(self._seed, instance.number)

    def set_seconds(self, seconds: float) -> None:
        """From now on the longest lag is this."""
        self.seconds = seconds
        for one in [one for settled in self._settled.values() for one in settled.values()]:
            self.note(one)

    def note(self, instance: Instance) -> None:
        """The instance is new, or has another state."""
        for settled in self._settled.values():
            settled.pop(instance.identifier, None)
        self._changed[instance.identifier] = instance

    def forget(self, instance: Instance) -> None:
        """The record is gone; listings learn of it late, as of everything."""
        instance.forgotten_at = time.monotonic()
        self.note(instance)

    def shown(self, state: str | None = None) -> list[tuple[Instance, Appearance]]:
        """What a listing of that state, or of all, shows now: instances, each as it was then."""
        now = time.monotonic()
        self._settle(now)
        settled = self._settled.values() if state is None else [self._settled.get(state, {})]
        shown = [(one, one.appearances[-1]) for some in settled for one in some.values()]
        changed = [(one, one.appearance(now - self.of(one))) for one in self._changed.values()]
        return shown + [(one, then) for one, then in changed if then is not None and state in (None, then.state)]

    def living(self) -> Iterator[Instance]:
        """All instances, and of those that are DELETED only some."""
        self._settle(time.monotonic())
        for state, settled in self._settled.items():
            if state != "DELETED":
                yield from settled.values()
        yield from self._changed.values()

    def _settle(self, now: float) -> None:
        for one in list(self._changed.values()):
            is_forgotten = one.forgotten_at is not None
            if (one.forgotten_at or one.appearances[-1].since) > now - self.seconds:
                continue
            del self._changed[one.identifier]
            if not is_forgotten:
                self._settled[one.state][one.identifier] = one


@lru_cache(maxsize=1 << 17)
def share(seed: int, number: int) -> float:
    """An instance's part of the longest lag, 0 to 1."""
    return random.Random(f"{seed}/{number}").random()

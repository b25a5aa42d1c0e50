# SPDX-License-Identifier: Apache-2.0
"""Shrinks a run that fails: fewer tasks, fewer faults, and the same judge still complains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from runs import Case, Result

#: Runs a case and lists the faults that struck.
Run = Callable[[Case], Result]


class Minimizer:
    """Looks for a smaller case with at most `runs_max` runs.

    Each fault is drawn for itself, so leaving one out moves no other; but what the daemon does afterwards changes, and
    with it which chances there are at all. So the faults that struck are told to the next run as the only ones that
    may, and what is kept is what struck then.
    """

    def __init__(self, run: Run, runs_max: int = 200, say: Callable[[str], None] = print) -> None:
        self.run, self.say, self.runs_left = run, say, runs_max
        self.tried: set[Case] = set()

    def smallest(self, failing: Result) -> Result:
        """The smallest case found; `failing` itself where nothing smaller fails alike. Its tasks must be given."""
        assert failing.failure is not None, "only what fails can be minimized"
        best, before = failing, None
        # Fewer faults may need fewer tasks, and the other way round.
        while before != best.case and self.runs_left > 0:
            before = best.case
            best = self._with_fewer_faults(self._with_fewer_tasks(best))
        return best

    def _fails_alike(self, case: Case, like: Result) -> Result | None:
        """The result if the same judge complains; None as well when there are no runs left, or it was tried before."""
        if self.runs_left <= 0 or case in self.tried:
            return None
        self.tried.add(case)
        self.runs_left -= 1
        result = self.run(case)
        if not result.fails_like(like):
            return None
        self.say(f"tasks: {case.tasks}, faults: {len(result.faults)}; {result.failure}")
        return result

    def _with_fewer_tasks(self, best: Result) -> Result:
        assert best.case.tasks is not None
        step = best.case.tasks // 2
        while step >= 1:
            fewer = best.case.tasks - step
            smaller = self._fails_alike(replace(best.case, tasks=fewer), best) if fewer >= 1 else None
            if smaller is None:
                step //= 2
            else:
                best = smaller
                assert best.case.tasks is not None
                step = min(step, best.case.tasks // 2)
        return best

    def _with_fewer_faults(self, best: Result) -> Result:
        """Delta debugging by complements: leaves out one part after the other, and cuts finer where none can go."""
        parts = 1
        while best.faults and self.runs_left > 0:
            smaller = next((found for part in _parts(best.faults, parts) if (found := self._without(part, best))), None)
            if smaller is not None:
                best = smaller
                parts = max(2, parts - 1)
            elif parts >= len(best.faults):
                break
            else:
                parts = min(2 * parts, len(best.faults))
        return best

    def _without(self, part: tuple[str, ...], best: Result) -> Result | None:
        gone = set(part)
        kept = tuple(fault for fault in best.faults if fault not in gone)
        found = self._fails_alike(replace(best.case, without=(), only=kept), best)
        # What may strike and does not need not be named.
        return None if found is None else replace(found, case=replace(found.case, only=found.faults))


def _parts(faults: tuple[str, ...], count: int) -> list[tuple[str, ...]]:
    size = -(-len(faults) // max(1, min(count, len(faults))))
    return [faults[at : at + size] for at in range(0, len(faults), size)]

# SPDX-License-Identifier: Apache-2.0
"""Whether a figure that was sampled over time grows, and what to say of it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

#: The first part of a run fills caches and pools, and says nothing of growth.
WARM_UP = 0.25
#: Bursts of work raise what is held for seconds, a leak raises what is held between them: the least of each such part
#: of the steady samples is looked at.
PARTS = 12


@dataclass
class Series:
    """Samples of one figure, and how much it may rise from the beginning to the end of a run."""

    name: str
    unit: str
    allowed_rise: float
    #: (seconds, value)
    samples: list[tuple[float, float]] = field(default_factory=list)

    def add(self, seconds: float, value: float) -> None:
        self.samples.append((seconds, value))

    @property
    def steady(self) -> list[tuple[float, float]]:
        first, last = self.samples[0][0], self.samples[-1][0]
        return [sample for sample in self.samples if sample[0] >= first + WARM_UP * (last - first)]

    @property
    def floors(self) -> list[tuple[float, float]]:
        """The least sample of each part, with its moment."""
        steady = self.steady
        length = max(1, len(steady) // PARTS)
        return [min(steady[at : at + length], key=lambda sample: sample[1]) for at in range(0, len(steady), length)]

    @property
    def per_hour(self) -> float:
        """The slope of the line that fits the floors of the steady part best."""
        times, values = zip(*self.floors, strict=True)
        return statistics.linear_regression(times, values).slope * 3600

    @property
    def rise(self) -> float:
        """How much the line rises over the steady part."""
        return self.per_hour * (self.steady[-1][0] - self.steady[0][0]) / 3600

    @property
    def grows(self) -> bool:
        """A long run allows no more than a short one, so that a slow leak shows in it."""
        return self.rise > self.allowed_rise

    def __str__(self) -> str:
        values = [value for _, value in self.steady]
        return (
            f"{self.name}: {self.per_hour:+.2f} {self.unit} an hour"
            f" ({min(values):.1f} to {max(values):.1f}, median {statistics.median(values):.1f})"
        )


def levels(series: list[Series], before: list[float], after: list[float]) -> list[str]:
    """What is held with nothing to do, before and after the load, and how far each figure went under it.

    A slope is judged (`grows`) but not shown: over minutes it is mostly noise, and reads like a leak.
    """
    pairs = zip(series, before, after, strict=True)
    at_rest = ", ".join(f"{one.name} {first:.0f} -> {last:.0f}" for one, first, last in pairs)
    at_work = ", ".join(
        f"{one.name} {min(values):.0f} to {max(values):.0f}"
        for one in series
        for values in [[value for _, value in one.steady]]
    )
    return [f"with nothing to do, before and after: {at_rest}", f"at work: {at_work}"]

"""What leaves a mechanism: noisy numbers, choices, or randomized reports, each with the Event to account for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from assay.core.errors import AssayError
from assay.core.measure import Interval, Share
from assay.privacy.loss.event import Event
from assay.privacy.noise.bernoulli import Integers, integers
from assay.privacy.noise.entropy import Entropy
from assay.stats.rates import wilson


class Noise(Protocol):
    """A symmetric distribution on the integers."""

    def sample(self, n: int, source: Entropy, /) -> Integers:
        """`n` independent draws, exactly of this distribution."""

    def within(self, level: float, /) -> int:
        """The smallest k with P(|X| ≤ k) ≥ level."""

    @property
    def variance(self) -> float:
        """Of one draw."""


@dataclass(frozen=True, slots=True)
class Release:
    """Numbers with independent `noise` on a lattice: the value of each is its integer times `granularity`.

    `private` is False when the noise came from a seed: then nothing is promised, whatever `event` says.
    """

    integers: tuple[int, ...]
    granularity: Fraction
    noise: Noise
    event: Event
    private: bool

    @property
    def values(self) -> tuple[Fraction, ...]:
        """Every noisy number, exactly."""
        return tuple(self.granularity * k for k in self.integers)

    @property
    def value(self) -> Fraction:
        """The noisy number of a release that has one."""
        if len(self.integers) != 1:
            raise AssayError(f"This release holds {len(self.integers)} numbers.", code="values", hint="Use `values`.")
        return self.values[0]

    def half_width(self, level: float, /) -> Fraction:
        """How far one number may lie from what it was without the noise, at `level`: an exact quantile."""
        return self.granularity * self.noise.within(level)

    def intervals(self, *, level: float = 0.95) -> tuple[Interval, ...]:
        """Around each number; each holds the number without the noise with probability `level`.

        For the noise (and rounding to the lattice adds up to half a step); how far data stand for a population is
        not in it. Over many numbers at once, each is at its own level.
        """
        half = self.half_width(level)
        name = f"quantiles of the {self.event.mechanism} noise"
        return tuple(Interval(float(v - half), float(v + half), level, name) for v in self.values)


def add_noise(
    numbers: Sequence[int], noise: Noise, /, *, granularity: Fraction, event: Event, source: Entropy | None
) -> Release:
    """`numbers`, integers of a lattice, with independent noise on each."""
    source = Entropy() if source is None else source
    noisy = integers(numbers) + noise.sample(len(numbers), source)
    return Release(tuple(noisy.tolist()), granularity, noise, event, source.private)


@dataclass(frozen=True, slots=True)
class Selection:
    """The places of the candidates that were chosen; `private` as in Release."""

    chosen: tuple[int, ...]
    event: Event
    private: bool

    @property
    def index(self) -> int:
        """The place of the one candidate of a selection that has one."""
        if len(self.chosen) != 1:
            raise AssayError(f"This selection chose {len(self.chosen)}.", code="values", hint="Use `chosen`.")
        return self.chosen[0]


@dataclass(frozen=True, slots=True)
class Frequency:
    """The share of one category as estimated from reports, which may lie outside [0, 1], and its interval."""

    share: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Reports:
    """Randomized answers of `n` people, as the number of reports that support each category.

    A person of a category supports it with probability `kept`, and each other category with probability `noise`.
    `reports` holds what each person sent: a category, or the tuple of supported ones.
    """

    reports: tuple[int, ...] | tuple[tuple[int, ...], ...]
    support: tuple[int, ...]
    kept: float
    noise: float
    event: Event
    private: bool

    @property
    def n(self) -> int:
        """How many people reported: public in local privacy."""
        return len(self.reports)

    def frequencies(self, *, level: float = 0.95) -> tuple[Frequency, ...]:
        """The unbiased share of each category: (support/n − noise) / (kept − noise), Wang et al. (2017), equation 1.

        The interval is Wilson's for the supporting share, mapped in the same way: right for the population that the
        people are a sample of, and longer than need be for these people alone, as a sum of unlike coins varies less.
        """
        if self.n == 0:
            raise AssayError("No reports, so no shares.", code="empty-denominator", hint="Report it as unmeasured.")
        gain = self.kept - self.noise
        found = []
        for support in self.support:
            raw = wilson(Share(support, self.n, self.n, self.n), level=level)
            bounds = Interval(
                (raw.low - self.noise) / gain, (raw.high - self.noise) / gain, level, "Wilson score, de-biased"
            )
            found.append(Frequency((support / self.n - self.noise) / gain, bounds))
        return tuple(found)

"""How a question is answered, and what that costs: settled before any row is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.event import Event, compose
from assay.privacy.mechanisms.gaussian import gaussian
from assay.privacy.mechanisms.geometric import geometric
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.release import Release
from assay.privacy.queries.answer import Cell
from assay.privacy.queries.ask import Ask
from assay.privacy.queries.bounding.keys import Key, PublicKeys, key_text
from assay.privacy.queries.bounding.lattice import Edges, Lattice
from assay.privacy.queries.bounding.opening import Opened
from assay.privacy.queries.bounding.scan import Group, Scan, groups
from assay.privacy.queries.estimates import mean, table, variance
from assay.privacy.queries.estimates.estimate import Estimate
from assay.privacy.queries.quantiles import QuantilePlan
from assay.privacy.queries.statistics import Statistic
from assay.privacy.queries.thresholds import Threshold

NONE = Group((), {}, 0)


@dataclass(frozen=True, slots=True)
class Loss:
    """What the answer may cost, and by which noise: epsilon, epsilon and delta, or rho."""

    noise: Literal["laplace", "gaussian"]
    epsilon: Fraction | None = None
    delta: Fraction | None = None
    rho: Fraction | None = None

    def half(self) -> Loss:
        """Half of epsilon, and nothing else."""
        assert self.epsilon is not None
        return Loss("laplace", self.epsilon / 2)


@dataclass(frozen=True)
class AdditivePlan:
    """Noise on the integers of `statistic`, for all keys together."""

    statistic: Statistic
    scan: Scan
    adjacency: Adjacency
    loss: Loss

    def release(self, numbers: Sequence[int], /, *, source: Entropy | None = None) -> Release:
        """`numbers` with the noise."""
        most, loss = self.scan.contribution, self.loss
        if loss.noise == "laplace":
            assert loss.epsilon is not None
            sensitivity = self.statistic.l1(most, self.adjacency)
            return geometric.make(
                numbers, sensitivity=sensitivity, epsilon=loss.epsilon, adjacency=self.adjacency, source=source
            )
        return gaussian.make(
            numbers,
            sensitivity=self.statistic.l2(most, self.adjacency),
            adjacency=self.adjacency,
            rho=loss.rho,
            epsilon=loss.epsilon,
            delta=loss.delta if loss.rho is None else None,
            coordinates=1 if self.statistic.width == 1 and most.places(self.adjacency) == 1 else 2,
            source=source,
        )

    @property
    def event(self) -> Event:
        """What the release will do to privacy: it does not depend on the numbers, so that of a zero is the same."""
        return self.release([0]).event

    def numbers(self, found: Mapping[Key, Group], keys: Sequence[Key], /) -> list[int]:
        """The integers of every key, one key after the other; zeros for one without rows."""
        width = self.statistic.width
        if self.statistic.by_place:
            return [found.get(key, NONE).places.get(place, 0) for key in keys for place in range(width)]
        zeros = (0,) * width
        return [number for key in keys for number in (found[key].sums if key in found else zeros)]


@dataclass(frozen=True)
class Plan:
    """One question with everything settled. `keys` is None where those of the data are shown from a threshold on."""

    ask: Ask
    scan: Scan
    keys: PublicKeys | None
    threshold: Threshold | None
    additive: AdditivePlan | None
    quantile: QuantilePlan | None
    level: float

    @property
    def event(self) -> Event:
        """What the whole answer does to privacy."""
        parts = [] if self.threshold is None else [self.threshold.event]
        if self.quantile is not None:
            parts.append(self.quantile.event)
        elif self.additive is not None:
            parts.append(self.additive.event)
        return parts[0] if len(parts) == 1 else compose(parts)

    def answer(self, opened: Opened, /, *, source: Entropy) -> tuple[Cell, ...]:
        """The cells: the data are read once, and nothing but noisy numbers is used of them."""
        alone = self.additive is None and self.quantile is None
        found = groups(opened, self.scan, units=self.threshold is not None and not self.scan.by_place)
        if self.threshold is None:
            assert self.keys is not None
            keys: Sequence[Key] = self.keys.product(self.scan.by)
        else:
            counted = found
            if self.scan.by_place:
                counted = groups(opened, replace(self.scan, by_place=False, sums=None), units=True)
            shown = self.threshold.shown(
                {key: group.sums[0] if alone else group.units for key, group in counted.items()}, source=source
            )
            keys = shown.keys
            if alone:
                return self._cells(keys, _plain(shown.release, Fraction(1), self.level))
        if not keys:
            return ()
        if self.quantile is not None:
            ranked = [self.quantile.estimate(found.get(key, NONE).places, source=source) for key in keys]
            return self._cells(keys, ranked)
        assert self.additive is not None
        released = self.additive.release(self.additive.numbers(found, keys), source=source)
        return self._estimated(keys, released)

    def _estimated(self, keys: Sequence[Key], released: Release) -> tuple[Cell, ...]:
        assert self.additive is not None
        places, noise = self.additive.statistic.places, released.noise
        if self.ask.statistic == "contingency":
            return self._table(released)
        if isinstance(places, Edges):
            return self._bins(keys, _plain(released, Fraction(1), self.level), places)
        if self.ask.statistic == "sum":
            assert places is not None
            return self._cells(keys, _plain(released, places.step, self.level, rows=False))
        several: dict[str, Callable[..., list[Estimate]]] = {"mean": mean.means, "variance": variance.variances}
        if self.ask.statistic in several:
            assert isinstance(places, Lattice)
            width = self.additive.statistic.width
            sums = [released.integers[i : i + width] for i in range(0, len(released.integers), width)]
            return self._cells(keys, several[self.ask.statistic](sums, noise, places, level=self.level))
        return self._cells(keys, _plain(released, Fraction(1), self.level))

    def _slice(self, key: Key) -> dict[str, str]:
        return {name: key_text(value) for name, value in zip(self.scan.by, key, strict=True)}

    def _cells(self, keys: Sequence[Key], estimates: Sequence[Estimate]) -> tuple[Cell, ...]:
        return tuple(Cell(self._slice(key), estimate) for key, estimate in zip(keys, estimates, strict=True))

    def _bins(self, keys: Sequence[Key], estimates: Sequence[Estimate], places: Edges) -> tuple[Cell, ...]:
        column, pairs = str(self.ask.column), list(pairwise(places.edges))
        names = [f"[{a:.10g}, {b:.10g}{']' if i == places.last else ')'}" for i, (a, b) in enumerate(pairs)]
        slices = [self._slice(key) | {column: name} for key in keys for name in names]
        return tuple(Cell(where, estimate) for where, estimate in zip(slices, estimates, strict=True))

    def _table(self, released: Release) -> tuple[Cell, ...]:
        assert self.keys is not None
        levels = [self.keys.columns[name] for name in self.scan.by]
        shape = [len(values) for values in levels]
        cells = []
        for entry in table.entries(released.integers, shape, released.noise, level=self.level):
            where = {
                name: key_text(values[place])
                for name, values, place in zip(self.scan.by, levels, entry.levels, strict=True)
                if place is not None
            }
            cells.append(Cell(where, entry.estimate))
        return tuple(cells)


def _plain(released: Release, step: Fraction, level: float, *, rows: bool = True) -> list[Estimate]:
    """Each number as it is, times `step`, and the quantiles of its noise about it."""
    half = released.half_width(level) * step
    found = []
    for number in released.integers:
        value = number * step
        found.append(Estimate(float(value), float(value - half), float(value + half), max(0, number) if rows else None))
    return found

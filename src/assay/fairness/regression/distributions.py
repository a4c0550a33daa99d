"""How far the predicted numbers of one group lie from those of all others, as a whole distribution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Measure
from assay.fairness.individual.judged import RowGroups
from assay.fairness.scores.distances import Noise, Norm, distance, kolmogorov_smirnov, wasserstein
from assay.fairness.scores.histogram import Histogram
from assay.fairness.words import too_few_groups

Floats = NDArray[np.float64]
RUNS = 1_000
"""Distinct numbers kept apart; more are pooled into as many runs of about equal rows."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """(rows,) `places` of the numbers in (runs,) `centres`, the means of the runs of neighbouring numbers."""

    places: NDArray[np.int64]
    centres: Floats

    @classmethod
    def of(cls, values: Floats, /) -> Numbers:
        """At most `RUNS` runs; equal numbers are in one run."""
        distinct, place, rows = np.unique(values, return_inverse=True, return_counts=True)
        middle = (np.cumsum(rows) - rows / 2) / len(values)
        run = np.arange(len(distinct)) if len(distinct) <= RUNS else (middle * RUNS).astype(np.int64)
        places = np.unique(run[place.reshape(-1)], return_inverse=True)[1].reshape(-1).astype(np.int64)
        # Less the smallest, so that numbers far from 0 keep their digits.
        sums = np.bincount(places, weights=values - distinct[0])
        return cls(places, distinct[0] + sums / np.bincount(places))

    def by_group(self, codes: NDArray[np.int64], groups: int, /) -> Floats:
        """(groups, runs) rows."""
        flat = np.bincount(codes * len(self.centres) + self.places, minlength=groups * len(self.centres))
        return flat.reshape(groups, -1).astype(np.float64)


def distance_measures(
    numbers: Numbers, groups: RowGroups, /, *, level: float, permutations: int, rng: np.random.Generator
) -> Iterator[Measure]:
    """`prediction_wasserstein` and `prediction_ks` of each group against all others.

    De-biased values and intervals as for scores (`scores.distances.distance`); p-values by shuffling the groups over
    the rows, at least 1 / (permutations + 1).
    """
    k = len(groups.slices)
    if k < 2 or len(numbers.centres) < 2:
        one_number = Message("one-number", "all predictions are the same number")
        reason = too_few_groups(groups.slices) if k < 2 else one_number
        for name in ("prediction_wasserstein", "prediction_ks"):
            yield Measure(name, None, len(groups.codes), over=groups.over, reason=reason)
        return
    norms = {"prediction_wasserstein": wasserstein(np.diff(numbers.centres)), "prediction_ks": kolmogorov_smirnov}
    table = numbers.by_group(groups.codes, k)
    whole = table.sum(axis=0)
    noise = Noise.of(_histogram(whole), rng=rng)
    raw = {name: _plug_in(table, whole, norm) for name, norm in norms.items()}
    reached = {name: np.zeros(k) for name in norms}
    for _ in range(permutations):
        shuffled = numbers.by_group(rng.permutation(groups.codes), k)
        for name, norm in norms.items():
            # As large but for rounding is as large.
            reached[name] += _plug_in(shuffled, whole, norm) >= raw[name] * (1 - 1e-9)
    for g, slice_ in enumerate(groups.slices):
        own, rest = _histogram(table[g]), _histogram(whole - table[g])
        for name, norm in norms.items():
            found = distance(own, rest, norm, noise, level=level)
            text = "without taking the bias of the estimate out it is {raw}"
            yield Measure(
                name,
                found.value,
                (own.rows, rest.rows),
                slice=slice_,
                over=groups.over,
                groups=(slice_,),
                interval=found.interval,
                p_value=float(1 + reached[name][g]) / (1 + permutations),
                family=name,
                method="group against all other rows, de-biased; p: groups shuffled over rows",
                notes=(Message("plug-in-distance", text, {"raw": f"{found.raw:.4g}"}),),
            )


def _plug_in(table: Floats, whole: Floats, norm: Norm) -> Floats:
    """(groups,) distance of each group's rows from all others."""
    rest = whole - table
    shares = table / table.sum(axis=1, keepdims=True) - rest / rest.sum(axis=1, keepdims=True)
    return norm(np.cumsum(shares, axis=1)[:, :-1])


def _histogram(rows: Floats) -> Histogram:
    n = float(rows.sum())
    return Histogram(rows, np.zeros(len(rows)), int(n), n)

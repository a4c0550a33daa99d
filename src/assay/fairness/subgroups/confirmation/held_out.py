"""Slices are found on one half of the rows and measured on the other, which has not been looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.fairness.subgroups.confirmation.estimates import Difference, Mask, Rows, difference
from assay.fairness.subgroups.confirmation.shuffles import studentised
from assay.fairness.subgroups.distinct import distinct
from assay.fairness.subgroups.encoding import Encoded
from assay.fairness.subgroups.search import Best, Found, Search

SHUFFLES, SHUFFLED = 1_999, 100_000
"""Shuffles of the test of means, and up to how many rows it is made; in more rows slices are large."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A slice as it was found, and how much worse it is where that may be believed."""

    found: Found
    difference: Difference


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The slices, best rank first; the search that found them; and how their p-values and intervals came about."""

    slices: tuple[Confirmed, ...]
    best: Best
    method: str
    corrected: bool


def halves(rows: int, units: NDArray[np.int64] | None, /, *, seed: int) -> NDArray[np.bool_]:
    """(rows,) which rows are searched: half of them, or, where units repeat, all rows of half the units."""
    rng = np.random.default_rng([seed, rows])
    if units is not None:
        distinct_units, place = np.unique(units, return_inverse=True)
        return np.asarray(_half(len(distinct_units), rng)[place.reshape(-1)])
    return _half(rows, rng)


def _half(n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    mask = np.zeros(n, dtype=np.bool_)
    mask[rng.permutation(n)[: n // 2]] = True
    return mask


def confirm_held_out(encoded: Encoded, rows: Rows, /, *, search: Search, level: float, seed: int) -> Confirmation:
    """The best slices of a random half, with differences, intervals and p-values of the other half alone.

    What is measured had no part in the choice, so that each interval and p-value is valid as it stands; over the
    slices together the p-values are a family, which is controlled when they are judged (Holm).
    """
    searched = halves(encoded.rows, rows.units, seed=seed)
    if not 0 < searched.sum() < len(searched):
        raise AssayError("One row or unit cannot be halved.", code="empty-denominator", hint="Give more rows.")
    best = distinct(encoded.take(searched), rows.values[searched], search=search)
    other, kept = encoded.take(~searched), rows.take(~searched)
    masks = [other.inside(found.conditions) for found in best.found]
    if kept.plain and not kept.binary and other.rows <= SHUFFLED:
        measured = _shuffled_differences(kept, masks, level=level, rng=np.random.default_rng([seed, other.rows]))
    else:
        measured = [difference(kept, mask, level=level) for mask in masks]
    slices = tuple(Confirmed(found, one) for found, one in zip(best.found, measured, strict=True))
    return Confirmation(slices, best, "held-out half", corrected=False)


def _shuffled_differences(
    rows: Rows, masks: list[Mask], /, *, level: float, rng: np.random.Generator
) -> list[Difference]:
    """Differences of means by the studentised permutation test: losses are skewed, and slices may be small."""
    plain = [difference(rows, mask, level=level) for mask in masks]
    tested = [i for i, one in enumerate(plain) if one.p_value is not None]
    if not tested:
        return plain
    tests = studentised(rows.values, [masks[i] for i in tested], level=level, permutations=SHUFFLES, rng=rng)
    for i, test in zip(tested, tests, strict=True):
        wide = difference(rows, masks[i], level=level, z=test.critical)
        interval = wide.interval and replace(wide.interval, method="Welch t, shuffled")
        plain[i] = replace(wide, interval=interval, p_value=test.p_value, method=f"Welch t, {SHUFFLES} shuffles")
    return plain

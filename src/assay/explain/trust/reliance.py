"""How much of a model's answers rests on protected attributes, and on columns that tell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Interval
from assay.explain.columns import Columns, Floats
from assay.explain.overall.permuting.belonging import BINS, MOST_LEVELS
from assay.explain.overall.uncertainty import mean_over_rows
from assay.explain.target import Target
from assay.stats.tests import cramers_v

Codes = NDArray[np.int64]
PROXY = 0.3
"""Cramér's V from which a column is called a proxy: a medium effect, by Cohen's convention for two groups."""
MOST_GROUPS = 20


@dataclass(frozen=True, slots=True)
class Tells:
    """A column of the model and how closely it goes with a protected attribute: Cramér's V, 0 to 1."""

    column: str
    place: int
    strength: float


def telling(columns: Columns, rows: Floats, groups: Codes, /) -> tuple[Tells, ...]:
    """For each column how well it tells the group of a row, the strongest first.

    Bias-corrected Cramér's V of the groups with the column, numbers cut into quintiles, missing a level of its own; 0
    for a category of more than MOST_LEVELS levels, which nearly names the row. Each column alone: what several tell
    together only a model of them shows (fairness.proxies). Source: Bergsma (2013).
    """
    found = []
    for j, column in enumerate(columns.columns):
        codes = _codes(rows[:, j], nominal=column.kind == "category")
        table = np.zeros((int(codes.max()) + 1, int(groups.max()) + 1))
        np.add.at(table, (codes, groups), 1)
        strength = (cramers_v(table) or 0.0) if len(table) <= MOST_LEVELS else 0.0
        found.append(Tells(column.name, j, strength))
    return tuple(sorted(found, key=lambda each: -each.strength))


def _codes(values: Floats, *, nominal: bool) -> Codes:
    known = ~np.isnan(values)
    out = np.zeros(len(values), dtype=np.int64)
    if not known.any():
        return out
    if nominal:
        out[known] = 1 + np.unique(values[known], return_inverse=True)[1].reshape(-1)
    else:
        edges = np.unique(np.quantile(values[known], np.arange(1, BINS) / BINS))
        out[known] = 1 + np.searchsorted(edges, values[known], side="left")
    return out


def group_codes(texts: list[Any], /) -> Codes:
    """(rows,) a code for each group; missing is a group."""
    order = {level: i for i, level in enumerate(sorted(set(texts), key=lambda each: (each is None, each or "")))}
    return np.array([order[text] for text in texts], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Explained:
    """The share of the variance of answers that groups explain."""

    value: float
    interval: Interval | None


def explained_by_groups(answers: Floats, groups: Codes, /, *, level: float) -> Explained | None:
    """The correlation ratio η² = Var(E[answer | group]) / Var(answer), less its bias; None where answers do not differ.

    The value is ε² of Kelley (1935), "An unbiased correlation ratio measure", PNAS 21:554, not below 0. The interval
    is the delta method's around η², moved by the same correction and cut to [0, 1]. Asks for no rows but real ones, so
    that a model cannot hide it from perturbations.
    """
    n, k = len(answers), int(groups.max()) + 1
    size = np.bincount(groups, minlength=k)
    off = answers - answers.mean()
    total = float(off @ off) / n
    if total <= 1e-24 or k < 2 or n <= k:
        return None
    centre = np.bincount(groups, weights=off, minlength=k) / np.maximum(size, 1)
    within = (off - centre[groups]) ** 2
    ratio = 1 - float(within.mean()) / total
    correction = (1 - ratio) * (k - 1) / (n - k)
    value = min(1.0, max(0.0, ratio - correction))
    influence = ratio - (within - (1 - ratio) * off**2) / total
    around = mean_over_rows(influence, level=level).interval
    if around is None:
        return Explained(value, None)
    low, high = (min(1.0, max(0.0, end - correction)) for end in (around.low, around.high))
    return Explained(value, Interval(min(low, value), max(high, value), level, "delta, Student t, cut to [0, 1]"))


def flip_effects(target: Target, rows: Floats, place: int, /) -> Floats:
    """(rows,) greatest absolute change of the answer when the column at `place` is set to another of its values.

    At most the MOST_GROUPS most frequent values are tried, all rows at once; everything else stays as it is.
    """
    values, counts = np.unique(rows[~np.isnan(rows[:, place]), place], return_counts=True)
    values = values[np.argsort(-counts, kind="stable")[:MOST_GROUPS]]
    flipped = np.repeat(rows[:, None], len(values), axis=1)
    flipped[:, :, place] = values
    answers = target(flipped.reshape(-1, rows.shape[1])).reshape(len(rows), -1)
    return np.asarray(np.abs(answers - target(rows)[:, None]).max(axis=1, initial=0.0))

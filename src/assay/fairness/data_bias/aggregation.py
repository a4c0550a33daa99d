"""Whether one model for everybody is worse for a group than a model of its own, on rows neither has seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Slice
from assay.fairness.data_bias.case_rows import Grouping
from assay.fairness.proxy.features import Coded
from assay.fairness.proxy.held_out import FOLDS, assign_folds, fitted_scores
from assay.fairness.words import left_out_groups, too_few_groups

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
GAIN = "aggregation_gain"
TREES = 40
"""Boosting rounds of each model."""
LEAST = 50
"""Fewest favourable and fewest other labels a group needs for a model of its own."""
CLIP = 1e-6
"""Predicted shares are kept this far from 0 and 1."""


@dataclass(frozen=True, eq=False)
class Learning:
    """What the models learn from: (rows, features) codes, which of them are categories, labels, and a fold each."""

    table: Floats
    categories: NDArray[np.bool_]
    label: Floats
    weights: Floats | None
    units: Codes | None
    folds: Codes
    seed: int

    @classmethod
    def of(
        cls,
        features: list[Coded],
        label: Floats,
        /,
        *,
        weights: Floats | None,
        units: Codes | None,
        seed: int,
    ) -> Learning:
        """From coded features of rows that have a label; rows of one unit are in one fold."""
        table = np.stack([coded.codes for coded in features], axis=1).astype(np.float64)
        kinds = np.array([not coded.ordered for coded in features])
        folds = assign_folds(label.astype(np.int64), units, rng=np.random.default_rng([seed, len(label)]))
        return cls(table, kinds, label, weights, units, folds, seed)

    def losses(self, rows: NDArray[np.int64], /) -> Floats:
        """The log-loss of each of `rows`, by a model fitted on those of them that are in other folds."""

        def fit(training: Codes, testing: Codes) -> Floats:
            return self._predicted(rows[training], rows[testing])[:, None]

        chance = np.clip(fitted_scores(fit, self.folds[rows], 1)[:, 0], CLIP, 1 - CLIP)
        return np.asarray(-np.log(np.where(self.label[rows] == 1, chance, 1 - chance)))

    def _predicted(self, training: Codes, testing: Codes) -> Floats:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        weights = None if self.weights is None else self.weights[training]
        share = float(np.average(self.label[training], weights=weights)) if len(training) else 0.5
        if share in (0.0, 1.0) or not len(training):
            return np.full(len(testing), share)
        model = HistGradientBoostingClassifier(
            max_iter=TREES,
            learning_rate=0.1,
            max_leaf_nodes=8,
            l2_regularization=1.0,
            categorical_features=self.categories,
            early_stopping=False,
            random_state=self.seed,
        )
        # Tables this small gain nothing from threads, and lose much where other work shares the cores.
        with threadpool_limits(1, user_api="openmp"):
            model.fit(self.table[training], self.label[training], sample_weight=weights)
            return np.asarray(model.predict_proba(self.table[testing])[:, 1])


def gains(
    learning: Learning, pooled: Floats, grouping: Grouping, /, *, level: float, notes: tuple[Message, ...]
) -> Iterator[Measure]:
    """`aggregation_gain` of every group that has rows enough, and over all of those together.

    `pooled` is the loss of each row by the one model; `grouping` has the same rows.
    """
    gain = np.full(len(pooled), np.nan)
    small = []
    for group, slice_ in enumerate(grouping.slices):
        rows = np.flatnonzero(grouping.codes == group)
        hits = int(learning.label[rows].sum())
        if len(grouping.slices) < 2 or min(hits, len(rows) - hits) < LEAST:
            small.append(slice_)
            reason = too_few_groups([slice_]) if len(grouping.slices) < 2 else _too_few(slice_)
            yield Measure(GAIN, None, len(rows), slice=slice_, over=grouping.over, reason=reason)
            continue
        gain[rows] = pooled[rows] - learning.losses(rows)
        yield _mean_gain(learning, gain, rows, slice_, grouping.over, level=level)
    rows = np.flatnonzero(np.isfinite(gain))
    if small:
        notes = (*notes, left_out_groups(small))
    if len(rows):
        yield _mean_gain(learning, gain, rows, {}, grouping.over, level=level, notes=notes)
    else:
        text = "no group has rows enough for a model of its own"
        yield Measure(GAIN, None, 0, over=grouping.over, reason=Message("too-few-rows", text), notes=notes)


def _too_few(slice_: Slice) -> Message:
    text = "a model of its own needs {least} favourable and {least} other labels in the group"
    return Message("too-few-rows", text, {"least": LEAST})


def _mean_gain(
    learning: Learning,
    gain: Floats,
    rows: Codes,
    slice_: Slice,
    over: tuple[str, ...],
    /,
    *,
    level: float,
    notes: tuple[Message, ...] = (),
) -> Measure:
    """The mean gain of `rows` with the interval of a mean of pairs, and the one-sided p-value of a gain above 0."""
    from scipy.special import stdtr

    from assay.stats.moments import student

    weights = np.ones(len(rows)) if learning.weights is None else learning.weights[rows]
    total = float(weights.sum())
    value = float((weights * gain[rows]).sum()) / total
    terms = np.asarray(weights * (gain[rows] - value) / total)
    if learning.units is not None:
        unit = np.unique(learning.units[rows], return_inverse=True)[1].reshape(-1)
        terms = np.bincount(unit, weights=terms).astype(np.float64)
    freedom = len(terms) - 1
    error = math.sqrt(float((terms**2).sum()) * len(terms) / max(1, freedom))
    known = error > 0 and freedom > 0
    half = student(level, freedom) * error if known else 0.0
    return Measure(
        GAIN,
        value,
        len(rows),
        slice=slice_,
        over=over,
        interval=Interval(value - half, value + half, level, "Student t on held-out pairs") if known else None,
        p_value=float(stdtr(freedom, -value / error)) if known else None,
        family=GAIN if known else "",
        method=f"held-out log-loss of one model minus that of a model for each group, {FOLDS} folds, boosted trees",
        notes=notes,
    )

"""How much each column adds on average over rows, and whether it adds more for one group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.house import Progress
from assay.core.measure import Interval, Slice
from assay.data.rows.columns import column_of, encode, levels_of
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.overall.asked import asked
from assay.explain.question import Question
from assay.stats.moments import Estimate, difference, mean, welch

if TYPE_CHECKING:
    from assay.data.case import Case

ROWS = 1000
FEWEST = 10
"""A group of fewer rows has no number of its own."""


@dataclass(frozen=True, slots=True)
class GroupMean:
    """The mean absolute value for the rows of one group, and how far it is above that of all other rows.

    `difference` has Welch's interval and two-sided p; None where either side has fewer than two different values.
    """

    slice: Slice
    mean: Estimate
    difference: float | None
    interval: Interval | None
    p_value: float | None
    others: int


@dataclass(frozen=True, slots=True)
class ColumnMean:
    """Mean absolute value of one column over all rows, its mean with sign, and by group."""

    column: str
    mean: Estimate
    signed: float
    groups: tuple[GroupMean, ...]


@dataclass(frozen=True, eq=False)
class Summary:
    """The columns, the most important first, of `attributions`; `small` groups have too few rows for a number."""

    columns: tuple[ColumnMean, ...]
    attributions: Attributions
    small: tuple[Slice, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything but the rows, as JSON types."""
        return {
            "method": self.attributions.method,
            "target": self.attributions.target,
            "scale": self.attributions.scale,
            "rows": len(self.attributions),
            "columns": [
                {
                    "column": each.column,
                    "mean": each.mean.value,
                    "interval": each.mean.interval.to_json() if each.mean.interval else None,
                    "signed": each.signed,
                    "groups": [
                        {"slice": dict(group.slice), "mean": group.mean.value, "difference": group.difference}
                        for group in each.groups
                    ],
                }
                for each in self.columns
            ],
        }


def shap_summary(
    about: Question | Case,
    /,
    *,
    method: str = "auto",
    level: float = 0.95,
    limit: int = ROWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Summary:
    """The Summary of SHAP values of at most `limit` rows, by group of the Case's protected attributes too.

    See `assay.explain.shapley.explain.explain` for `method` and the scale.
    """
    from assay.explain.shapley.explain import explain

    question = asked(about, limit=limit, seed=seed)
    return summarise(explain(question, method=method, progress=progress), question.groups, level=level)


def summarise(found: Attributions, groups: Any = None, /, *, level: float = 0.95) -> Summary:
    """The Summary of any Attributions: mean |value| of each column with Student's interval over rows.

    `groups` is a table of one attribute a column, rows as in `found`; each group is held against all other rows. These
    are values of the model, not of the world: a column that adds more for one group does not say why. Source: Lundberg
    et al. (2020), Nature Machine Intelligence 2:56, for the mean of absolute values.
    """
    size = np.abs(found.values)
    members = _members(groups)
    small = tuple(slice_ for slice_, inside in members if inside.sum() < FEWEST)
    kept = [(slice_, inside) for slice_, inside in members if inside.sum() >= FEWEST and (~inside).sum() >= FEWEST]
    columns = [
        ColumnMean(
            name,
            _mean(size[:, j], level),
            float(found.values[:, j].mean()),
            tuple(_group(slice_, size[:, j], inside, level) for slice_, inside in kept),
        )
        for j, name in enumerate(found.columns.names)
    ]
    return Summary(tuple(sorted(columns, key=lambda each: -each.mean.value)), found, small)


def _members(groups: Any) -> list[tuple[Slice, np.ndarray]]:
    """(rows,) who is in it, for each group of each attribute, in the order of their names."""
    out: list[tuple[Slice, np.ndarray]] = []
    for name in [] if groups is None else groups.column_names:
        coded = encode(groups.column(name))
        levels = levels_of(coded.values, column_of(name, groups.column(name).type))
        for level in sorted(dict.fromkeys(levels), key=lambda text: (text is None, text or "")):
            places = [i for i, text in enumerate(levels) if text == level]
            out.append(({name: level}, np.isin(coded.codes, places)))
    return out


def _mean(values: Floats, level: float) -> Estimate:
    return mean(float(values.sum()), float((values**2).sum()), len(values), level=level)


def _group(slice: Slice, values: Floats, inside: np.ndarray, level: float) -> GroupMean:
    ours, others = _mean(values[inside], level), _mean(values[~inside], level)
    interval = difference(ours, others, level=level)
    if interval is None:
        return GroupMean(slice, ours, None, None, None, int((~inside).sum()))
    gap = ours.value - others.value
    return GroupMean(slice, ours, gap, interval, _p_value(gap, ours, others), int((~inside).sum()))


def _p_value(gap: float, ours: Estimate, others: Estimate) -> float:
    """Two-sided, of Welch's t."""
    from scipy.special import stdtr

    error, freedom = welch(ours, others)
    return float(min(1.0, 2 * stdtr(freedom, -abs(gap) / error)))

"""Columns made constant, with what that really does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.fairness.mitigation.columns.association import associations, linear_auc
from assay.fairness.mitigation.columns.tables import as_frame, like
from assay.fairness.mitigation.estimators import fit_clone, predictions
from assay.fairness.mitigation.held_out import RATES, gap_reduction
from assay.fairness.mitigation.mitigation import mitigation
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.rows import Training, folds_of

if TYPE_CHECKING:
    import pandas as pd


class Suppression(Preprocessing):
    """Fits the estimator with `columns`, and every column whose association with the group is above a limit, constant.

    A suppressed column holds one value (the median, or the most frequent name) for every row, at fitting and at
    decision time, where it may be lacking; so that a pipeline which names its columns still works. The association is
    bias-corrected Cramér's V, numbers cut at deciles; `association` None suppresses `columns` only. That often changes
    little, since others tell the same: so `effect_` shows, from `folds` held-out folds, with all columns and with those
    left, the accuracy, the gaps between groups with the interval of their reduction, and how well a linear model still
    tells the group (AUC; 0.5 is chance). `constants_` has the value of each suppressed column, `associations_` the
    association of every column. `folds=0` measures no effect.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        columns: Sequence[str | int] = (),
        association: float | None = 0.15,
        folds: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__(estimator)
        self.columns = columns
        self.association = association
        self.folds = folds
        self.seed = seed

    def prepare(self, rows: Training, /) -> Training:
        """The same rows with fewer columns."""
        table = as_frame(rows.x)
        self.associations_ = associations(table, rows.codes)
        for name in map(str, self.columns):
            if name not in self.associations_:
                raise unknown("column", name, self.associations_, code="features")
        limit = np.inf if self.association is None else self.association
        named = set(map(str, self.columns))
        chosen = [name for name, found in self.associations_.items() if name in named or found > limit]
        if len(chosen) == len(self.associations_):
            raise AssayError(
                f"Every column has an association above {limit:g} with the group, so that none would be left.",
                code="parameter",
                hint=f"Raise association; the smallest is {min(self.associations_.values()):.3g}.",
            )
        if self.folds == 1 or self.folds < 0:
            raise AssayError(f"folds={self.folds}: give 2 or more, or 0 to measure no effect.", code="parameter")
        self.constants_ = {name: _constant(table[name]) for name in chosen}
        self.order_ = [str(name) for name in table.columns]
        left = replace(rows, x=self.at_decision(rows.x, None))
        self.effect_ = self._effect(rows, left, table) if self.folds else {}
        return left

    def at_decision(self, x: Any, codes: Any, /) -> Any:
        """The features with the suppressed columns constant."""
        import pandas as pd

        table = as_frame(x).copy()
        for name, value in self.constants_.items():
            made = pd.Series([value] * len(table), index=table.index)
            table[name] = made.astype(table[name].dtype) if name in table.columns else made
        return like(x, table[self.order_])

    def _effect(self, rows: Training, left: Training, table: pd.DataFrame) -> dict[str, Any]:
        """What leaving the columns out does on held-out folds, as JSON types."""
        rng = np.random.default_rng(self.seed)
        fold = folds_of(rows.cells, self.folds, rng=rng)
        before, after = (self._held_out(part, fold) for part in (rows, left))
        effect: dict[str, Any] = {
            "accuracy": {"all": float((before == rows.y).mean()), "left": float((after == rows.y).mean())},
            "group_auc": {
                "all": linear_auc(table, rows.codes, fold),
                "left": linear_auc(table.drop(columns=list(self.constants_)), rows.codes, fold),
            },
        }
        for rate in RATES if len(rows.groups) > 1 and (rows.table() > 0).all() else ():
            found = gap_reduction(before, after, rows.y, rows.codes, rate=rate, rng=rng)
            shrunk = found.interval.to_json() if found.interval else None
            effect[f"{rate}_gap"] = {"all": found.before, "left": found.after, "reduction": shrunk}
        return effect

    def _held_out(self, rows: Training, fold: np.ndarray) -> np.ndarray:
        """(rows,) decisions by copies of the estimator that were not fitted on the row."""
        out = np.empty(len(rows), dtype=np.int64)
        for one in range(self.folds):
            asked, known = np.flatnonzero(fold == one), rows.only(np.flatnonzero(fold != one))
            if len(asked):
                made = fit_clone(self.estimator, known.x, known.y, known.weight)
                out[asked] = predictions(made, rows.only(asked).x)
        return out


def _constant(column: pd.Series[Any]) -> Any:
    """The median of a number as a value of its kind, the most frequent of names; None where all are missing."""
    present = column.dropna()
    if not len(present):
        return None
    found = present.mode().iloc[0] if column.dtype.kind not in "iuf" else present.quantile(interpolation="nearest")
    return found.item() if hasattr(found, "item") else found


suppression = mitigation(
    "suppression",
    title="Columns that tell the group made constant, with the effect measured",
    promise="The model sees no column whose association with the group is above the limit; others may still tell it",
    source="Kamiran & Calders (2012), Data preprocessing techniques for classification without discrimination",
)(Suppression)

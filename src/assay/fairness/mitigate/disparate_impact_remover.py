"""Numbers moved so that each has the same distribution in every group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.fairness.mitigation.columns.quantiles import quantiles, rank, value
from assay.fairness.mitigation.columns.tables import as_frame, like, nominal_columns, numbers
from assay.fairness.mitigation.groups import Codes
from assay.fairness.mitigation.mitigation import Floats, mitigation
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.rows import Training


class DisparateImpactRemover(Preprocessing):
    """Fits the estimator on numbers that were moved to the median, over groups, of the values at their rank.

    Geometric repair: (1 − `level`) x + `level` median_g Q_g(F(x)), F being the distribution in the row's own group. At
    level 1 a repaired number says nothing about the group on its own, and keeps the order within each group; several
    together may still tell it. `columns` are those to repair, by default all numbers; columns of names stay as they
    are unless `drop_names` is set, and so does what they say about the group. `moved_` has the mean distance each
    column was moved, in standard deviations: 0 means that nothing was done.
    """

    needs_attribute_at_decision = True

    def __init__(
        self,
        estimator: Any,
        *,
        level: float = 1.0,
        columns: Sequence[str | int] | None = None,
        drop_names: bool = False,
    ) -> None:
        super().__init__(estimator)
        self.level = level
        self.columns = columns
        self.drop_names = drop_names

    def prepare(self, rows: Training, /) -> Training:
        """The same rows, repaired."""
        table = as_frame(rows.x)
        names = nominal_columns(table)
        self.dropped_ = list(names) if self.drop_names else []
        self.repaired_ = self._repaired_columns([str(name) for name in table.columns if name not in set(names)])
        if not 0 <= self.level <= 1:
            raise AssayError(f"A repair level of {self.level} is not in [0, 1].", code="parameter")
        values = numbers(table, self.repaired_)
        by_group = [np.flatnonzero(rows.codes == g) for g in range(len(rows.groups))]
        self.quantiles_ = [
            np.stack([quantiles(column[there], rows.weights[there]) for there in by_group]) for column in values.T
        ]
        moved = np.abs(self._repair(values, rows.codes) - values).mean(axis=0)
        scale = values.std(axis=0)
        distance = np.divide(moved, scale, out=np.zeros(len(scale)), where=scale > 0)
        self.moved_ = {name: float(far) for name, far in zip(self.repaired_, distance, strict=True)}
        return Training(self.at_decision(rows.x, rows.codes), rows.y, rows.codes, rows.groups, rows.weight)

    def _repaired_columns(self, numeric: list[str]) -> list[str]:
        chosen = numeric if self.columns is None else [str(name) for name in self.columns]
        for name in chosen:
            if name not in numeric:
                raise unknown("numeric column", name, numeric, code="features")
        if not chosen:
            raise AssayError(
                "No column holds numbers, so that nothing could be repaired.",
                code="features",
                hint="This method moves numbers; for names use reweighing or group thresholds.",
            )
        return chosen

    def at_decision(self, x: Any, codes: Any, /) -> Any:
        """The features with repaired numbers."""
        table = as_frame(x)
        values = numbers(table, self.repaired_)
        made = table.copy()
        repaired = self._repair(values, codes)
        for j, name in enumerate(self.repaired_):
            made[name] = repaired[:, j]
        return like(x, made.drop(columns=self.dropped_))

    def _repair(self, values: Floats, codes: Codes) -> Floats:
        out = np.empty_like(values)
        for j, tables in enumerate(self.quantiles_):
            for group, own in enumerate(tables):
                rows = codes == group
                ranks = rank(values[rows, j], own)
                goal = np.median([value(ranks, table) for table in tables], axis=0)
                out[rows, j] = (1 - self.level) * values[rows, j] + self.level * goal
        return out


remover = mitigation(
    "disparate-impact-remover",
    title="Numbers moved so that each has the same distribution in every group",
    promise="At level 1 the distribution of each repaired number is the same in every group",
    source="Feldman et al. (2015), Certifying and removing disparate impact, section 5.2",
)(DisparateImpactRemover)

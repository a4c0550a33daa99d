"""The least certain decisions given to the group that is selected less."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.fairness.mitigation.mitigation import Floats, mitigation
from assay.fairness.mitigation.postprocessing import Postprocessing, Scored
from assay.fairness.thresholds.problem import CONSTRAINTS, SLACK


class RejectOption(Postprocessing):
    """Within `width` of score 0.5, deprived groups are selected and the others are not; outside, 0.5 decides.

    Deprived are the groups whose selection rate at 0.5 is under that of all rows. The width is the smallest at which
    the rates of `constraint` (demographic-parity, equal-opportunity, fpr-parity, equalized-odds) differ by at most
    `tolerance` between groups, exactly, on the fitted rows; where no width reaches that, the error says which comes
    nearest. It moves one cutoff for the deprived and one for the others by the same distance, so that group thresholds
    are never worse on the fitted rows. `width_` has the width, `deprived_` the groups by code.
    """

    needs_attribute_at_decision = True

    def __init__(
        self,
        estimator: Any = None,
        *,
        constraint: str = "demographic-parity",
        tolerance: float = 0.01,
        prefit: bool = False,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        super().__init__(estimator, prefit=prefit, folds=folds, seed=seed)
        self.constraint = constraint
        self.tolerance = tolerance

    def learn(self, rows: Scored, /) -> None:
        """The smallest width within the tolerance."""
        if self.constraint not in CONSTRAINTS:
            raise unknown("constraint", self.constraint, CONSTRAINTS, code="parameter")
        selected = rows.score >= 0.5
        sums = [np.bincount(rows.codes, w, len(rows.groups)) for w in (rows.weights * selected, rows.weights)]
        self.deprived_ = (sums[0] / sums[1] < sums[0].sum() / sums[1].sum()).astype(np.int64)
        flips = self.deprived_[rows.codes].astype(bool) != selected
        distance = np.abs(rows.score - 0.5)
        widths = np.append(0.0, np.unique(distance[flips]))
        gaps = np.max([self._gaps(rows, name, selected, flips, distance, widths) for name in self._rates()], axis=0)
        within = np.flatnonzero(gaps <= self.tolerance + SLACK)
        if not len(within):
            nearest = int(np.argmin(gaps))
            raise AssayError(
                f"No width holds {self.constraint} within {self.tolerance:g}. The nearest: {gaps[nearest]:.4g}, at "
                f"width {widths[nearest]:.4g}.",
                code="no-solution",
                hint="Raise tolerance, or use group-thresholds, which has a cutoff for each group.",
            )
        self.width_ = float(widths[within[0]])

    def _rates(self) -> tuple[str, ...]:
        return CONSTRAINTS[self.constraint]

    def _gaps(
        self, rows: Scored, name: str, selected: np.ndarray, flips: np.ndarray, distance: Floats, widths: Floats
    ) -> Floats:
        """(widths,) widest difference of a rate between groups."""
        among = {"selection_rate": rows.y >= 0, "tpr": rows.y == 1, "fpr": rows.y == 0}[name]
        rates = []
        for group in range(len(rows.groups)):
            there = among & (rows.codes == group)
            total = rows.weights[there].sum()
            if not total > 0:
                raise AssayError(f"A group has no row in the denominator of {name}.", code="empty-denominator")
            flipped = there & flips
            order = np.argsort(distance[flipped], kind="stable")
            gained = np.append(0.0, np.cumsum(rows.weights[flipped][order]))
            count = np.searchsorted(distance[flipped][order], widths, "right")
            count[0] = 0  # width 0 changes nobody
            sign = 1.0 if self.deprived_[group] else -1.0
            rates.append((rows.weights[there & selected].sum() + sign * gained[count]) / total)
        spread: Floats = np.max(rates, axis=0) - np.min(rates, axis=0)
        return spread

    def selection(self, score: Floats, codes: Any, /) -> Floats:
        """(rows,) 1 or 0."""
        deprived = self.deprived_[codes] == 1
        near = (np.abs(score - 0.5) <= self.width_) & (self.width_ > 0)
        return np.where(near, deprived, score >= 0.5).astype(np.float64)


reject_option = mitigation(
    "reject-option",
    title="The least certain decisions given to the groups that are selected less",
    promise="Chosen rates differ by at most the tolerance between groups of the fitted rows",
    source="Kamiran, Karim & Zhang (2012), Decision theory for discrimination-aware classification, section 3.1",
)(RejectOption)

"""Mitigations that change scores or decisions after a model was trained."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.mitigation.draw import Draw
from assay.fairness.mitigation.estimators import favourable_scores, fit_clone, given_scores
from assay.fairness.mitigation.groups import Codes, Groups
from assay.fairness.mitigation.mitigation import Floats, Ints, Mitigation, both_columns, column_names
from assay.fairness.mitigation.rows import Training, folds_of, training


@dataclass(frozen=True)
class Scored:
    """Rows with the model's score: P(favourable), outcome 0 or 1, group and weight of each."""

    score: Floats
    y: Ints
    codes: Codes
    groups: Groups
    weight: Floats | None = None

    @property
    def weights(self) -> Floats:
        """(rows,) weights; ones where none were given."""
        return np.ones(len(self.y)) if self.weight is None else self.weight


class Postprocessing(Mitigation):
    """Learns from scores, outcomes and groups what to change. An author writes `learn`, and one of the two below.

    Without `estimator`, X is the score itself. With `prefit` the estimator is taken as it is, and the rows given to
    `fit` must not be those it was trained on. Otherwise it is fitted on all rows, and learns from scores that were
    made by copies fitted on the other of `folds` folds.
    """

    draw: Draw | None = None

    def __init__(self, estimator: Any = None, *, prefit: bool = False, folds: int = 5, seed: int = 0) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.folds = folds
        self.seed = seed

    @abstractmethod
    def learn(self, rows: Scored, /) -> None:
        """What the rows say is kept in attributes ending in `_`."""

    def rescored(self, score: Floats, codes: Any, /) -> Floats:
        """(rows,) the changed scores."""
        return score

    def selection(self, score: Floats, codes: Any, /) -> Floats:
        """(rows,) probability in [0, 1] that a row is selected; 0 and 1 are decided without a draw."""
        return (self.rescored(score, codes) >= 0.5).astype(np.float64)

    def fit(self, X: Any, y: Any, *, protected: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """The estimator is fitted, unless it is `prefit`, and the change is learned."""
        rows = training(X, y, protected=protected, sample_weight=sample_weight)
        self.features_ = column_names(X)
        if self.estimator is None:
            self.estimator_ = None
            score = given_scores(X)
        elif self.prefit:
            self.estimator_ = self.estimator
            score = favourable_scores(self.estimator, X)
        else:
            score = self._cross_scores(rows)
            self.estimator_ = fit_clone(self.estimator, rows.x, rows.y, rows.weight)
        return self.fit_scores(Scored(score, rows.y, rows.codes, rows.groups, rows.weight))

    def fit_scores(self, rows: Scored, /) -> Self:
        """The change is learned from scores that are there already."""
        if not hasattr(self, "estimator_"):
            self.estimator_, self.features_ = None, []
        self.learn(rows)
        if self.randomised:
            self.draw_ = self.draw or Draw.generate()
        self.groups_ = rows.groups
        return self

    def _cross_scores(self, rows: Training) -> Floats:
        """(rows,) scores of every row by a copy of the estimator that was not fitted on it."""
        if self.folds < 2:
            raise AssayError(
                f"folds={self.folds} leaves no rows to learn from that the estimator has not seen.",
                code="parameter",
                hint="Give folds=2 or more, or a fitted estimator with prefit=True and other rows.",
            )
        fold = folds_of(rows.cells, self.folds, rng=np.random.default_rng(self.seed))
        out = np.empty(len(rows))
        for one in range(self.folds):
            asked = np.flatnonzero(fold == one)
            if len(asked):
                known = rows.only(np.flatnonzero(fold != one))
                made = fit_clone(self.estimator, known.x, known.y, known.weight)
                out[asked] = favourable_scores(made, rows.only(asked).x)
        return out

    def scores(self, X: Any, /) -> Floats:  # noqa: N803
        """(rows,) the model's own score, before any change."""
        return given_scores(X) if self.estimator_ is None else favourable_scores(self.estimator_, X)

    def predict_proba(self, X: Any, *, protected: Any = None, ids: Any = None) -> Floats:  # noqa: N803
        """(rows, 2) probabilities of the outcomes by the changed score; a rule for decisions leaves the score alone."""
        codes = self.codes(protected)
        return both_columns(self.rescored(self.scores(X), codes))

    def selection_probability(self, X: Any, *, protected: Any = None) -> Floats:  # noqa: N803
        """(rows,) probability that each row is selected, before any draw."""
        codes = self.codes(protected)
        return self.selection(self.scores(X), codes)

    def predict(self, X: Any, *, protected: Any = None, ids: Any = None) -> Ints:  # noqa: N803
        """(rows,) decisions. Where one is drawn, `ids` must name the subjects: an id is decided alike for ever."""
        chance = self.selection_probability(X, protected=protected)
        return (self.drawn(chance, ids) if self.randomised else chance >= 0.5).astype(np.int64)

    def drawn(self, chance: Floats, ids: Any, /) -> Any:
        """(rows,) True with probability `chance`, by the draw of each subject."""
        open_rows = np.flatnonzero((chance > 0) & (chance < 1))
        out = chance >= 1
        if len(open_rows):
            if ids is None:
                raise AssayError(
                    f"{len(open_rows)} of {len(chance)} decisions are drawn, and no subject ids were given.",
                    code="subject",
                    hint="Give ids=, one a row, or use selection_probability(), or a deterministic rule.",
                )
            subjects = np.asarray(ids, dtype=object)
            if len(subjects) != len(chance):
                raise AssayError(f"{len(subjects)} ids were given for {len(chance)} rows.", code="rows")
            out[open_rows] = self.draw_.uniform(subjects[open_rows]) < chance[open_rows]
        return out

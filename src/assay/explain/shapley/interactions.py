"""How much pairs of columns add together, beyond what each adds by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.columns import Columns, Floats
from assay.explain.question import Question
from assay.explain.shapley.by_form import GAMES, tree_game, trees_of
from assay.explain.shapley.coalitions import (
    all_coalitions,
    answers,
    coalition_means,
    enumerated_interactions,
    enumerated_values,
)
from assay.explain.shapley.forests.trees import tree_shapley
from assay.explain.shapley.form import SCALES, form_scale, has_trees
from assay.explain.target import Scale

METHODS = ("tree-interactions", "exact-interactions")


@dataclass(frozen=True, eq=False)
class Interactions:
    """`values` (rows, columns, columns): SHAP interaction values of `rows`, symmetric, from `base` on.

    Off the diagonal, each of the two entries of a pair holds half of its Shapley interaction index; the diagonal holds
    what is left of the column's SHAP value, its main effect. So a line sums to the SHAP value, and the whole matrix
    and the `base` (rows,) to `outputs` (rows,). The other fields are as in `Attributions`.
    """

    method: str
    columns: Columns
    rows: Floats
    values: Floats
    base: Floats
    outputs: Floats
    target: str
    scale: Scale
    origin: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shap(self) -> Floats:
        """(rows, columns) the SHAP values: the sums of the lines."""
        return np.asarray(self.values.sum(axis=2))

    @property
    def strength(self) -> Floats:
        """(columns, columns) mean absolute value over the rows; off the diagonal that of the whole pair."""
        mean = np.abs(self.values).mean(axis=0)
        return np.asarray(2 * mean - np.diag(np.diag(mean)))


def interactions(
    question: Question,
    /,
    *,
    method: str = "auto",
    scale: str | None = None,
    game: str = "interventional",
    progress: Progress | None = None,
) -> Interactions:
    """Exact SHAP interaction values of every row of the question.

    `method` "auto" takes tree-interactions for a sum of trees on its own scale (log-odds for boosters), else
    exact-interactions, which asks the model for all 2^columns coalitions, at most 15 columns. `scale` and `game` are as
    in `explain`. Memory grows with rows times columns squared.

    Source: Lundberg et al. (2020), section on SHAP interaction values; Grabisch & Roubens (1999) for the index.
    """
    if game not in GAMES:
        raise unknown("game", game, GAMES, code="game")
    if method == "auto":
        found = form_scale(question) if has_trees(question) else None
        method = METHODS[0] if found in SCALES and scale in (None, found) else METHODS[1]
    if method not in METHODS:
        raise unknown("method of interactions", method, ("auto", *METHODS), code="method")
    if method == METHODS[0]:
        return _by_trees(question, scale=scale, game=game, progress=progress)
    if game != GAMES[0]:
        raise AssayError(f"{method} takes no game.", code="parameter", hint="It belongs to tree-interactions.")
    return _by_enumeration(question, scale=scale, progress=progress)


def _by_trees(question: Question, *, scale: str | None, game: str, progress: Progress | None) -> Interactions:
    form = trees_of(question, scale=scale, game=game)
    ensemble: Any = form.inside
    by_covers = game == "path-dependent"
    asked = tree_game(question, form, by_covers=by_covers)
    single = tree_shapley(asked, progress=progress)
    pairs = tree_shapley(asked, order=2, progress=progress)
    return Interactions(
        f"tree-interactions ({game})",
        question.columns,
        question.rows,
        _matrix(single.values.T, np.moveaxis(pairs.values, 2, 0)),
        np.full(len(form.rows), form.start + single.mean + form.sign * float(ensemble.base[form.output])),
        form.outputs,
        form.target,
        form.scale,
        "the training rows that passed each branch" if by_covers else question.origin,
        {"game": game, "background": len(question.background)},
    )


def _by_enumeration(question: Question, *, scale: str | None, progress: Progress | None) -> Interactions:
    columns = len(question.columns)
    masks = all_coalitions(columns)
    means = coalition_means(answers(question, scale), question.rows, question.background, masks, progress=progress)
    spoken = scale or question.target.scale
    return Interactions(
        METHODS[1],
        question.columns,
        question.rows,
        _matrix(enumerated_values(means, columns), enumerated_interactions(means, columns)),
        means[:, 0],
        means[:, -1],
        question.target.name if spoken == question.target.scale else f"{spoken} of {question.target.label}",
        cast(Scale, spoken),
        question.origin,
        {"background": len(question.background)},
    )


def _matrix(single: Floats, pairs: Floats) -> Floats:
    """(rows, columns, columns) from SHAP values and the indices of pairs i < j."""
    half = pairs / 2
    whole = half + np.swapaxes(half, 1, 2)
    main = single - whole.sum(axis=2)
    at = np.arange(single.shape[1])
    whole[:, at, at] = main
    return np.asarray(whole)

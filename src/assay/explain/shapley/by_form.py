"""Exact SHAP values from the trees or coefficients of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.shapley.forests.game import TreeGame
from assay.explain.shapley.forests.trees import tree_shapley
from assay.explain.shapley.form import Form, form_of, has_coefficients, has_trees
from assay.explain.shapley.result import attributions

if TYPE_CHECKING:
    from assay.models.structure.ensemble import TreeEnsemble

GAMES = ("interventional", "path-dependent")
_SINGLE = 2.0**-24
_DOUBLE = 2.0**-53


def tree_shap(
    question: Question,
    /,
    *,
    scale: str | None = None,
    game: str = "interventional",
    progress: Progress | None = None,
) -> Attributions:
    """Exact SHAP values of a sum of trees, on the scale on which they sum.

    `game` "interventional" compares with the background: absent columns take the values of background rows, and base is
    the model's mean over them. "path-dependent" weighs branches by the training rows that passed (as shap and the
    boosters do where no background is given); it needs the covers of the trees. Columns that were encoded into several
    (one-hot) play as one: the value of the column is its Shapley value in the game of columns, which the sum over its
    encoded columns is not in general.

    Source: Lundberg et al. (2020); on the choice of game: Janzing, Minorics & Bloebaum (2020), Chen, Janizek, Lundberg
    & Lee (2020).
    """
    form = trees_of(question, scale=scale, game=game)
    ensemble = cast("TreeEnsemble", form.inside)
    by_covers = game == "path-dependent"
    found = tree_shapley(tree_game(question, form, by_covers=by_covers), progress=progress)
    base = form.start + found.mean + form.sign * float(ensemble.base[form.output])
    origin = "the training rows that passed each branch" if by_covers else question.origin
    return attributions(
        question,
        f"tree-shap ({game})",
        found.values.T.copy(),
        base,
        form.outputs,
        form=form,
        origin=origin,
        tolerance=_tree_tolerance(form),
        settings={"game": game},
    )


def trees_of(question: Question, /, *, scale: str | None, game: str) -> Form:
    """The trees of a question's model, which can play `game` on `scale`; an AssayError says why they cannot."""
    if game not in GAMES:
        raise unknown("game", game, GAMES, code="game")
    name = question.target.model.name
    if not has_trees(question):
        raise AssayError(
            f"{name} is not known as a sum of trees.",
            code="model-structure",
            hint="Use a method that asks for answers only (permutation, exact), or auto.",
        )
    form = form_of(question, scale=scale)
    if game == "path-dependent" and not cast("TreeEnsemble", form.inside).covered:
        raise AssayError(
            f"{name} does not keep how many training rows passed each branch.",
            code="cover",
            hint='Use game="interventional".',
        )
    return form


def tree_game(question: Question, form: Form, /, *, by_covers: bool) -> TreeGame:
    """The game of the columns of a question in the trees of its model."""
    ensemble = cast("TreeEnsemble", form.inside)
    value = form.sign * ensemble.value[:, form.output]
    background = None if by_covers else form.background
    return TreeGame(ensemble, value, form.owner, len(question.columns), form.rows, background)


def linear_shap(question: Question, /, *, scale: str | None = None) -> Attributions:
    """Exact SHAP values of a linear model on the scale of its sum: coefficient × (value - mean of the background).

    The value of an encoded column (one-hot) is the sum over what it became, which for a linear model is its Shapley
    value. Correlations between columns are left out of account (interventional). Source: Štrumbelj & Kononenko (2014);
    Lundberg & Lee (2017), corollary 1.
    """
    if not has_coefficients(question):
        raise AssayError(
            f"{question.target.model.name} is not known as a linear model.",
            code="model-structure",
            hint="Use permutation-shap, or auto.",
        )
    form = form_of(question, scale=scale)
    if np.isnan(form.rows).any() or np.isnan(form.background).any():
        raise AssayError("A linear model has no answer for missing values.", code="missing", hint="Leave them out.")
    linear: Any = form.inside
    coefficients = form.sign * linear.coefficients[form.output]
    mean = form.background.mean(axis=0)
    added = (form.rows - mean) * coefficients
    values = np.zeros((len(form.rows), len(question.columns)))
    np.add.at(values.T, form.owner, added.T)
    base = form.start + form.sign * float(linear.intercept[form.output]) + float(mean @ coefficients)
    size = np.abs(form.rows) @ np.abs(coefficients) + abs(float(linear.intercept[form.output]))
    tolerance = _rounding(size, 2 * len(mean), single=_are_single(coefficients))
    return attributions(question, "linear-shap", values, base, form.outputs, form=form, tolerance=tolerance)


def _tree_tolerance(form: Form) -> Floats:
    """(rows,) `_rounding` of the sum of leaves, in float32 where trees read float32 and all leaves are such numbers.

    The routing of rows is the same there and here, so nothing else differs.
    """
    ensemble = cast("TreeEnsemble", form.inside)
    leaf = ensemble.value[:, form.output]
    size = np.abs(leaf)[ensemble.leaves(form.rows)].sum(axis=1) + abs(form.start) + abs(ensemble.base[form.output])
    return _rounding(size, ensemble.trees, single=ensemble.single and _are_single(leaf))


def _are_single(numbers: Floats) -> bool:
    with np.errstate(over="ignore"):
        return bool((numbers.astype(np.float32) == numbers).all())


def _rounding(size: Floats, terms: int, *, single: bool) -> Floats:
    """The bound γ·size on how far a library's own sum is off, for `size` = Σ|terms| and γ = n u / (1 - n u).

    n is the number of its roundings (terms + 2), u is 2^-24 for float32 and 2^-53 for float64. Source: Higham (2002),
    "Accuracy and stability of numerical algorithms", lemma 3.1 and section 4.2.
    """
    steps = (terms + 2) * (_SINGLE if single else _DOUBLE)
    return np.asarray(steps / (1 - steps) * size)

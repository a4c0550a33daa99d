"""SHAP values of a question's rows, by the method that fits the model or the one that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.shapley.coalitions import all_coalitions, answers, coalition_means, enumerated_values
from assay.explain.shapley.form import SCALES, Form, form_of, form_scale, has_coefficients, has_trees
from assay.explain.shapley.game import TreeGame
from assay.explain.shapley.kernel import kernel_values
from assay.explain.shapley.permutation import WALKS, Sampled, permutation_values
from assay.explain.shapley.trees import tree_shapley
from assay.explain.target import Scale

if TYPE_CHECKING:
    from assay.models.structure.ensemble import TreeEnsemble

METHODS = ("tree-shap", "linear-shap", "permutation-shap", "kernel-shap", "exact-shap")
GAMES = ("interventional", "path-dependent")
_SINGLE = 2.0**-24
_DOUBLE = 2.0**-53


def explain(
    question: Question,
    /,
    *,
    method: str = "auto",
    scale: str | None = None,
    game: str = "interventional",
    pairs: int | None = None,
    samples: int | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """SHAP values of every row of the question; base + values is the output, and `Attributions.method` says how.

    `method` "auto" takes tree-shap for sums of trees, linear-shap for linear models, both exact, else
    permutation-shap; a method that is named is used or refused with the reason, never replaced. `scale` is "log-odds",
    "probability" or "value": by default that on which trees or coefficients sum (log-odds for boosters and logistic
    regressions, probability for forests), for the methods that ask for answers only the target's own; where trees do
    not sum on the `scale` that is asked for, "auto" takes permutation-shap. `game` "path-dependent" belongs to
    tree-shap, `pairs` to permutation-shap, `samples` to kernel-shap.
    """
    if method == "auto":
        method = _fitting(question, scale)
    if method not in METHODS:
        raise unknown("SHAP method", method, ("auto", *METHODS), code="method")
    _belongs(method, game=game, pairs=pairs, samples=samples)
    if method == "tree-shap":
        return tree_shap(question, scale=scale, game=game, progress=progress)
    if method == "linear-shap":
        return linear_shap(question, scale=scale)
    if method == "permutation-shap":
        return permutation_shap(question, scale=scale, pairs=pairs, progress=progress)
    if method == "kernel-shap":
        return kernel_shap(question, scale=scale, samples=samples, progress=progress)
    return exact_shap(question, scale=scale, progress=progress)


def _fitting(question: Question, scale: str | None) -> str:
    found = form_scale(question)
    if found is None or found not in SCALES or (scale is not None and scale != found):
        return "permutation-shap"
    return "tree-shap" if has_trees(question) else "linear-shap"


def _belongs(method: str, *, game: str, pairs: int | None, samples: int | None) -> None:
    strange = {
        "game": game != GAMES[0] and method != "tree-shap",
        "pairs": pairs is not None and method != "permutation-shap",
        "samples": samples is not None and method != "kernel-shap",
    }
    for name in (name for name, wrong in strange.items() if wrong):
        raise AssayError(f"{method} takes no {name}.", code="parameter", hint="Name the method that it belongs to.")


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
    if game not in GAMES:
        raise unknown("game", game, GAMES, code="game")
    if not has_trees(question):
        raise AssayError(
            f"{question.target.model.name} is not known as a sum of trees.",
            code="model-structure",
            hint="Use permutation-shap, or auto.",
        )
    form = form_of(question, scale=scale)
    ensemble = cast("TreeEnsemble", form.inside)
    by_covers = game == "path-dependent"
    if by_covers and not ensemble.covered:
        raise AssayError(
            f"{question.target.model.name} does not keep how many training rows passed each branch.",
            code="cover",
            hint='Use game="interventional".',
        )
    found = tree_shapley(tree_game(question, form, by_covers=by_covers), progress=progress)
    base = form.start + found.mean + form.sign * float(ensemble.base[form.output])
    origin = "the training rows that passed each branch" if by_covers else question.origin
    return _attributions(
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


def tree_game(question: Question, form: Form, /, *, by_covers: bool) -> TreeGame:
    """The game of the columns of a question in the trees of its model."""
    ensemble = cast("TreeEnsemble", form.inside)
    value = form.sign * ensemble.value[:, form.output]
    background = None if by_covers else form.background
    return TreeGame(ensemble, value, form.owner, len(question.columns), form.rows, background)


def _tree_tolerance(form: Form) -> Floats:
    """(rows,) the bound γ·(|start| + |base| + Σ|leaf|) on the library's own rounding, γ = n u / (1 - n u).

    n is the number of its additions (trees + 2), u the unit of its numbers: 2^-24 where trees read float32 and all
    leaves are float32 numbers, else 2^-53. Source: Higham (2002), "Accuracy and stability of numerical algorithms",
    lemma 3.1 and section 4.2. The routing of rows is the same in both, so nothing else differs.
    """
    ensemble = cast("TreeEnsemble", form.inside)
    leaf = ensemble.value[:, form.output]
    size = np.abs(leaf)[ensemble.leaves(form.rows)].sum(axis=1) + abs(form.start) + abs(ensemble.base[form.output])
    single = ensemble.single and bool((leaf.astype(np.float32) == leaf).all())
    steps = (ensemble.trees + 2) * (_SINGLE if single else _DOUBLE)
    return np.asarray(steps / (1 - steps) * size)


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
    return _attributions(question, "linear-shap", values, base, form.outputs, form=form)


def permutation_shap(
    question: Question, /, *, scale: str | None = None, pairs: int | None = None, progress: Progress | None = None
) -> Attributions:
    """Sampled SHAP values of any model, with Monte-Carlo errors; see `permutation_values`.

    `pairs` is how many pairs of walks start at each background row: by default 400 are shared among them, 2 at least.
    """
    walks = max(2, -(-WALKS // len(question.background))) if pairs is None else pairs
    if walks < 2:
        raise AssayError("One pair of walks has no error.", code="pairs", hint="Give pairs from 2.")
    ask = answers(question, scale)
    found = permutation_values(
        ask, question.rows, question.background, pairs=walks, seed=question.seed, progress=progress
    )
    return _sampled(question, "permutation-shap", found, scale, {"pairs": walks, "seed": question.seed})


def kernel_shap(
    question: Question, /, *, scale: str | None = None, samples: int | None = None, progress: Progress | None = None
) -> Attributions:
    """SHAP values of any model by regression on coalitions; see `kernel_values`. `samples` is 2·columns + 2048."""
    size = 2 * len(question.columns) + 2048 if samples is None else samples
    found = kernel_values(
        answers(question, scale),
        question.rows,
        question.background,
        samples=size,
        seed=question.seed,
        progress=progress,
    )
    return _sampled(question, "kernel-shap", found, scale, {"samples": size, "seed": question.seed})


def exact_shap(question: Question, /, *, scale: str | None = None, progress: Progress | None = None) -> Attributions:
    """Exact SHAP values of any model of at most 15 columns, by asking for all 2^columns coalitions."""
    columns = len(question.columns)
    masks = all_coalitions(columns)
    means = coalition_means(answers(question, scale), question.rows, question.background, masks, progress=progress)
    values = enumerated_values(means, columns)
    found = Sampled(values, np.zeros_like(values), means[:, 0], means[:, -1])
    return _sampled(question, "exact-shap", found, scale, {}, sampled=False)


def _sampled(
    question: Question,
    method: str,
    found: Sampled,
    scale: str | None,
    settings: dict[str, Any],
    *,
    sampled: bool = True,
) -> Attributions:
    return _attributions(
        question,
        method,
        found.values,
        found.base,
        found.outputs,
        scale=scale,
        errors=found.errors if sampled else None,
        settings=settings,
    )


def _attributions(
    question: Question,
    method: str,
    values: Floats,
    base: Floats | float,
    outputs: Floats,
    *,
    form: Form | None = None,
    scale: str | None = None,
    origin: str | None = None,
    errors: Floats | None = None,
    tolerance: Floats | None = None,
    settings: dict[str, Any] | None = None,
) -> Attributions:
    spoken = cast(Scale, form.scale if form is not None else scale or question.target.scale)
    name = form.target if form is not None else question.target.name
    if form is None and spoken != question.target.scale:
        name = f"{spoken} of {question.target.label}"
    return Attributions(
        method,
        question.columns,
        question.rows,
        values,
        np.broadcast_to(np.asarray(base, dtype=np.float64), outputs.shape).copy(),
        outputs,
        target=name,
        scale=spoken,
        origin=question.origin if origin is None else origin,
        places=question.places,
        errors=errors,
        tolerance=tolerance,
        facts=_answer(question, spoken),
        settings={"background": len(question.background)} | (settings or {}),
    )


def _answer(question: Question, scale: Scale) -> dict[str, Floats]:
    """The model's own probability of each row, where the values speak on another scale."""
    if scale == question.target.scale or question.target.scale != "probability":
        return {}
    return {"probability": question.target(question.rows)}

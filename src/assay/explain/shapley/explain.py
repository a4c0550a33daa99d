"""SHAP values of a question's rows, by the method that fits the model or the one that is named."""

from __future__ import annotations

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.question import Question
from assay.explain.shapley.by_answers import exact_shap, kernel_shap, permutation_shap
from assay.explain.shapley.by_form import GAMES, linear_shap, tree_shap
from assay.explain.shapley.form import SCALES, form_scale, has_trees
from assay.explain.shapley.permutation import WALKS

METHODS = ("tree-shap", "linear-shap", "permutation-shap", "kernel-shap", "exact-shap")


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

    `method` "auto" takes tree-shap for sums of trees, linear-shap for linear models, both exact; for other models, and
    where trees do not sum on the `scale` that is asked for, exact-shap where all coalitions ask for no more rows than
    sampling (four columns, with the usual background), else permutation-shap. A method that is named is used or refused
    with the reason, never replaced. `scale` is "log-odds", "probability" or "value": by default that on which trees or
    coefficients sum (log-odds for boosters and logistic regressions, probability for forests), for the methods that ask
    for answers only the target's own. `game` "path-dependent" belongs to
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
        columns, background = len(question.columns), len(question.background)
        sampled = 2 * max(WALKS, 2 * background) * columns
        return "exact-shap" if background << columns <= sampled else "permutation-shap"
    return "tree-shap" if has_trees(question) else "linear-shap"


def _belongs(method: str, *, game: str, pairs: int | None, samples: int | None) -> None:
    strange = {
        "game": game != GAMES[0] and method != "tree-shap",
        "pairs": pairs is not None and method != "permutation-shap",
        "samples": samples is not None and method != "kernel-shap",
    }
    for name in (name for name, wrong in strange.items() if wrong):
        raise AssayError(f"{method} takes no {name}.", code="parameter", hint="Name the method that it belongs to.")

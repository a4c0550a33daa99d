"""The explainers whose explanations are put to the test, by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assay.core.errors import unknown
from assay.explain.attribution import Attributions
from assay.explain.question import Question

SHAP = ("tree-shap", "linear-shap", "permutation-shap", "kernel-shap", "exact-shap")
GRADIENTS = ("integrated-gradients", "smooth-grad", "gradient-shap", "occlusion")
NAMES = ("shap", *SHAP, "lime", *GRADIENTS)
BACKGROUND = 100
"""Background rows of a SHAP explanation that is tested."""
PAIRS = 2
"""Pairs of walks from each background row of permutation-shap."""
SAMPLES = 1000
"""Perturbed rows of a LIME explanation that is tested."""


def explained(question: Question, /, *, explainer: str) -> Attributions:
    """The Attributions of a question by the explainer called `explainer`; "shap" is the one that fits the model.

    SHAP compares with at most BACKGROUND rows of the question's, a seeded sample; LIME takes its bins from all of them
    and draws SAMPLES rows around each row; methods by gradients are for torch networks in this process. Raises
    AssayError for an unknown name, or a method that the model cannot have.
    """
    if explainer not in NAMES:
        raise unknown("explainer", explainer, NAMES, code="explainer")
    if explainer == "lime":
        from assay.explain.local.tabular import lime

        return lime(question, samples=SAMPLES)
    if explainer in GRADIENTS:
        from assay.explain.deep.rows import explain as by_gradients

        return by_gradients(question, method=explainer)
    from assay.explain.shapley.explain import explain
    from assay.explain.shapley.form import has_coefficients, has_trees

    asked = thinned(question, BACKGROUND)
    inside = has_trees(asked) or has_coefficients(asked)
    if explainer == "permutation-shap" or (explainer == "shap" and not inside):
        return explain(asked, method="permutation-shap", pairs=PAIRS)
    return explain(asked, method="auto" if explainer == "shap" else explainer)


def thinned(question: Question, most: int, /) -> Question:
    """The question with at most `most` of its background rows, drawn with the question's seed."""
    n = len(question.background)
    if n <= most:
        return question
    chosen = np.sort(np.random.default_rng([question.seed, n]).choice(n, most, replace=False))
    origin = f"{most} of {question.origin}"
    return replace(question, background=question.background[chosen], origin=origin)

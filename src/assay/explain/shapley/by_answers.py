"""SHAP values of any model from its answers alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.question import Question
from assay.explain.shapley.coalitions import all_coalitions, answers, coalition_means, enumerated_values
from assay.explain.shapley.kernel import kernel_values
from assay.explain.shapley.permutation import WALKS, Sampled, permutation_values
from assay.explain.shapley.result import attributions


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
    return attributions(
        question,
        method,
        found.values,
        found.base,
        found.outputs,
        scale=scale,
        errors=found.errors if sampled else None,
        settings=settings,
    )

"""How much pairs of columns add together on average, by exact SHAP interaction values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from assay.explain.overall.asked import asked
from assay.explain.overall.uncertainty import MeanOverRows, mean_over_rows
from assay.explain.question import Question

ROWS = 100


@dataclass(frozen=True, slots=True)
class PairMean:
    """Mean absolute SHAP interaction value of two columns over rows, both halves of the pair together."""

    columns: tuple[str, str]
    mean: MeanOverRows


@dataclass(frozen=True, slots=True)
class PairMeans:
    """The `pairs`, the strongest first, and the `method` and `scale` of their values."""

    pairs: tuple[PairMean, ...]
    method: str
    scale: str


def shap_pairs(about: Question, /, *, level: float = 0.95, limit: int = ROWS, seed: int = 0) -> PairMeans | None:
    """The PairMeans of a sum of trees, from at most `limit` rows against as many of the background; None of others.

    Other models, and trees that sum on a scale of their own, would be asked for all 2^columns coalitions.
    Source: Lundberg et al. (2020), Nature Machine Intelligence 2:56, section on SHAP interaction values.
    """
    from assay.explain.shapley.form import SCALES, form_scale, has_trees
    from assay.explain.shapley.interactions import interactions

    if not has_trees(about) or form_scale(about) not in SCALES:
        return None
    question = asked(about, limit=limit, seed=seed)
    found = interactions(replace(question, background=question.background[:limit]))
    names = found.columns.names
    pairs = [
        PairMean((names[i], names[j]), mean_over_rows(2 * np.abs(found.values[:, i, j]), level=level))
        for i in range(len(names))
        for j in range(i + 1, len(names))
    ]
    return PairMeans(tuple(sorted(pairs, key=lambda pair: -pair.mean.value)), found.method, found.scale)

"""Terms of an additive model that keeps them as tables: explainable boosting machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its mean absolute score over the training rows, and its lowest and highest score."""

    name: str
    importance: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Terms:
    """All `terms`, the most important first, the `intercept` and the `scale` of their sum."""

    terms: tuple[Term, ...]
    intercept: float
    scale: str


def terms(estimator: Any, output: int | None, /) -> Terms | None:
    """The Terms of an estimator with `term_names_`, `term_scores_` and `bin_weights_`; None where it has none.

    These are the attributes of the explainable boosting machines of interpret-core: scores a bin, with the bins of
    missing and unknown values first and last, and a last axis of classes where there are more than two. The mean is
    over the weights of the bins. Source: Nori, Jenkins, Koch & Caruana (2019), arXiv 1909.09223.
    """
    parts = [getattr(estimator, name, None) for name in ("term_names_", "term_scores_", "bin_weights_")]
    if any(part is None for part in parts):
        return None
    names, scores, weights = parts
    assert names is not None
    intercepts = np.ravel(np.asarray(getattr(estimator, "intercept_", 0.0), dtype=np.float64))
    several = len(intercepts) > 1
    sign = -1.0 if output == 0 and not several else 1.0
    out = []
    for name, table, weight in zip(names, scores or (), weights or (), strict=True):
        values, counted = np.asarray(table, dtype=np.float64), np.asarray(weight, dtype=np.float64)
        values = sign * (values[..., output] if several else values)
        seen = values[counted > 0]
        if seen.size:
            mean = float(np.average(np.abs(values), weights=counted))
            out.append(Term(str(name), mean, float(seen.min()), float(seen.max())))
    intercept = sign * float(intercepts[output or 0] if several else intercepts[0])
    ranked = tuple(sorted(out, key=lambda term: -term.importance))
    return Terms(ranked, intercept, "value" if output is None else "log-odds")

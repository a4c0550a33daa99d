"""Adjusted p-values: how many of many tests may be believed at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.core.errors import AssayError

Floats = NDArray[np.float64]


def holm(p_values: ArrayLike, /) -> Floats:
    """Holm's adjusted p-values, in input order: those under α hold together with family-wise error α.

    max over j <= i of (m − j + 1) p_(j), cut at 1; under any dependence. Source: Holm (1979), Scand. J. Statistics
    6:65.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    return _unranked(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), order)


def benjamini_hochberg(p_values: ArrayLike, /) -> Floats:
    """Benjamini and Hochberg's adjusted p-values, in input order: of those under α, a share α or less is false.

    min over j >= i of m p_(j)/j, cut at 1; for independent or positively dependent tests. Source: Benjamini & Hochberg
    (1995), JRSS B 57:289.
    """
    return _step_up(_checked(p_values), 1.0)


def benjamini_yekutieli(p_values: ArrayLike, /) -> Floats:
    """Benjamini and Yekutieli's adjusted p-values, in input order: the false discovery rate under any dependence.

    Benjamini–Hochberg's times Σ 1/i. Source: Benjamini & Yekutieli (2001), Annals of Statistics 29:1165, theorem 1.3.
    """
    p = _checked(p_values)
    return _step_up(p, float((1 / np.arange(1, len(p) + 1)).sum()))


def _step_up(p: Floats, factor: float) -> Floats:
    order = np.argsort(p, kind="stable")
    scaled = factor * len(p) / np.arange(1, len(p) + 1) * p[order]
    return _unranked(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _checked(p_values: ArrayLike) -> Floats:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise AssayError(
            "P-values must be one list of numbers between 0 and 1.",
            code="p-value",
            hint="Leave out tests that could not be made; do not pass NaN.",
        )
    return p


def _unranked(adjusted: Floats, order: NDArray[np.intp]) -> Floats:
    out = np.empty_like(adjusted)
    out[order] = np.minimum(adjusted, 1.0)
    return out

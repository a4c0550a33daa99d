"""How far two explanations of the same rows say the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Floats
from assay.explain.local.stability import rank_agreement, top_overlap


@dataclass(frozen=True, eq=False)
class Agreement:
    """For each row, between two explanations: `spearman` and `kendall` (tau-b) of the absolute values, the share
    `overlap` of the largest columns that both name, and the share `signs` that both name with the same sign.
    """

    spearman: Floats
    kendall: Floats
    overlap: Floats
    signs: Floats


def agreement(first: Floats, second: Floats, /, *, top: int) -> Agreement:
    """The Agreement of two (rows, columns) attributions; `top` columns are the largest.

    Source: Krishna et al. (2022), "The disagreement problem in explainable machine learning", arXiv 2202.01602,
    section 3.2: feature agreement, sign agreement, rank correlation.
    """
    both = np.stack([first, second], axis=1)
    return Agreement(
        rank_agreement(both),
        kendall(np.abs(first), np.abs(second)),
        top_overlap(both, top=top),
        _same_signs(first, second, top=top),
    )


def signed_agreement(first: Floats, second: Floats, /) -> Floats:
    """(rows,) Spearman's correlation of values with their signs; 0 where one has equal values only, 1 where both."""
    low = min(float(first.min()), float(second.min()))
    return rank_agreement(np.stack([first - low, second - low], axis=1))


def kendall(first: Floats, second: Floats, /) -> Floats:
    """(rows,) Kendall's tau-b; 0 where one of the two has equal values only, 1 where both. Source: Kendall (1945)."""
    i, j = np.triu_indices(first.shape[1], 1)
    a, b = np.sign(first[:, i] - first[:, j]), np.sign(second[:, i] - second[:, j])
    untied = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    both = (a == 0).all(axis=1) & (b == 0).all(axis=1)
    return np.asarray(np.where(both, 1.0, (a * b).sum(axis=1) / np.where(untied > 0, untied, 1.0)))


def _same_signs(first: Floats, second: Floats, *, top: int) -> Floats:
    width = first.shape[1]
    inside = np.ones(first.shape, dtype=bool)
    for values in (first, second):
        largest = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :top]
        mine = np.zeros(values.shape, dtype=bool)
        np.put_along_axis(mine, largest, True, axis=1)
        inside &= mine
    same = inside & (np.sign(first) == np.sign(second))
    return np.asarray(same.sum(axis=1) / min(top, width))

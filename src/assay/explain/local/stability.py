"""Whether a sampled explanation comes out the same when it is sampled again."""

from __future__ import annotations

import numpy as np

from assay.explain.columns import Floats

TOP = 5
"""How many of the largest values count as the top of an explanation."""


def rank_agreement(repeated: Floats, /) -> Floats:
    """(rows,) mean Spearman correlation of the absolute values over all pairs of (rows, repeats, features).

    Two vectors of equal values agree (1); a vector of equal values and another one do not (0).
    """
    n, repeats, width = repeated.shape
    if repeats < 2:
        return np.ones(n)
    ranks = _ranks(np.abs(repeated))
    apart = ranks - (width - 1) / 2
    length = np.sqrt((apart**2).sum(axis=2))
    flat = length < 1e-9
    unit = apart / np.where(flat, 1.0, length)[..., None]
    pairs = unit @ unit.transpose(0, 2, 1)
    pairs = np.where(flat[:, :, None] & flat[:, None, :], 1.0, pairs)
    return _mean_of_pairs(pairs)


def top_overlap(repeated: Floats, /, *, top: int = TOP) -> Floats:
    """(rows,) mean share of the `top` largest features that two of (rows, repeats, features) have in common.

    The Variables Stability Index. Source: Visani, Bagli, Chesani, Poluzzi & Capuzzo (2022), J. Oper. Res. Soc. 73:91.
    """
    n, repeats, width = repeated.shape
    if repeats < 2:
        return np.ones(n)
    order = np.argsort(-np.abs(repeated), axis=2, kind="stable")[:, :, :top]
    inside = np.zeros(repeated.shape)
    np.put_along_axis(inside, order, 1.0, axis=2)
    return _mean_of_pairs(inside @ inside.transpose(0, 2, 1) / min(top, width))


def _mean_of_pairs(pairs: Floats) -> Floats:
    repeats = pairs.shape[1]
    above = np.triu_indices(repeats, 1)
    return np.asarray(pairs[:, above[0], above[1]].mean(axis=1))


def _ranks(values: Floats) -> Floats:
    """Ranks from 0 along the last axis; equal values share the mean of theirs."""
    below = (values[..., None, :] < values[..., :, None]).sum(axis=-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(axis=-1)
    return np.asarray(below + (equal - 1) / 2)

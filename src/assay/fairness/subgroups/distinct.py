"""The best slices that are not the same rows told again: married, husband, married and male."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.fairness.subgroups.encoding import Encoded, Mask
from assay.fairness.subgroups.lattice import Floats
from assay.fairness.subgroups.search import Best, Found, Search, best

GROWTH = 8
"""Where the best slices repeat each other, so many times more are looked through."""


def distinct(encoded: Encoded, values: Floats, /, *, search: Search) -> Best:
    """The `search.top` slices that a reader of the whole ranked list would keep who drops every repetition.

    Going down the list, a slice is kept unless it shares more than `search.overlap` of its rows with one kept before
    (intersection over union), or has exactly the same rows. As much of the list is made as that takes.
    """
    most = search.top * GROWTH
    while True:
        listed = best(encoded, values, search=search, most=most)
        kept = _without_repetition(encoded, listed.found, search)
        if len(kept) == search.top or listed.complete:
            return replace(listed, found=kept, complete=len(kept) < search.top)
        most *= GROWTH


def _without_repetition(encoded: Encoded, listed: tuple[Found, ...], search: Search) -> tuple[Found, ...]:
    kept: list[Found] = []
    masks: list[Mask] = []
    for found in listed:
        # How many rows two slices share at most is known from their sizes: most pairs need no look at the rows.
        near = [
            mask
            for mask, other in zip(masks, kept, strict=True)
            if min(found.n, other.n) > search.overlap * max(found.n, other.n) or found.n == other.n
        ]
        inside = encoded.inside(found.conditions) if near else None
        if inside is not None and any(_repeats(inside, mask, search.overlap) for mask in near):
            continue
        kept.append(found)
        masks.append(encoded.inside(found.conditions) if inside is None else inside)
        if len(kept) == search.top:
            break
    return tuple(kept)


def _repeats(a: Mask, b: Mask, overlap: float) -> bool:
    common, union = _rows(a & b), _rows(a | b)
    return common > overlap * union or common == union


def _rows(mask: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))

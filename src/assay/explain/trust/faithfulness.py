"""Whether the columns that an explanation names are those on which the answer rests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.trust.worth import Worth

ORDERS = 10
"""Random orders of the columns that an explanation's order is compared with; each is also taken backwards."""
_SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """For each row: how the explanation's order of columns fares against random orders.

    `insertion` and `deletion` (rows, columns + 1) are the answers with 0, 1, … columns told, or taken away, the one
    that added most first. `area` (rows,) is the mean of insertion less the mean of deletion, whose expectation under a
    random order is exactly 0. `score` (rows,) is, of the random orders with another area, the share that have a smaller
    one less the share with a greater one: 1 beats all, 0 is as good as chance, −1 is beaten by all; NaN where every
    order has the same. `expected` (rows,) is the mean of insertion, and of deletion, over the random orders.
    """

    insertion: Floats
    deletion: Floats
    area: Floats
    score: Floats
    expected: Floats


def faithfulness(worth: Worth, values: Floats, /, *, orders: int = ORDERS, seed: int = 0) -> Faithfulness:
    """The Faithfulness of (rows, columns) attributions, judged by what `worth` answers for columns that are told.

    Columns are told (taken away) from the greatest value to the smallest, with its sign; equal values in a random
    order. Needs two columns. Source: Petsiuk, Das & Saenko
    (2018), BMVC, insertion and deletion, for tables. Taking random orders backwards as well is exact: it turns their
    area round, because what one tells the other has taken away.
    """
    n, width = values.shape
    if width < 2:
        raise AssayError("An order needs two columns.", code="columns", hint="One column is always the first.")
    rng = np.random.default_rng(seed)
    own = np.argsort(-_untied(values, rng), axis=1, kind="stable")
    drawn = np.stack([np.argsort(rng.random((n, width)), axis=1) for _ in range(orders)], axis=1)
    told = _sets(np.concatenate([own[:, None, :], drawn], axis=1))
    found = worth(told.reshape(n, -1, width)).reshape(n, 1 + orders, 2 * (width + 1))
    insertion, deletion = found[:, :, : width + 1], found[:, :, width + 1 :]
    areas = insertion.mean(axis=2) - deletion.mean(axis=2)
    area, others = areas[:, 0], areas[:, 1:]
    slack = _SAME * (1 + np.abs(found).max(axis=(1, 2)))[:, None]
    sign = np.concatenate([_sign(area[:, None] - others, slack), _sign(area[:, None] + others, slack)], axis=1)
    differing = np.abs(sign).sum(axis=1)
    score = np.where(differing > 0, sign.sum(axis=1) / np.maximum(differing, 1), np.nan)
    expected = (insertion[:, 1:] + deletion[:, 1:]).mean(axis=(1, 2)) / 2
    return Faithfulness(insertion[:, 0], deletion[:, 0], area, score, expected)


def _sets(orders: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(rows, orders, 2·(columns + 1), columns): the sets met while the columns are told, then while they are taken."""
    width = orders.shape[2]
    place = np.argsort(orders, axis=2)[:, :, None, :]
    steps = np.arange(width + 1)[None, None, :, None]
    return np.concatenate([place < steps, place >= steps], axis=2)


def _untied(values: Floats, rng: np.random.Generator) -> Floats:
    """Ranks of the values of each row, ties broken at random."""
    shuffled = np.argsort(rng.random(values.shape), axis=1)
    order = np.argsort(np.take_along_axis(values, shuffled, axis=1), axis=1, kind="stable")
    ranks = np.empty(values.shape)
    places = np.take_along_axis(shuffled, order, axis=1)
    np.put_along_axis(ranks, places, np.arange(values.shape[1], dtype=np.float64)[None], axis=1)
    return ranks


def _sign(difference: Floats, slack: Floats) -> Floats:
    return np.asarray(np.where(np.abs(difference) <= slack, 0.0, np.sign(difference)))

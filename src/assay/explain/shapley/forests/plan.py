"""Which way the Shapley values of a tree are found: leaves with few players by tables, the others as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.core.errors import AssayError
from assay.explain.shapley.forests.game import TreeGame

Order = Literal[1, 2]
Way = Literal["tables", "patterns", "pairs", "covers"]
CODED = 16
"""Players on a path whose patterns fit a code."""
_LEAF, _CELL, _ENTRY = 1e-4, 5e-9, 2e-9
"""Seconds of a table, measured: a leaf, a step of its table, a row at a term of it."""
_PAIR, _FACTOR = 6e-9, 5e-9
"""Seconds, measured: a pair of rows by players cubed; a row by players squared at a leaf by its covers."""
_GROUPS, _ROW, _CROSS = 4e-4, 4e-9, 4e-9
"""Seconds of patterns, measured: a leaf, a row at a term of it, a pair of patterns that are met."""


@dataclass(frozen=True, slots=True)
class Plan:
    """For the tree at `root`: leaves with at most `most` players on their paths by tables (-1: none), others by `way`.

    `whole` is True where the tables are all there is to do.
    """

    root: int
    most: int
    way: Way
    whole: bool


def plan_of(game: TreeGame, root: int, order: Order, way: Way | None, /) -> Plan:
    """The quickest Plan of a tree, or the one that is asked for; "tables" are used as far as patterns fit a code.

    The ways give the same numbers. With a background they are "patterns" (leaf by leaf, rows of one pattern together)
    and "pairs" (every row with every background row, quick for few of them), without one "covers".
    """
    rest: Way = "covers" if game.background is None else "patterns"
    if way not in (None, "tables", rest) and not (way == "pairs" and rest == "patterns"):
        raise AssayError(f"This game has no way {way!r}.", code="parameter", hint="Leave it out.")
    deepest = int(game.reach[root])
    if way is not None:
        most = CODED if way == "tables" else -1
        return Plan(root, most, rest if way == "tables" else way, deepest <= most)
    nodes = game.nodes(root)
    leaves = np.bincount(game.spans[nodes[game.ensemble.left[nodes] < 0]], minlength=deepest + 1)
    spans = np.arange(deepest + 1, dtype=np.float64)
    by_table = leaves * _table(game, spans, order)
    by_leaf = leaves * (_covers(game, spans) if rest == "covers" else _patterns(game, spans, order))
    ends = np.minimum(np.arange(-1, deepest + 1), CODED)
    totals = [float(by_table[: end + 1].sum() + by_leaf[end + 1 :].sum()) for end in ends]
    best = int(np.argmin(totals))
    if rest == "patterns" and len(game.matrix) * len(game.others) * float(deepest) ** 3 * _PAIR < totals[best]:
        return Plan(root, -1, "pairs", False)
    most = int(ends[best])
    return Plan(root, most, rest, deepest <= most)


def _table(game: TreeGame, spans: np.ndarray, order: Order) -> np.ndarray:
    """(spans,) seconds for a leaf with so many players."""
    some = np.minimum(spans, CODED)
    return np.asarray(
        _LEAF + 2**some * some ** (1 + order) * _CELL + len(game.matrix) * some**order * _ENTRY, dtype=np.float64
    )


def _patterns(game: TreeGame, spans: np.ndarray, order: Order) -> np.ndarray:
    """(spans,) seconds for a leaf; of the patterns there can be, a path leaves some."""
    some = 2.0 ** np.minimum(spans, 40)
    groups = np.minimum(len(game.matrix), some) * np.minimum(len(game.others), some)
    return np.asarray(_GROUPS + len(game.matrix) * spans**order * _ROW + groups * _CROSS, dtype=np.float64)


def _covers(game: TreeGame, spans: np.ndarray) -> np.ndarray:
    """(spans,) seconds for a leaf."""
    return np.asarray(spans**2 * (len(game.matrix) + 200) * _FACTOR, dtype=np.float64)

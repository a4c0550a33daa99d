"""Trees with indices of their own, as libraries keep them, become one ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from assay.models.structure.ensemble import Scale, TreeEnsemble
from assay.models.structure.trees import broken

MOST_CODES = 50_000_000
"""Category codes of all splits together that are kept."""


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree; node 0 is its root. Fields as in `TreeEnsemble`, with indices that begin at 0.

    `value` is (nodes,) for the one `output` it adds to, or (nodes, outputs). `sets` are the codes that go
    left at each categorical node.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray
    cover: np.ndarray
    output: int = 0
    sets: Mapping[int, np.ndarray] = field(default_factory=dict)


def join(
    trees: Sequence[Tree], /, *, base: np.ndarray, width: int, strict: bool, single: bool, scale: Scale
) -> TreeEnsemble:
    """The ensemble of `trees`, in order."""
    sizes = [len(tree.left) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    categorical, starts, codes = _sets(trees, roots)

    def whole(name: str) -> np.ndarray:
        return np.concatenate([np.empty(0, np.int64), *(np.asarray(getattr(tree, name), np.int64) for tree in trees)])

    def numbers(name: str) -> np.ndarray:
        return np.concatenate([np.empty(0), *(np.asarray(getattr(tree, name), np.float64) for tree in trees)])

    owner = np.repeat(roots[:-1], sizes)
    left, right = whole("left"), whole("right")
    return TreeEnsemble(
        left=np.where(left < 0, -1, left + owner),
        right=np.where(right < 0, -1, right + owner),
        feature=np.where(left < 0, 0, whole("feature")),
        threshold=np.where(categorical | (left < 0), 0.0, numbers("threshold")),
        missing_left=numbers("missing_left") != 0,
        categorical=categorical,
        category_starts=starts,
        category_codes=codes,
        value=np.where((left < 0)[:, None], _values(trees, roots, len(base)), 0.0),
        cover=numbers("cover"),
        roots=roots[:-1],
        base=np.asarray(base, np.float64),
        width=width,
        strict=strict,
        single=single,
        scale=scale,
    )


def _values(trees: Sequence[Tree], roots: np.ndarray, outputs: int) -> np.ndarray:
    """(nodes, outputs) what each node adds."""
    value = np.zeros((int(roots[-1]), outputs))
    for tree, first, last in zip(trees, roots[:-1], roots[1:], strict=True):
        if tree.value.ndim == 2:
            value[first:last] = tree.value
        else:
            value[first:last, tree.output] = tree.value
    return value


def _sets(trees: Sequence[Tree], roots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which nodes split by category, where their codes begin, and the codes."""
    counts = np.zeros(int(roots[-1]), np.int64)
    categorical = np.zeros(int(roots[-1]), bool)
    codes: list[np.ndarray] = [np.empty(0, np.int64)]
    for tree, root in zip(trees, roots[:-1], strict=True):
        for node in sorted(tree.sets):
            counts[root + node] = len(tree.sets[node])
            categorical[root + node] = True
            codes.append(tree.sets[node])
    if counts.sum() > MOST_CODES:
        raise broken("tree ensemble", "its category sets are too large")
    return categorical, np.concatenate([[0], np.cumsum(counts)]), np.concatenate(codes).astype(np.int64)

"""What must hold of the indices of a decision tree before a library may follow them."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError


def broken(where: str, what: str, /) -> AssayError:
    """The error for a model file whose structure is impossible."""
    return AssayError(
        f"{where}: {what}. The file is damaged or forged, and predicting with it could crash or never end.",
        code="model-structure",
        hint="Get the file again from where the model was trained.",
    )


def integers(values: Any, /, *, where: str, what: str, count: int | None = None) -> np.ndarray:
    """`values` as int64, or an error when they are not whole numbers, or not `count` of them."""
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise broken(where, f"{what} are not whole numbers")
    if count is not None and len(array) != count:
        raise broken(where, f"{what} has {len(array)} entries, expected {count}")
    return array.astype(np.int64)


def within(values: np.ndarray, low: int, high: int, /, *, where: str, what: str) -> None:
    """Every value is in low <= value < high, or an error naming the first that is not."""
    outside = (values < low) | (values >= high)
    if outside.any():
        at = int(np.flatnonzero(outside)[0])
        raise broken(where, f"{what} {int(values[at])} (entry {at}) is outside {low}..{high - 1}")


def check_children(left: np.ndarray, right: np.ndarray, internal: np.ndarray, /, *, where: str) -> None:
    """Following the children of `internal` nodes from node 0 ends at a leaf, whatever the input.

    `left` and `right` are (nodes,) indices, meaningful where `internal`. Every index is in range, no
    node has two parents and the root has none: then no cycle can be reached from the root, because
    entering one needs a node with two parents.
    """
    children = np.concatenate([left[internal], right[internal]])
    within(children, 0, len(left), where=where, what="child")
    parents = np.bincount(children, minlength=len(left))
    if len(parents) and parents[0]:
        raise broken(where, "the root is a child of another node, so a walk from it would never end")
    if (parents > 1).any():
        raise broken(where, f"node {int(np.flatnonzero(parents > 1)[0])} has two parents, so the nodes form no tree")


def depth(left: np.ndarray, right: np.ndarray, internal: np.ndarray, /) -> int:
    """Levels below the root of a tree that `check_children` accepted."""
    level, frontier = 0, np.array([0]) if len(left) else np.array([], dtype=np.int64)
    while True:
        frontier = frontier[internal[frontier]]
        if not len(frontier):
            return level
        frontier = np.concatenate([left[frontier], right[frontier]])
        level += 1

"""Decision trees of any library as plain arrays, whose indices are checked before anything follows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from assay.core.errors import unknown
from assay.models.structure.trees import broken, within

Scale = Literal["log-odds", "probability", "log", "value"]
"""What a margin is: log-odds (one output: of the second class, and its sigmoid is the probability; several: one
for each class, and their softmax is), a probability, the logarithm of the predicted number, or a number as it is
(a regression's answer, a decision value)."""

SCALES: tuple[Scale, ...] = get_args(Scale)
DEEPEST = 4096
_CELLS = 1 << 20
_NO_CHILD = -1
_CODE_BITS = 31
_WHERE = "tree ensemble"


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """A sum of trees: `margin` is `base` plus the `value` of the leaf that a row reaches in each tree.

    Arrays over the nodes of all trees, one tree after the other: `left`, `right` (int32, indices into
    these arrays, -1 at leaves), `feature` (int32 column of the matrix, any number at leaves), `threshold`
    (float64), `missing_left` (where NaN goes), `categorical` (the split is by category: the codes
    `category_codes[category_starts[i]:category_starts[i + 1]]` go left, all others right), `value` (nodes,
    outputs), what learning rates, weights and averages make of a leaf included, and `cover` (the training
    rows, or their weight or hessian, that reached the node; all 0 where the format keeps none).

    `roots` (int32) is the first node of each tree, `base` (outputs,) is added once, `width` is the number of
    columns of the matrix. A number goes left when x < threshold if `strict`, else when x <= threshold;
    where `single`, x is rounded to float32 first. There is one output for two classes (the second) and for
    numbers, else one a class. An impossible structure is an AssayError, here and on every side of a wire.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    categorical: np.ndarray
    category_starts: np.ndarray
    category_codes: np.ndarray
    value: np.ndarray
    cover: np.ndarray
    roots: np.ndarray
    base: np.ndarray
    width: int
    strict: bool
    single: bool
    scale: Scale

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise unknown("scale", self.scale, SCALES)
        for name in ("left", "right", "feature", "category_starts", "category_codes", "roots"):
            object.__setattr__(self, name, _whole(getattr(self, name), name))
        for name in ("missing_left", "categorical"):
            object.__setattr__(self, name, _flags(getattr(self, name), name))
        for name in ("threshold", "value", "cover", "base"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        self._check_shapes()
        self._check_links()
        self._check_contents()

    @property
    def nodes(self) -> int:
        """Nodes of all trees."""
        return len(self.left)

    @property
    def trees(self) -> int:
        """How many trees there are."""
        return len(self.roots)

    @property
    def outputs(self) -> int:
        """Numbers for each row."""
        return len(self.base)

    @property
    def covered(self) -> bool:
        """True when `cover` is known, which path-dependent methods need."""
        return bool((self.cover[self._internal] > 0).all())

    @cached_property
    def depth(self) -> int:
        """Levels below the root of the deepest tree."""
        level, frontier = 0, self.roots
        while True:
            frontier = frontier[self._internal[frontier]]
            if not len(frontier):
                return level
            frontier = np.concatenate([self.left[frontier], self.right[frontier]])
            level += 1
            if level > DEEPEST:
                raise broken(_WHERE, f"a tree is deeper than {DEEPEST} levels")

    def margin(self, matrix: np.ndarray, /) -> np.ndarray:
        """(rows, outputs) float64 answers on `scale` for (rows, width) numbers with NaN where missing."""
        found = np.empty((len(matrix), self.outputs))
        for part in self._parts(matrix):
            reached = self._reached(matrix[part])
            for output in range(self.outputs):
                found[part, output] = self.value[:, output][reached].sum(axis=1) + self.base[output]
        return found

    def leaves(self, matrix: np.ndarray, /) -> np.ndarray:
        """(rows, trees) int32 index of the leaf that each row reaches in each tree."""
        found = np.empty((len(matrix), self.trees), dtype=np.int32)
        for part in self._parts(matrix):
            found[part] = self._reached(matrix[part])
        return found

    def _parts(self, matrix: np.ndarray) -> Iterator[slice]:
        if matrix.ndim != 2 or matrix.shape[1] != self.width:
            raise broken(_WHERE, f"a matrix of shape {matrix.shape} was given for {self.width} columns")
        size = max(1, _CELLS // max(1, self.trees))
        return (slice(start, start + size) for start in range(0, len(matrix), size))

    def _reached(self, matrix: np.ndarray) -> np.ndarray:
        """All rows go down all trees by one level at a time; a leaf is its own child."""
        numbers = np.ascontiguousarray(matrix, dtype=np.float64)
        if self.single:
            with np.errstate(over="ignore"):
                numbers = numbers.astype(np.float32).astype(np.float64)
        gaps = bool(np.isnan(numbers).any())
        flat, at = numbers.ravel(), np.arange(len(numbers))[:, None] * self.width
        left, right, feature = self._loops
        node = np.broadcast_to(self.roots, (len(numbers), self.trees))
        for _ in range(self.depth):
            x = flat[at + feature[node]]
            limit = self.threshold[node]
            goes = x < limit if self.strict else x <= limit
            if self._keys.size or self.categorical.any():
                by_set = self.categorical[node]
                goes[by_set] = self._listed(node[by_set], x[by_set])
            if gaps:
                goes = np.where(np.isnan(x), self.missing_left[node], goes)
            node = np.where(goes, left[node], right[node])
        return node

    def _listed(self, node: np.ndarray, x: np.ndarray) -> np.ndarray:
        """True where the category x is in the set of its node."""
        code = np.where((x >= 0) & (x < 1 << _CODE_BITS), x, -1).astype(np.int64)
        wanted = (node.astype(np.int64) << _CODE_BITS) + code
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        found: np.ndarray = (code >= 0) & (self._keys[place] == wanted) if len(self._keys) else code < -1
        return found

    @cached_property
    def _internal(self) -> np.ndarray:
        found: np.ndarray = self.left != _NO_CHILD
        return found

    @cached_property
    def _loops(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        own = np.arange(self.nodes, dtype=np.int32)
        sides = [np.where(self._internal, side, own) for side in (self.left, self.right)]
        return sides[0], sides[1], np.where(self._internal, self.feature, 0)

    @cached_property
    def _keys(self) -> np.ndarray:
        owner = np.repeat(np.arange(self.nodes, dtype=np.int64), np.diff(self.category_starts))
        return np.sort((owner << _CODE_BITS) + self.category_codes)

    def _check_shapes(self) -> None:
        nodes, outputs = len(self.left), len(self.base)
        expected = {
            **dict.fromkeys(("left", "right", "feature", "threshold", "missing_left", "categorical"), (nodes,)),
            "cover": (nodes,),
            "value": (nodes, outputs),
            "category_starts": (nodes + 1,),
            "base": (outputs,),
        }
        for field in fields(self):
            array = getattr(self, field.name)
            if field.name in expected and array.shape != expected[field.name]:
                raise broken(_WHERE, f"{field.name} is of shape {array.shape}, expected {expected[field.name]}")
        if not outputs or self.roots.ndim != 1 or self.category_codes.ndim != 1 or self.width < 0:
            raise broken(_WHERE, "it has no outputs, or arrays of the wrong dimensions")

    def _check_links(self) -> None:
        """From each root every walk ends: no node has two parents, and no root has one."""
        internal = self._internal
        if (internal != (self.right != _NO_CHILD)).any():
            raise broken(_WHERE, "a node has one child")
        children = np.concatenate([self.left[internal], self.right[internal]])
        within(children, 0, self.nodes, where=_WHERE, what="child")
        within(self.roots, 0, self.nodes, where=_WHERE, what="root")
        parents = np.bincount(np.concatenate([children, self.roots]), minlength=self.nodes)
        if (parents > 1).any():
            raise broken(_WHERE, f"node {int(np.flatnonzero(parents > 1)[0])} has two parents, so it is no tree")
        within(self.feature[internal], 0, self.width, where=_WHERE, what="feature")
        _ = self.depth

    def _check_contents(self) -> None:
        if np.isnan(self.threshold[self._internal & ~self.categorical]).any():
            raise broken(_WHERE, "a threshold is NaN")
        if not (np.isfinite(self.value).all() and np.isfinite(self.base).all()):
            raise broken(_WHERE, "a leaf holds NaN or infinity")
        if not np.isfinite(self.cover).all() or (self.cover < 0).any():
            raise broken(_WHERE, "a cover is negative or infinite")
        starts = self.category_starts
        if starts[0] != 0 or starts[-1] != len(self.category_codes) or (np.diff(starts) < 0).any():
            raise broken(_WHERE, "its category sets do not fit its nodes")
        if (self.category_codes < 0).any():
            raise broken(_WHERE, "a category is negative")


def _whole(values: np.ndarray, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        if array.size:
            raise broken(_WHERE, f"{name} are not whole numbers")
        return array.astype(np.int32)
    within(array.ravel(), _NO_CHILD, 1 << _CODE_BITS, where=_WHERE, what=name)
    return array.astype(np.int32)


def _flags(values: np.ndarray, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "biu" or (array.dtype.kind != "b" and not np.isin(array, (0, 1)).all()):
        raise broken(_WHERE, f"{name} are not true or false")
    return array.astype(bool)

"""A tree that splits the rows where errors gather: found on one half, counted on the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.fairness.subgroups.confirmation.estimates import Rows, mean_interval
from assay.fairness.subgroups.confirmation.held_out import halves
from assay.fairness.subgroups.encoding import Encoded
from assay.fairness.subgroups.ranking import support_rows


@dataclass(frozen=True, slots=True)
class Split:
    """What the rows of a node have in common beside those of its parent: `column` `relation` `level`.

    Relations: "=" and "not" for words; "<" and ">=" for numbers, where the rows whose value is missing may be
    `or_missing`; "missing" and "present", with no level.
    """

    column: str
    relation: str
    level: str | None
    or_missing: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One node, on rows the tree was not grown on.

    `parent` is the id of another node (None: the root, all rows); `rows` those in the node and `value` the mean of
    the outcome in them (None without rows); `coverage` their share of the total of the outcome, None where that is 0.
    """

    id: int
    parent: int | None
    depth: int
    split: Split | None
    leaf: bool
    rows: int
    value: float | None
    interval: Interval | None
    coverage: float | None


def error_tree(
    encoded: Encoded,
    rows: Rows,
    /,
    *,
    max_depth: int = 4,
    leaves: int = 16,
    support: float = 0.01,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[Node, ...]:
    """The nodes of a least-squares tree of the outcome, root first, each after its parent.

    Grown on a random half of the rows and counted on the other, so that rates are not flattered by the choice of the
    splits (Athey & Imbens 2016, PNAS 113:7353). Numbers are split at the edges of their bins, text one level against
    the others; leaves hold `support` of the growing half. Rows must be alike: AssayError "weighted" otherwise.
    """
    if not rows.plain:
        raise AssayError("A tree of errors counts rows alike.", code="weighted", hint="Leave weights and units out.")
    if not encoded.names:
        raise AssayError("There are no columns to split by.", code="column", hint="Give columns with two values.")
    from sklearn.tree import DecisionTreeRegressor

    inputs = _Inputs.of(encoded)
    grown = halves(encoded.rows, None, seed=seed)
    smallest = support_rows(support, int(grown.sum()))
    tree = DecisionTreeRegressor(
        max_depth=max_depth, max_leaf_nodes=leaves, min_samples_leaf=smallest, random_state=seed
    ).fit(inputs.values[grown], rows.values[grown])
    counted = rows.values[~grown]
    inside = tree.decision_path(inputs.values[~grown]).tocsc()
    return tuple(_nodes(tree.tree_, inputs, inside, counted, level))


def _nodes(tree: Any, inputs: _Inputs, inside: Any, values: NDArray[np.float64], level: float) -> Iterator[Node]:
    parents: dict[int, tuple[int, bool]] = {}
    for node, (left, right) in enumerate(zip(tree.children_left.tolist(), tree.children_right.tolist(), strict=True)):
        if left >= 0:
            parents |= {left: (node, True), right: (node, False)}
    depths: dict[int, int] = {}
    total, binary = float(values.sum()), bool(np.isin(values, (0.0, 1.0)).all())
    for node in range(tree.node_count):
        parent, is_left = parents.get(node, (None, False))
        depths[node] = 0 if parent is None else depths[parent] + 1
        here = values[inside.indices[inside.indptr[node] : inside.indptr[node + 1]]]
        yield Node(
            id=node,
            parent=parent,
            depth=depths[node],
            split=None if parent is None else inputs.split(tree, parent, is_left),
            leaf=bool(tree.children_left[node] < 0),
            rows=len(here),
            value=float(here.mean()) if len(here) else None,
            interval=mean_interval(len(here), float(here.sum()), float(here @ here), binary=binary, level=level),
            coverage=float(here.sum()) / total if total > 0 else None,
        )


@dataclass(frozen=True, eq=False)
class _Inputs:
    """(rows, inputs) numbers for the tree; `meaning[i]` is the column of input i, and its level where it is words."""

    values: NDArray[np.float32]
    meaning: list[tuple[int, int | None]]
    encoded: Encoded

    @classmethod
    def of(cls, encoded: Encoded, /) -> _Inputs:
        columns: list[NDArray[np.float32]] = []
        meaning: list[tuple[int, int | None]] = []
        for place, codes in enumerate(encoded.codes):
            levels = encoded.levels[place]
            if encoded.starts[place]:
                number = codes.astype(np.float32)
                if levels[-1] is None:
                    number[codes == len(levels) - 1] = np.nan
                columns.append(number)
                meaning.append((place, None))
                continue
            for code in range(len(levels) if len(levels) > 2 else 1):
                columns.append((codes == code).astype(np.float32))
                meaning.append((place, code))
        return cls(np.stack(columns, axis=1), meaning, encoded)

    def split(self, tree: Any, node: int, is_left: bool, /) -> Split:
        """What tells the left (or right) child of a node from the other."""
        place, code = self.meaning[int(tree.feature[node])]
        name, levels = self.encoded.names[place], self.encoded.levels[place]
        if code is not None:
            return Split(name, "not" if is_left else "=", levels[code])
        missing_here = levels[-1] is None and bool(tree.missing_go_to_left[node]) == is_left
        starts, threshold = self.encoded.starts[place], float(tree.threshold[node])
        if not np.isfinite(threshold) or threshold >= len(starts) - 1:
            return Split(name, "missing" if missing_here else "present", None)
        return Split(name, "<" if is_left else ">=", starts[int(np.floor(threshold)) + 1], missing_here)

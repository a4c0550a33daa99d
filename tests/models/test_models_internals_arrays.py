"""An ensemble of arrays follows its nodes as written, and one that cannot be followed is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.models.internals.forms import Inside, LinearForm
from assay.models.internals.trees import Tree, join
from assay.models.structure.ensemble import TreeEnsemble


def parts(**changed: Any) -> dict[str, Any]:
    """x0 < 1 ? (category of x1 in {2, 5} ? 10 : 20) : 30, then a single leaf 0.5."""
    made: dict[str, Any] = {
        "left": np.array([1, 3, -1, -1, -1, -1]),
        "right": np.array([2, 4, -1, -1, -1, -1]),
        "feature": np.array([0, 1, 0, 0, 0, 0]),
        "threshold": np.array([1.0, 0, 0, 0, 0, 0]),
        "missing_left": np.array([True, False, False, False, False, False]),
        "categorical": np.array([False, True, False, False, False, False]),
        "category_starts": np.array([0, 0, 2, 2, 2, 2, 2]),
        "category_codes": np.array([5, 2]),
        "value": np.array([[0.0], [0], [30], [10], [20], [0.5]]),
        "cover": np.array([9.0, 6, 3, 2, 4, 9]),
        "roots": np.array([0, 5]),
        "base": np.array([100.0]),
        "width": 2,
        "strict": True,
        "single": False,
        "scale": "value",
    }
    return {**made, **changed}


NAN = float("nan")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0.0, 2.0], 10),
        ([0.0, 5.9], 10),
        ([0.0, 3.0], 20),
        ([0.0, -2.0], 20),
        ([0.0, 1e300], 20),
        ([0.0, NAN], 20),
        ([NAN, 2.0], 10),
        ([1.0, 2.0], 30),
        ([float("inf"), 2.0], 30),
    ],
)
def test_rows_go_where_the_nodes_say(row: list[float], expected: float) -> None:
    ensemble = TreeEnsemble(**parts())
    assert ensemble.margin(np.array([row])).tolist() == [[expected + 100.5]]
    assert (ensemble.depth, ensemble.trees, ensemble.nodes, ensemble.outputs) == (2, 2, 6, 1)
    leaf = {10: 3, 20: 4, 30: 2}[int(expected)]
    assert ensemble.leaves(np.array([row])).tolist() == [[leaf, 5]]


def test_equality_and_rounding_follow_the_library() -> None:
    at = np.array([[1.0, 2.0]])
    assert TreeEnsemble(**parts(strict=False)).margin(at).tolist() == [[110.5]]
    near = np.array([[1.0 - 1e-12, 2.0]])
    assert TreeEnsemble(**parts()).margin(near).tolist() == [[110.5]]
    assert TreeEnsemble(**parts(single=True)).margin(near).tolist() == [[130.5]]


CHANGES: dict[str, dict[str, Any]] = {
    "a cycle": {"left": np.array([1, 0, -1, -1, -1, -1])},
    "a node of two trees": {"roots": np.array([0, 3])},
    "a root twice": {"roots": np.array([0, 0])},
    "a root outside": {"roots": np.array([0, 6])},
    "a child outside": {"right": np.array([2, 77, -1, -1, -1, -1])},
    "a child below -1": {"right": np.array([2, -9, -1, -1, -1, -1])},
    "one child": {"right": np.array([2, -1, -1, -1, -1, -1])},
    "a feature outside": {"feature": np.array([0, 2, 0, 0, 0, 0])},
    "a NaN index": {"left": np.array([1, NAN, -1, -1, -1, -1])},
    "an index beyond int32": {"feature": np.array([1 << 40, 1, 0, 0, 0, 0])},
    "a NaN threshold": {"threshold": np.array([NAN, 0, 0, 0, 0, 0])},
    "a NaN leaf": {"value": np.array([[0.0], [0], [NAN], [10], [20], [0.5]])},
    "an infinite base": {"base": np.array([np.inf])},
    "values of another shape": {"value": np.zeros((5, 1))},
    "values of more outputs": {"value": np.zeros((6, 2))},
    "a negative cover": {"cover": np.array([9.0, 6, 3, 2, -4, 9])},
    "sets that shrink": {"category_starts": np.array([0, 3, 2, 2, 2, 2, 2])},
    "sets that end early": {"category_codes": np.array([5, 2, 3])},
    "a negative category": {"category_codes": np.array([-1, 2])},
    "flags that are none": {"missing_left": np.array([2, 0, 0, 0, 0, 0])},
    "text for flags": {"categorical": np.array(["x"] * 6)},
    "roots in a square": {"roots": np.array([[0, 5]])},
    "no outputs": {"base": np.empty(0), "value": np.empty((6, 0))},
    "an unknown scale": {"scale": "odds"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_cannot_be_followed_is_refused(name: str) -> None:
    with pytest.raises(AssayError):
        TreeEnsemble(**parts(**CHANGES[name]))


def test_a_chain_without_end_is_refused() -> None:
    length = 6000
    inner = np.arange(length)
    leaf = np.full(length + 1, -1)
    tree = Tree(
        left=np.concatenate([inner + 1, leaf]),
        right=np.concatenate([length + 1 + inner, leaf]),
        feature=np.zeros(2 * length + 1, int),
        threshold=np.zeros(2 * length + 1),
        missing_left=np.zeros(2 * length + 1, bool),
        value=np.zeros(2 * length + 1),
        cover=np.zeros(2 * length + 1),
    )
    with pytest.raises(AssayError, match="deeper than 4096"):
        join([tree], base=np.zeros(1), width=1, strict=True, single=False, scale="value")


def test_a_matrix_of_another_width_and_other_forms_are_refused() -> None:
    ensemble = TreeEnsemble(**parts())
    with pytest.raises(AssayError, match=r"shape \(1, 3\) was given for 2 columns"):
        ensemble.margin(np.zeros((1, 3)))
    with pytest.raises(AssayError):
        LinearForm(np.array([[1.0, NAN]]), np.zeros(1), "value")
    with pytest.raises(AssayError):
        LinearForm(np.ones((2, 3)), np.zeros(1), "value")
    with pytest.raises(AssayError):
        Inside(ensemble=ensemble, names=("a",), origin=np.array([0]))
    with pytest.raises(AssayError):
        Inside(ensemble=ensemble, names=("a", "b"), origin=np.array([0, -1]))
    with pytest.raises(AssayError):
        Inside()


def walk(tree: Tree, row: np.ndarray) -> float:
    """The leaf of one row, one node at a time."""
    node = 0
    while tree.left[node] >= 0:
        x = row[tree.feature[node]]
        if np.isnan(x):
            goes = bool(tree.missing_left[node])
        elif node in tree.sets:
            goes = int(x) in set(tree.sets[node].tolist())
        else:
            goes = bool(x <= tree.threshold[node])
        node = int(tree.left[node] if goes else tree.right[node])
    return float(tree.value[node])


def grown(rng: np.random.Generator, splits: int) -> Tree:
    """A tree of random shape: each split turns a random leaf into a node."""
    left, right, leaves = [-1], [-1], [0]
    for _ in range(splits):
        node = leaves.pop(int(rng.integers(len(leaves))))
        left[node], right[node] = len(left), len(left) + 1
        leaves += [len(left), len(left) + 1]
        left += [-1, -1]
        right += [-1, -1]
    size = len(left)
    inner = [node for node in range(size) if left[node] >= 0]
    sets = {node: np.unique(rng.integers(0, 6, 3)) for node in inner if rng.random() < 0.3}
    return Tree(
        left=np.array(left),
        right=np.array(right),
        feature=rng.integers(0, 3, size),
        threshold=rng.integers(0, 5, size).astype(float),
        missing_left=rng.random(size) < 0.5,
        value=rng.normal(size=size),
        cover=np.ones(size),
        sets=sets,
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), splits=st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_all_rows_at_once_go_as_each_alone(seed: int, splits: list[int]) -> None:
    rng = np.random.default_rng(seed)
    trees = [grown(rng, count) for count in splits]
    ensemble = join(trees, base=np.array([0.25]), width=3, strict=False, single=False, scale="value")
    rows = rng.integers(0, 6, (20, 3)).astype(float)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    expected = [0.25 + sum(walk(tree, row) for tree in trees) for row in rows]
    np.testing.assert_allclose(ensemble.margin(rows)[:, 0], expected, atol=1e-12)

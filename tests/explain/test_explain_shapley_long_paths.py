"""Trees whose paths have many players: split by leaf, tables and patterns give what walking pair by pair gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from assay.explain.shapley.forests.game import TreeGame
from assay.explain.shapley.forests.patterns import add_by_patterns
from assay.explain.shapley.forests.plan import CODED, plan_of
from assay.explain.shapley.forests.trees import tree_shapley
from assay.models.internals.trees import Tree, join
from assay.models.structure.ensemble import TreeEnsemble

WIDTH = 90


def grown(seed: int, *, levels: int, width: int) -> Tree:
    """A tree that goes on to the right for `levels` splits, with short trees on the left; players come again."""
    rng = np.random.default_rng(seed)
    left, right, feature, threshold, value, cover = [], [], [], [], [], []

    def add(weight: float) -> int:
        for column, start in zip(
            (left, right, feature, threshold, value, cover), (-1, -1, 0, 0.0, 0.0, weight), strict=True
        ):
            column.append(start)
        return len(left) - 1

    def split(node: int, column: int) -> Iterator[int]:
        feature[node], threshold[node] = column, float(rng.normal() - 1.5)
        share = float(rng.uniform(0.2, 0.8))
        left[node] = add(cover[node] * share)
        right[node] = add(cover[node] * (1 - share))
        yield from (left[node], right[node])

    asked = rng.permutation(width)[: levels * 3 // 4]
    node = add(1000.0)
    for level in range(levels):
        short, node = split(node, int(asked[level] if level < len(asked) else rng.choice(asked)))
        if level % 2:
            for child in split(short, int(rng.integers(width))):
                value[child] = float(rng.normal())
        value[short] = float(rng.normal())
    value[node] = 3.0
    arrays = [np.array(column) for column in (left, right, feature, threshold)]
    return Tree(*arrays, np.zeros(len(left)), np.array(value), np.array(cover))


def trees(*, levels: int, width: int = WIDTH, count: int = 2) -> TreeEnsemble:
    made = [grown(seed, levels=levels, width=width) for seed in range(count)]
    return join(made, base=np.zeros(1), width=width, strict=True, single=False, scale="value")


def game(
    ensemble: TreeEnsemble, *, rows: int = 15, others: int | None = 11, owner: np.ndarray | None = None
) -> TreeGame:
    rng = np.random.default_rng(7)
    own = np.arange(ensemble.width) if owner is None else owner
    background = None if others is None else rng.normal(size=(others, ensemble.width))
    matrix = rng.normal(size=(rows, ensemble.width))
    return TreeGame(ensemble, ensemble.value[:, 0], own, int(own.max()) + 1, matrix, background)


@pytest.fixture
def small_tables(monkeypatch: pytest.MonkeyPatch) -> int:
    """Tables for at most 8 players, so that a test of what lies beyond is short."""
    monkeypatch.setattr("assay.explain.shapley.forests.plan.CODED", 8)
    return 8


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("shared", [1, 3])
def test_a_tree_split_by_leaf_is_the_tree_walked_pair_by_pair(order, shared, small_tables):
    asked = game(trees(levels=22), owner=np.arange(WIDTH) // shared)
    assert int(asked.reach.max()) > small_tables
    pairs = tree_shapley(asked, order=order, way="pairs")
    assert np.abs(pairs.values).max() > 0.01
    for way in ("tables", "patterns", None):
        found = tree_shapley(asked, order=order, way=way)
        np.testing.assert_allclose(found.values, pairs.values, atol=1e-12)
        np.testing.assert_allclose(found.mean, pairs.mean, atol=1e-12)


def test_players_of_one_path_fill_several_words():
    asked = game(trees(levels=105, count=1), others=8)
    assert int(asked.reach.max()) > 64
    found, pairs = (tree_shapley(asked, way=way) for way in ("patterns", "pairs"))
    np.testing.assert_allclose(found.values, pairs.values, atol=1e-12)
    np.testing.assert_allclose(found.mean + found.values.sum(axis=0), asked.ensemble.margin(asked.matrix)[:, 0])


@pytest.mark.parametrize("order", [1, 2])
def test_covers_split_by_leaf_are_those_of_the_whole_tree(order, small_tables):
    asked = game(trees(levels=22), others=None)
    assert int(asked.reach.max()) > small_tables
    split, whole = (tree_shapley(asked, order=order, way=way) for way in ("tables", "covers"))
    np.testing.assert_allclose(split.values, whole.values, atol=1e-12)
    np.testing.assert_allclose(split.mean, whole.mean, atol=1e-12)


def test_rows_in_portions_give_the_same(monkeypatch):
    asked = game(trees(levels=20))
    root, once, portions = int(asked.ensemble.roots[0]), np.zeros((WIDTH, 15)), np.zeros((WIDTH, 15))
    mean = add_by_patterns(asked, root, 1, once)
    monkeypatch.setattr("assay.explain.shapley.forests.patterns.CELLS", 40)
    np.testing.assert_allclose(add_by_patterns(asked, root, 1, portions), mean, atol=1e-14)
    np.testing.assert_allclose(portions, once, atol=1e-14)


def test_the_quickest_way_is_taken():
    deep, flat = trees(levels=30), trees(levels=4)
    few, many = game(deep, rows=1, others=1), game(deep, rows=400, others=200)
    assert plan_of(few, 0, 1, None).way == "pairs"
    plan = plan_of(many, 0, 1, None)
    assert (plan.way, plan.whole) == ("patterns", False)
    assert 0 <= plan.most <= CODED
    assert plan_of(game(flat, rows=400, others=200), 0, 1, None).whole

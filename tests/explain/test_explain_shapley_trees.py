"""SHAP of trees equals the sum over all coalitions, in both games, by both ways, for odd trees too."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.explain.shapley.forests.game import TreeGame
from assay.explain.shapley.forests.trees import tree_shapley
from assay.models.internals.trees import Tree, join


def random_tree(rng: np.random.Generator, width: int, depth: int, *, sets: bool = True) -> Tree:
    """A tree of random splits, some by category; thresholds are whole numbers so that ties are met."""
    left, right, feature, threshold, missing, value, cover = [], [], [], [], [], [], []
    codes: dict[int, np.ndarray] = {}

    def grow(level: int, weight: float) -> int:
        node = len(left)
        for column, start in zip(
            (left, right, feature, threshold, missing, value, cover), (-1, -1, 0, 0.0, 0, 0.0, weight), strict=True
        ):
            column.append(start)
        if level == depth or (level and rng.random() < 0.15):
            value[node] = float(rng.normal())
            return node
        feature[node], threshold[node] = int(rng.integers(width)), float(rng.integers(-1, 2))
        missing[node] = int(rng.integers(2))
        if sets and rng.random() < 0.3:
            codes[node] = np.flatnonzero(rng.random(3) < 0.5)
        share = float(rng.uniform(0.1, 0.9))
        left[node] = grow(level + 1, weight * share)
        right[node] = grow(level + 1, weight * (1 - share))
        return node

    grow(0, 100.0)
    arrays = [np.array(column) for column in (left, right, feature, threshold, missing, value, cover)]
    return Tree(*arrays, sets=codes)


def ensemble(seed: int, *, trees: int = 3, width: int = 5, depth: int = 4, strict: bool = False):
    rng = np.random.default_rng(seed)
    grown = [random_tree(rng, width, depth) for _ in range(trees)]
    return join(grown, base=np.array([0.5]), width=width, strict=strict, single=True, scale="log-odds")


def rows(seed: int, n: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    found = rng.integers(-2, 3, (n, width)).astype(float)
    found[rng.random(found.shape) < 0.15] = np.nan
    return found


def brute_force(value_of, players: int, order: int) -> np.ndarray:
    """(players^order, rows) from `value_of(coalition) -> (rows,)`."""
    value = {c: value_of(c) for s in range(players + 1) for c in combinations(range(players), s)}
    out = np.zeros((players**order, len(value[()])))
    for term in combinations(range(players), order):
        others = [p for p in range(players) if p not in term]
        for size in range(len(others) + 1):
            weight = factorial(size) * factorial(players - size - order) / factorial(players - order + 1)
            for coalition in combinations(others, size):
                for taken in range(order + 1):
                    for some in combinations(term, taken):
                        part = value[tuple(sorted((*coalition, *some)))]
                        line = term[0] if order == 1 else term[0] * players + term[1]
                        out[line] += weight * (-1) ** (order - taken) * part
    return out


def interventional(trees, matrix, background, owner):
    def value_of(coalition):
        inside = np.isin(owner, coalition)
        mixed = np.where(inside, matrix[:, None], background[None])
        return trees.margin(mixed.reshape(-1, trees.width))[:, 0].reshape(len(matrix), -1).mean(axis=1)

    return value_of


def by_covers(trees, matrix, owner):
    def descend(node, row, coalition):
        if trees.left[node] < 0:
            return trees.value[node, 0]
        ways = (trees.left[node], trees.right[node])
        if owner[trees.feature[node]] in coalition:
            return descend(ways[0] if left_of(trees, node, row) else ways[1], row, coalition)
        return sum(trees.cover[way] * descend(way, row, coalition) for way in ways) / trees.cover[node]

    return lambda coalition: np.array(
        [trees.base[0] + sum(descend(root, row, coalition) for root in trees.roots) for row in matrix]
    )


def left_of(trees, node, row):
    x = row[trees.feature[node]]
    if np.isnan(x):
        return trees.missing_left[node]
    if trees.categorical[node]:
        return int(x) in trees.category_codes[trees.category_starts[node] : trees.category_starts[node + 1]]
    return x < trees.threshold[node] if trees.strict else x <= trees.threshold[node]


@pytest.mark.parametrize("way", ["tables", "patterns", "pairs"])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("owner", [[0, 1, 2, 3, 4], [0, 1, 1, 2, 0]])
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_values_are_those_of_all_coalitions(way, order, owner, seed):
    trees, own = ensemble(seed, strict=bool(seed % 2)), np.array(owner)
    matrix, background, players = rows(seed + 1, 6, 5), rows(seed + 2, 7, 5), len(set(owner))
    for others, value_of in (
        (background, interventional(trees, matrix, background, own)),
        (None, by_covers(trees, matrix, own)),
    ):
        game = TreeGame(trees, trees.value[:, 0], own, players, matrix, others)
        found = tree_shapley(game, order=order, way="covers" if others is None and way != "tables" else way)
        expected = brute_force(value_of, players, order)
        np.testing.assert_allclose(found.values.reshape(players**order, -1), expected, atol=1e-12)
        np.testing.assert_allclose(found.mean + trees.base[0], value_of(())[0], atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), depth=st.integers(0, 7), wide=st.booleans())
def test_base_and_values_sum_to_the_output_and_absent_columns_get_nothing(seed, depth, wide):
    width = 80 if wide else 3
    trees = ensemble(seed, depth=depth, width=width)
    matrix, background = rows(seed, 9, width), rows(seed + 1, 4, width)
    for others in (background, None):
        game = TreeGame(trees, trees.value[:, 0], np.arange(width), width, matrix, others)
        for way in ("tables", *(("covers",) if others is None else ("patterns", "pairs")), None):
            found = tree_shapley(game, way=way)
            whole = found.mean + trees.base[0] + found.values.sum(axis=0)
            np.testing.assert_allclose(whole, trees.margin(matrix)[:, 0], atol=1e-11)
            unused = sorted(set(range(width)) - set(trees.feature[trees.left >= 0].tolist()))
            assert not found.values[unused].any()


def test_a_row_equal_to_its_background_has_no_values():
    trees = ensemble(3)
    row = rows(4, 1, 5)
    found = tree_shapley(TreeGame(trees, trees.value[:, 0], np.arange(5), 5, row, row))
    np.testing.assert_allclose(found.values, 0, atol=1e-15)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.floats(-3, 3))
def test_values_are_linear_in_the_leaves(seed, factor):
    trees = ensemble(seed)
    matrix, background = rows(seed, 5, 5), rows(seed + 1, 6, 5)
    other = np.random.default_rng(seed).normal(size=trees.nodes)

    def values(leaf):
        return tree_shapley(TreeGame(trees, leaf, np.arange(5), 5, matrix, background)).values

    np.testing.assert_allclose(
        values(trees.value[:, 0] + factor * other), values(trees.value[:, 0]) + factor * values(other), atol=1e-12
    )


def test_twin_columns_share_alike():
    """A tree that asks two columns the same question, and its mirror image: equal rows give equal values."""
    rng = np.random.default_rng(0)
    first = random_tree(rng, 2, 3, sets=False)
    mirror = Tree(
        first.left, first.right, 1 - first.feature, first.threshold, first.missing_left, first.value, first.cover
    )
    trees = join([first, mirror], base=np.zeros(1), width=2, strict=True, single=False, scale="value")
    matrix = np.repeat(rows(1, 8, 1), 2, axis=1)
    background = np.repeat(rows(2, 8, 1), 2, axis=1)
    for others in (background, None):
        values = tree_shapley(TreeGame(trees, trees.value[:, 0], np.arange(2), 2, matrix, others)).values
        np.testing.assert_allclose(values[0], values[1], atol=1e-14)


def chain(depth: int, width: int) -> Tree:
    """A tree that asks `depth` different columns one after the other; the left child is always a leaf."""
    rng = np.random.default_rng(5)
    nodes = np.arange(2 * depth + 1)
    split = (nodes % 2 == 0) & (nodes < 2 * depth)
    asked = rng.permutation(width)[:depth]
    return Tree(
        left=np.where(split, nodes + 1, -1),
        right=np.where(split, nodes + 2, -1),
        feature=np.where(split, asked[np.minimum(nodes // 2, depth - 1)], 0),
        threshold=np.zeros(len(nodes)),
        missing_left=np.zeros(len(nodes)),
        value=np.where(split, 0.0, rng.normal(size=len(nodes))),
        cover=0.5 ** (nodes // 2 + nodes % 2),
    )


def test_paths_through_more_than_sixteen_players_and_masks_of_several_words():
    width = 70
    trees = join([chain(20, width)], base=np.zeros(1), width=width, strict=True, single=False, scale="value")
    owner = np.arange(width)
    rng = np.random.default_rng(6)
    matrix, background = rng.normal(size=(12, width)) + 0.8, rng.normal(size=(9, width)) + 0.8
    for others in (background, None):
        found = tree_shapley(TreeGame(trees, trees.value[:, 0], owner, width, matrix, others))
        np.testing.assert_allclose(found.mean + found.values.sum(axis=0), trees.margin(matrix)[:, 0], atol=1e-12)
    # A row that differs from its background in eight columns is a game of eight players, which can be enumerated.
    changed = np.unique(trees.feature[trees.left >= 0])[::3][:8]
    row = np.abs(background[:1])
    other = row.copy()
    row[:, changed] *= -np.where(rng.random(len(changed)) < 0.5, 1, -1)
    other[:, changed] = -row[:, changed]
    found = tree_shapley(TreeGame(trees, trees.value[:, 0], owner, width, row, other))
    group = np.full(width, -1)
    group[changed] = np.arange(len(changed))
    expected = brute_force(interventional(trees, row, other, group), len(changed), 1)
    np.testing.assert_allclose(found.values[changed], expected, atol=1e-14)
    assert np.abs(expected).max() > 0.01
    assert not np.delete(found.values, changed, axis=0).any()


def test_long_paths_by_covers_are_those_of_the_tables():
    trees = join([chain(16, 18)], base=np.zeros(1), width=18, strict=True, single=False, scale="value")
    matrix = np.random.default_rng(1).normal(size=(7, 18)) + 0.8
    game = TreeGame(trees, trees.value[:, 0], np.arange(18), 18, matrix)
    by_table, by_cover = (tree_shapley(game, way=way) for way in ("tables", "covers"))
    np.testing.assert_allclose(by_table.values, by_cover.values, atol=1e-12)
    np.testing.assert_allclose(by_table.mean, by_cover.mean, atol=1e-14)


@pytest.mark.parametrize("way", ["tables", "patterns", "pairs"])
def test_long_work_counts_its_trees(way):
    heard: list[int] = []

    class Listener:
        def started(self, task, /, *, total):
            assert (task, total) == ("SHAP of trees", 3)

        def advanced(self, task, /, *, done, note=""):
            heard.append(done)

        def ended(self, task, /, *, note=""):
            heard.append(-1)

    trees = ensemble(1)
    game = TreeGame(trees, trees.value[:, 0], np.arange(5), 5, rows(1, 4, 5), rows(2, 3, 5))
    tree_shapley(game, way=way, progress=Listener())
    assert heard[-2:] == [3, -1]

"""The search against brute force: every conjunction, counted one by one with other formulas."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.fairness.subgroups.distinct import distinct
from assay.fairness.subgroups.encoding import Encoded, encode
from assay.fairness.subgroups.lattice import combinations, walk
from assay.fairness.subgroups.ranking import AllRows, ranking, sliceline
from assay.fairness.subgroups.search import Search, best


def rank_of(inside: np.ndarray, values: np.ndarray, search: Search) -> float:
    n, rows = int(inside.sum()), len(values)
    if n == rows:
        return -np.inf
    here, rest, everything = values[inside].mean(), values[~inside].mean(), values.mean()
    if search.rank == "difference":
        return float(here - rest)
    if search.rank == "score":
        if everything == 0:
            return -np.inf
        return float(search.alpha * (here / everything - 1) - (1 - search.alpha) * (rows / n - 1))
    if values.std() == 0:
        return -np.inf
    return float((here - everything) / np.sqrt(values.var(ddof=1) / n * (rows - n) / rows))


def brute_force(encoded: Encoded, values: np.ndarray, search: Search, support: int) -> list[tuple[object, ...]]:
    """(rank, conditions, rows, total) of every slice of enough rows that ranks above 0, best first."""
    found = []
    for depth in range(1, search.max_depth + 1):
        for columns in itertools.combinations(range(len(encoded.names)), depth):
            for levels in itertools.product(*(range(len(encoded.levels[c])) for c in columns)):
                inside = np.all([encoded.codes[c] == v for c, v in zip(columns, levels, strict=True)], axis=0)
                if inside.sum() >= support and (rank := rank_of(inside, values, search)) > 1e-12:
                    conditions = tuple(zip(columns, levels, strict=True))
                    found.append((rank, conditions, int(inside.sum()), float(values[inside].sum())))
    return sorted(found, key=lambda f: (-round(f[0], 9), len(f[1]), [c for c, _ in f[1]], [v for _, v in f[1]]))


def random_table(rng: np.random.Generator, rows: int, columns: int) -> pa.Table:
    data = {}
    for i in range(columns):
        levels = rng.integers(2, 5)
        weights = rng.dirichlet(np.ones(levels))
        data[f"c{i}"] = rng.choice([*"abcd"][:levels], rows, p=weights)
    data["c1"] = np.where(rng.random(rows) < 0.7, data["c0"], data["c1"])
    return pa.table(data)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rank=st.sampled_from(["score", "difference", "significance"]),
    depth=st.integers(1, 4),
    kind=st.sampled_from(["errors", "rare errors", "losses", "whole losses"]),
    most=st.sampled_from([1, 5, 40]),
)
def test_it_is_brute_force(seed, rank, depth, kind, most):
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(120, 500))
    encoded = encode(random_table(rng, rows, 5), [f"c{i}" for i in range(5)])
    worse = encoded.codes[0] == 1
    values = {
        "errors": (rng.random(rows) < np.where(worse, 0.6, 0.3)).astype(float),
        "rare errors": (rng.random(rows) < 0.02).astype(float),
        "losses": rng.exponential(np.where(worse, 2.0, 1.0)),
        "whole losses": rng.integers(0, 4, rows).astype(float),
    }[kind]
    search = Search(max_depth=depth, rank=rank, support=0.1, alpha=0.9)
    expected = brute_force(encoded, values, search, max(32, int(np.ceil(0.1 * rows))))
    found = best(encoded, values, search=search, most=most)
    assert [f.conditions for f in found.found] == [e[1] for e in expected[:most]]
    assert [f.rank for f in found.found] == pytest.approx([e[0] for e in expected[:most]])
    assert [(f.n, f.total) for f in found.found] == [(e[2], pytest.approx(e[3])) for e in expected[:most]]
    assert found.complete == (len(expected) < most)


def test_pruning_leaves_slices_uncounted_and_changes_nothing():
    rng = np.random.default_rng(3)
    encoded = encode(random_table(rng, 4000, 9), [f"c{i}" for i in range(9)])
    values = (rng.random(4000) < np.where(encoded.codes[0] == 0, 0.9, 0.02)).astype(float)
    search = Search(max_depth=4)
    few, every = (best(encoded, values, search=search, most=most) for most in (3, 10**6))
    assert few.counted < 0.5 * every.counted
    assert few.found == every.found[:3]
    assert every.complete


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    by=st.sampled_from(["score", "difference", "significance"]),
    alpha=st.sampled_from([0.5, 0.95, 1.0]),
)
def test_no_slice_inside_another_ranks_above_its_bound(seed, by, alpha):
    rng = np.random.default_rng(seed)
    values = rng.choice([0.0, 0.5, 1.0, 3.0], 200, p=rng.dirichlet(np.ones(4)))
    if values.max() == 0:
        values[0] = 1.0
    order = ranking(by, AllRows.of(values), support=10, alpha=alpha)
    outer = rng.permutation(200)[: rng.integers(10, 199)]
    bound = order.bounds(np.array([float(len(outer))]), np.array([values[outer].sum()]))[0]
    descending = outer[np.argsort(-values[outer])]
    for size in range(10, len(outer) + 1):
        inner = order.values(np.array([float(size)]), np.array([values[descending[:size]].sum()]))[0]
        assert inner <= bound + 1e-9 * abs(bound)


def test_the_score_is_that_of_the_paper():
    """100 rows with 10 errors, a slice of 20 rows with 6 of them: 0.95 (0.3/0.1 - 1) - 0.05 (100/20 - 1) = 1.7."""
    scores = sliceline(np.array([20.0, 100.0]), np.array([6.0, 10.0]), 100.0, 10.0, 0.95)
    assert scores == pytest.approx([1.7, 0.0])


def test_every_table_is_shown_once_and_counts_every_row():
    rng = np.random.default_rng(4)
    encoded = encode(random_table(rng, 300, 5), [f"c{i}" for i in range(5)])
    values = rng.random(300)
    seen = {}

    def visit(table):
        seen[table.columns] = (int(table.n.sum()), float(table.totals.sum()))
        return np.flatnonzero(table.n.ravel() > 0)

    walk(encoded, values, visit, max_depth=3)
    assert len(seen) == combinations(5, 3) == 25
    assert all(n == 300 and total == pytest.approx(values.sum()) for n, total in seen.values())


def test_the_same_rows_are_not_shown_twice():
    rng = np.random.default_rng(5)
    degree = rng.choice(["BSc", "MSc", "PhD"], 2000)
    table = pa.table({"degree": degree, "years": [{"BSc": 16, "MSc": 18, "PhD": 21}[d] for d in degree],
                      "town": rng.choice(["x", "y"], 2000), "all": ["same"] * 2000})  # fmt: skip
    values = (rng.random(2000) < np.where(degree == "PhD", 0.6, 0.1)).astype(float)
    encoded = encode(table, table.column_names)
    repeated = best(encoded, values, search=Search(), most=3).found
    assert {f.n for f in repeated} == {int((degree == "PhD").sum())}
    kept = distinct(encoded, values, search=Search(overlap=1.0)).found
    masks = [encoded.inside(f.conditions).tobytes() for f in kept]
    assert len(set(masks)) == len(masks)
    assert encoded.name(kept[0].conditions) == {"degree": "PhD"}
    first, *others = distinct(encoded, values, search=Search(overlap=0.3)).found
    assert first == kept[0]
    inside = encoded.inside(first.conditions)
    for other in others:
        mask = encoded.inside(other.conditions)
        assert (inside & mask).sum() <= 0.3 * (inside | mask).sum()


@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.5, 1.0])
def test_what_is_kept_is_a_walk_down_the_whole_list(overlap):
    rng = np.random.default_rng(6)
    encoded = encode(random_table(rng, 600, 6), [f"c{i}" for i in range(6)])
    values = (rng.random(600) < np.where(encoded.codes[0] == 0, 0.4, 0.2)).astype(float)
    search = Search(top=4, overlap=overlap)
    kept, masks = [], []
    for _, conditions, *_ in brute_force(encoded, values, search, 32):
        mask = encoded.inside(conditions)
        shares = [((mask & other).sum(), (mask | other).sum()) for other in masks]
        if not any(common > overlap * union or common == union for common, union in shares) and len(kept) < 4:
            kept.append(conditions)
            masks.append(mask)
    assert [f.conditions for f in distinct(encoded, values, search=search).found] == kept


def test_a_model_without_errors_and_a_table_without_columns_have_no_slices():
    rng = np.random.default_rng(7)
    encoded = encode(random_table(rng, 200, 3), ["c0", "c1", "c2"])
    for rank in ("score", "difference", "significance"):
        assert distinct(encoded, np.zeros(200), search=Search(rank=rank)).found == ()
        assert distinct(encoded, np.ones(200), search=Search(rank=rank)).found == ()
    nothing = encode(pa.table({"a": ["x"] * 50}), ["a"])
    assert distinct(nothing, rng.random(50), search=Search()).found == ()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"max_depth": 5}, "max_depth = 5"),
        ({"top": 0}, "top = 0"),
        ({"overlap": 1.5}, "overlap = 1.5"),
        ({"support": 2.0}, "support = 2.0"),
        ({"rank": "alphabet"}, "Unknown ranking"),
        ({"alpha": 0.0}, "alpha = 0.0"),
    ],
)
def test_what_cannot_be_searched_is_refused(wrong, says):
    encoded = encode(pa.table({"a": ["x", "y"] * 50}), ["a"])
    with pytest.raises(AssayError, match=says):
        best(encoded, np.ones(100), search=Search(**wrong), most=5)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_outcomes_must_be_finite_and_not_negative(value):
    encoded = encode(pa.table({"a": ["x", "y"] * 50}), ["a"])
    with pytest.raises(AssayError, match="not negative"):
        best(encoded, np.full(100, value), search=Search(), most=5)

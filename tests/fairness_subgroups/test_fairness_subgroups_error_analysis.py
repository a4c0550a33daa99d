"""The tree and the map: against scikit-learn's own predictions and pandas' pivot table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.core.errors import AssayError
from assay.core.measure import Share
from assay.fairness.subgroups.confirmation.estimates import Rows
from assay.fairness.subgroups.confirmation.held_out import halves
from assay.fairness.subgroups.encoding import encode
from assay.fairness.subgroups.error_analysis.heat_map import error_map
from assay.fairness.subgroups.error_analysis.tree import error_tree
from assay.stats.rates import wilson

RNG = np.random.default_rng(0)
N = 3000
FRAME = pd.DataFrame(
    {"sex": RNG.choice(["f", "m"], N), "job": RNG.choice(["x", "y", "z"], N), "age": RNG.integers(18, 80, N)}
)
FRAME["pay"] = pd.Series(RNG.integers(0, 1000, N)).astype("Float64").mask(RNG.random(N) < 0.2)
WORSE = (FRAME["job"] == "y") & (FRAME["age"] >= 49) | FRAME["pay"].isna()
ERRORS = (RNG.random(N) < np.where(WORSE, 0.6, 0.1)).astype(float)
ENCODED = encode(pa.Table.from_pandas(FRAME), list(FRAME.columns))


def rows_of(node, nodes):
    """Which rows of FRAME the path of splits describes, read as a person would read it."""
    inside = np.ones(N, dtype=bool)
    by_id = {n.id: n for n in nodes}
    while node.split is not None:
        split, values = node.split, FRAME[node.split.column]
        if split.relation in ("=", "not"):
            here = (values == split.level) == (split.relation == "=")
        elif split.level is None:
            here = values.isna() == (split.relation == "missing")
        else:
            below = (values < float(split.level)).fillna(split.relation == "<")
            here = below == (split.relation == "<")
            here = here.where(~values.isna(), split.or_missing)
        inside &= here.to_numpy(dtype=bool)
        node = by_id[node.parent]
    return inside


def test_the_words_of_every_node_say_which_rows_are_in_it():
    nodes = error_tree(ENCODED, Rows(ERRORS), seed=1)
    counted = ~halves(N, None, seed=1)
    assert len(nodes) > 5
    for node in nodes:
        inside = rows_of(node, nodes) & counted
        assert node.rows == inside.sum()
        assert node.value == pytest.approx(ERRORS[inside].mean())
        assert node.coverage == pytest.approx(ERRORS[inside].sum() / ERRORS[counted].sum())
        share = Share(ERRORS[inside].sum(), float(node.rows), node.rows, float(node.rows))
        assert node.interval == wilson(share, level=0.95)


def test_the_tree_finds_where_errors_gather():
    nodes = error_tree(ENCODED, Rows(ERRORS), seed=1)
    assert {n.split.relation for n in nodes if n.split} >= {"missing", "present", "=", "not", "<", ">="}
    worst = max((n for n in nodes if n.leaf), key=lambda n: n.value)
    assert worst.interval.low < 0.6 < worst.interval.high
    root, *_ = nodes
    assert (root.parent, root.depth, root.rows, root.coverage) == (None, 0, N // 2, 1.0)
    for node in nodes:
        children = [n for n in nodes if n.parent == node.id]
        assert node.leaf == (not children)
        if children:
            assert len(children) == 2
            assert sum(c.rows for c in children) == node.rows
            assert all(c.depth == node.depth + 1 and c.id > node.id for c in children)


def test_a_tree_of_noise_promises_nothing():
    """On the rows it grew on, the worst leaf of noise looks worse than it is; on the others it does not."""
    off = []
    for seed in range(20):
        noise = (np.random.default_rng([1, seed]).random(N) < 0.2).astype(float)
        nodes = error_tree(ENCODED, Rows(noise), seed=seed)
        leaves = [n for n in nodes if n.leaf]
        off += [not n.interval.low <= 0.2 <= n.interval.high for n in leaves]
    assert np.mean(off) <= 0.08


def test_losses_and_empty_columns():
    losses = RNG.exponential(np.where(WORSE, 3.0, 1.0))
    root, *others = error_tree(ENCODED, Rows(losses), max_depth=2, seed=0)
    assert root.interval.method == "Student t"
    assert max(n.depth for n in others) == 2
    with pytest.raises(AssayError, match="no columns"):
        error_tree(encode(pa.table({"a": ["x"] * 9}), ["a"]), Rows(np.ones(9)))
    with pytest.raises(AssayError, match="alike"):
        error_tree(ENCODED, Rows(ERRORS, np.ones(N)))
    flawless = error_tree(ENCODED, Rows(np.zeros(N)))
    assert len(flawless) == 1
    assert flawless[0].coverage is None


def test_the_map_is_a_pivot_table():
    drawn = error_map(ENCODED, Rows(ERRORS), "sex", "pay")
    assert drawn.columns == ("sex", "pay")
    assert drawn.levels[1][-1] is None
    codes = pd.Series(ENCODED.codes[ENCODED.place("pay")])
    pivot = pd.Series(ERRORS).groupby([FRAME["sex"], codes]).agg(["mean", "size"])
    for i, sex in enumerate(drawn.levels[0]):
        for j, pay in enumerate(drawn.levels[1]):
            cell = drawn.cells[i][j]
            assert cell.slice == {"sex": sex, "pay": pay}
            assert (cell.value, cell.rows) == (pytest.approx(pivot.loc[(sex, j), "mean"]), pivot.loc[(sex, j), "size"])
            assert cell.interval.method == "Wilson score"


def test_the_map_shows_where_there_is_nobody():
    table = pa.table({"a": ["x", "x", "y"], "b": ["u", "v", "u"]})
    drawn = error_map(encode(table, ["a", "b"]), Rows(np.array([0.5, 1.5, 2.5])), "a", "b")
    empty = drawn.cells[1][1]
    assert (empty.rows, empty.value, empty.interval) == (0, None, None)
    assert drawn.cells[0][0].value == 0.5
    with pytest.raises(AssayError, match="both sides"):
        error_map(ENCODED, Rows(ERRORS), "sex", "sex")
    with pytest.raises(AssayError, match="Unknown column"):
        error_map(ENCODED, Rows(ERRORS), "sex", "salary")
    with pytest.raises(AssayError, match="alike"):
        error_map(ENCODED, Rows(ERRORS, units=np.arange(N)), "sex", "age")

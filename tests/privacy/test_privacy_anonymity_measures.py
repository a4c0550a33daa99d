"""k, l, t and their kin against published values, brute force, linear programming and each other."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance

import assay
from assay.core.errors import AssayError
from assay.privacy.anonymity.measures.classes import Classes, combined
from assay.privacy.anonymity.measures.closeness import ordered_distance, tree_distance
from assay.privacy.anonymity.measures.diversity import recursive
from assay.privacy.anonymity.measures.summary import anonymity
from assay.privacy.anonymity.measures.within import within
from assay.privacy.anonymity.table import coded, read_table

TWELVE = pd.DataFrame(
    {
        "age": [1] * 4 + [2] * 4 + [3] * 4,
        "zip": ["a"] * 4 + ["b"] * 4 + ["c"] * 4,
        "illness": ["heart", "heart", "viral", "viral", "cancer", "heart", "viral", "viral"] + ["cancer"] * 4,
    }
)


def test_twelve_rows_have_their_known_measures() -> None:
    found = anonymity(TWELVE, quasi=["age", "zip"], sensitive=["illness"])
    told = found.sensitive["illness"]
    assert (found.k, found.classes, told.l, told.alpha) == (4, 3, 1, 1.0)
    assert told.t == pytest.approx(7 / 12)
    assert told.delta == pytest.approx(math.log(12 / 5))
    assert told.beta == pytest.approx(7 / 5)
    assert told.entropy_l == pytest.approx(1.0)
    assert told.recursive_c is None
    assert told.enhanced_beta is None  # 7/5 is above -ln(5/12)


def test_adult_agrees_with_pandas_and_scipy() -> None:
    table = assay.demo("income").rows(limit=5000, seed=1)
    frame, quasi = table.to_pandas(), ["education", "marital_status", "sex"]
    found = anonymity(table, quasi=quasi, sensitive=["occupation", "hours_per_week"])
    groups = frame.groupby(quasi, dropna=False, observed=True)
    assert found.k == groups.size().min()
    assert found.classes == groups.ngroups
    assert found.sensitive["occupation"].l == groups["occupation"].nunique(dropna=False).min()
    rank = frame["hours_per_week"].rank(method="dense").astype(int) - 1
    parts = rank.groupby([frame[name] for name in quasi], dropna=False, observed=True)
    far = max(wasserstein_distance(part, rank) for _, part in parts) / rank.max()
    assert found.sensitive["hours_per_week"].t == pytest.approx(far)


def test_salaries_of_li_2007() -> None:
    """Li et al. 2007, section 4: among 3k..11k, {3k,4k,5k} is 0.375 away and {6k,8k,11k} 0.167."""
    rows = pd.DataFrame({"q": list("aaabbbccc"), "salary": [3, 4, 5, 6, 8, 11, 7, 9, 10]})
    table = read_table(rows)
    q, salary = coded(table, "q"), coded(table, "salary")
    far = ordered_distance(within(Classes(q.codes, q.rows), salary.codes))
    assert far[:2] == pytest.approx([0.375, 1 / 6])


rows_strategy = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["x", "y", None]), st.integers(-3, 4)), min_size=1, max_size=40
)


@settings(max_examples=150, deadline=None)
@given(rows_strategy)
def test_measures_agree_with_loops(rows: list[tuple[int, str | None, int]]) -> None:
    data = pd.DataFrame({"a": [r[0] for r in rows], "b": [r[1] for r in rows], "s": [r[2] for r in rows]})
    data["b"] = data["b"].astype("string")
    data["c"] = "v" + data["s"].astype(str)
    found = anonymity(data, quasi=["a", "b"], sensitive=["s", "c"])
    groups: dict[Any, list[int]] = {}
    for a, b, s in rows:
        groups.setdefault((a, b), []).append(s)
    whole = Counter(r[2] for r in rows)
    share = {value: n / len(rows) for value, n in whole.items()}
    assert found.k == min(map(len, groups.values()))
    number, category = found.sensitive["s"], found.sensitive["c"]
    assert number.l == min(len(set(g)) for g in groups.values())
    order = sorted(share)
    ordered, equal, delta, beta, alpha, entropy = [], [], [], [], [], []
    for g in groups.values():
        p = {value: g.count(value) / len(g) for value in order}
        run, total = 0.0, 0.0
        for value in order:
            run += p[value] - share[value]
            total += abs(run)
        ordered.append(total / max(len(order) - 1, 1))
        equal.append(sum(abs(p[v] - share[v]) for v in order) / 2)
        delta += [abs(math.log(p[v] / share[v])) for v in set(g)]
        beta += [max(p[v] / share[v] - 1, 0) for v in set(g)]
        alpha += list(p.values())
        entropy.append(math.exp(-sum(x * math.log(x) for x in p.values() if x)))
    assert number.t == pytest.approx(max(ordered), abs=1e-12)
    assert category.t == pytest.approx(max(equal), abs=1e-12)
    for told in (number, category):
        assert told.delta == pytest.approx(max(delta), abs=1e-12)
        assert told.beta == pytest.approx(max(beta), abs=1e-12)
        assert told.alpha == pytest.approx(max(alpha))
        assert told.entropy_l == pytest.approx(min(entropy))


def test_recursive_diversity_by_hand() -> None:
    """Counts 5, 3, 2: r1/(r2+r3) is 1, r1/r3 is 2.5, and there is no fourth value."""
    codes = np.repeat([0, 1, 2], [5, 3, 2])
    found = within(Classes(np.zeros(10, dtype=np.int64), np.array([10])), codes)
    assert [recursive(found, at)[0] for at in (1, 2, 3, 4)] == pytest.approx([0.5, 1.0, 2.5, math.inf])


def test_tree_distance_is_the_optimal_transport() -> None:
    rng = np.random.default_rng(4)
    groups = np.array([[0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1]])
    ids, codes = rng.integers(0, 4, 60), rng.integers(0, 6, 60)
    classes = Classes(ids, np.bincount(ids))
    far = tree_distance(within(classes, codes), groups)
    height = np.array([[next((h for h in range(3) if g[h] == o[h]), 3) for o in groups.T] for g in groups.T]) / 3
    q = np.bincount(codes, minlength=6) / 60
    for group in range(4):
        p = np.bincount(codes[ids == group], minlength=6) / classes.sizes[group]
        rows = np.kron(np.eye(6), np.ones(6))
        columns = np.kron(np.ones(6), np.eye(6))
        best = linprog(height.reshape(-1), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([p, q]))
        assert far[group] == pytest.approx(best.fun, abs=1e-9)


def test_many_wide_columns_do_not_overflow() -> None:
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, 50, 300) for _ in range(6)]
    found = combined([(c, 1 << 40) for c in codes], 300)
    expected = len(np.unique(np.stack(codes, axis=1), axis=0))
    assert len(found.sizes) == expected
    assert found.sizes.sum() == 300


def test_missing_numbers_have_no_order() -> None:
    data = pd.DataFrame({"q": ["a", "a", "b"], "s": [1.0, None, 2.0]})
    found = anonymity(data, quasi=["q"], sensitive=["s"])
    assert found.sensitive["s"].t is None
    assert found.sensitive["s"].l == 1
    assert "missing" in found.text()


def test_nan_and_null_and_negative_zero_are_one_level_each() -> None:
    import pyarrow as pa

    table = pa.table({"x": pa.array([0.0, -0.0, math.nan, None, 1.0])})
    found = coded(table, "x")
    assert (found.size, found.missing, found.codes.tolist()) == (3, True, [1, 1, 0, 0, 2])
    assert found.levels == (None, "0", "1")


def test_whole_numbers_beyond_doubles_stay_apart() -> None:
    data = pd.DataFrame({"id": [2**60, 2**60 + 1]})
    assert anonymity(data, quasi=["id"]).classes == 2


@pytest.mark.parametrize(
    ("quasi", "sensitive"), [([], []), (["nope"], []), (["age", "age"], []), (["age"], ["age"]), ("age", [])]
)
def test_bad_columns_are_one_clear_error(quasi: Any, sensitive: Any) -> None:
    with pytest.raises(AssayError):
        anonymity(TWELVE, quasi=quasi, sensitive=sensitive)

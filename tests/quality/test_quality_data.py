"""Columns that are incomplete, constant or leaking; association against scipy, closed forms and simulations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.coding import OTHER, Bins, Values
from assay.quality.association import correlation_ratio, cramers_v
from assay.quality.checks.data import data


def find(measures, name, slice=None):
    (found,) = [m for m in measures if m.name == name and m.slice == (slice or {})]
    return found


def binned(values, bins=64):
    """(coding, levels) of a number in quantile bins; NaN is missing."""
    values = np.asarray(values, dtype=float)
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    levels = [None if np.isnan(v) else str(np.searchsorted(edges, v, "right")) for v in values]
    return Bins(tuple(map(float, edges))), levels


def test_missing_and_constant_columns_are_counted_exactly(counts):
    tables = (
        counts(feature=("a", Values(), ["x", None, "y", "x"]), label=list("1010")),
        counts(feature=("b", Values(), ["same"] * 4), label=list("1010")),
        counts(feature=("c", Values(), [None] * 4), label=list("1010")),
        counts(feature=("d", Values(), ["x", OTHER, OTHER, "y"]), label=list("1010")),
    )
    measures = list(data(tables))
    values = {f: find(measures, "missing_share", {"feature": f}).value for f in "abcd"}
    assert values == {"a": 0.25, "b": 0.0, "c": 1.0, "d": 0.0}
    assert all(find(measures, "missing_share", {"feature": f}).exact for f in "abcd")
    distinct = {f: find(measures, "distinct_values", {"feature": f}).value for f in "abcd"}
    assert distinct == {"a": 2.0, "b": 1.0, "c": 0.0, "d": 3.0}
    assert find(measures, "distinct_values", {"feature": "d"}).notes[0].id == "rare-together"
    assert find(measures, "label_association", {"feature": "b"}).reason.id == "constant"


def test_label_shares_are_rates_among_the_rows_with_a_label(counts):
    table = counts(feature=("a", Values(), list("xyxyx")), label=["1", "0", "1", "1", None])
    measures = list(data((table,)))
    assert find(measures, "label_share", {"label": "1"}).value == 0.75
    assert find(measures, "label_share", {"label": "1"}).n == 4
    assert find(measures, "missing_labels").value == 0.2


def test_association_is_the_bias_corrected_v_and_its_p_value_that_of_scipy(counts):
    from scipy import stats

    from assay.stats.tests import cramers_v as reference

    rng = np.random.default_rng(0)
    feature = rng.choice(np.array(list("uvwx"), dtype=object), 400)
    label = np.where(rng.random(400) < np.where(feature == "u", 0.8, 0.4), "1", "0").astype(object)
    found = find(data((counts(feature=("a", Values(), feature), label=label),)), "label_association", {"feature": "a"})
    table = np.array([[np.sum((feature == f) & (label == y)) for y in "01"] for f in "uvwx"])
    assert found.value == pytest.approx(reference(table))
    assert found.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    assert found.family
    assert found.interval.low < found.value < found.interval.high


def test_a_column_made_from_the_label_fails_and_one_that_says_nothing_passes(counts):
    rng = np.random.default_rng(1)
    label = np.where(rng.random(500) < 0.3, "1", "0").astype(object)
    copied = np.where(label == "1", "late", "paid").astype(object)
    hidden = [None if y == "0" else "2021-03-01" for y in label]
    amount = np.where(label == "1", 100.0, 0.0) + rng.normal(0, 1, 500)
    reverse, noise = -amount, rng.normal(0, 1, 500)
    tables = [counts(feature=(n, Values(), v), label=label) for n, v in (("copied", copied), ("hidden", hidden))]
    for name, values in (("amount", amount), ("reverse", reverse), ("noise", noise)):
        tables.append(counts(feature=(name, *binned(values)), label=label))
    measures = list(data(tuple(tables)))
    for name in ("copied", "hidden"):
        found = find(measures, "label_association", {"feature": name})
        assert found.value == pytest.approx(1.0)
        assert 0.95 < found.interval.low < 1.0
    for name in ("amount", "reverse"):
        assert find(measures, "label_auc", {"feature": name}).value == pytest.approx(1.0, abs=1e-3)
        assert find(measures, "label_auc", {"feature": name}).interval.low > 0.98
    assert find(measures, "label_auc", {"feature": "noise"}).interval.low < 0.55
    assert find(measures, "label_association", {"feature": "noise"}).interval.high < 0.5


def test_the_auc_of_a_column_is_that_of_scikit_learn_in_the_better_direction(counts):
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(2)
    label = np.where(rng.random(600) < 0.4, "1", "0").astype(object)
    value = np.round(-1.0 * (label == "1") + rng.normal(0, 1, 600), 1)
    value[:50] = np.nan
    edges = np.unique(value[50:])
    levels = [None if np.isnan(v) else str(np.searchsorted(edges, v, "right")) for v in value]
    table = counts(feature=("a", Bins(tuple(map(float, edges))), levels), label=label)
    found = find(data((table,)), "label_auc", {"feature": "a"})
    assert found.value == pytest.approx(1 - roc_auc_score(label[50:] == "1", value[50:]))
    assert found.n == 550
    assert found.interval.low < found.value < found.interval.high


def test_a_column_named_like_a_role_is_still_a_feature(counts):
    for name in ("label", "feature", "score"):
        table = counts(feature=(name, Values(), list("xxyy")), label=list("1100"))
        found = find(data((table,)), "label_association", {"feature": name})
        assert found.value == pytest.approx(1.0)


def test_an_identifier_does_not_look_like_knowledge_of_the_label(counts):
    label = list("1010010110")
    table = counts(feature=("id", Values(), [str(i) for i in range(10)]), label=label)
    assert find(data((table,)), "label_association", {"feature": "id"}).reason.id == "too-many-values"
    rng = np.random.default_rng(3)
    many = rng.integers(0, 300, 1000).astype(str).astype(object)
    noise = np.where(rng.random(1000) < 0.5, "1", "0").astype(object)
    found = find(data((counts(feature=("id", Values(), many), label=noise),)), "label_association", {"feature": "id"})
    assert found.interval.low < 0.1


def test_the_interval_of_v_covers_at_its_level_near_one_near_zero_and_between():
    rng = np.random.default_rng(4)
    strong = ([[0.48, 0.02], [0.03, 0.47]], [[0.3, 0.1], [0.2, 0.2], [0.05, 0.15]], [[0.795, 0.005], [0.0, 0.2]])
    for cells in (*strong, [[0.25, 0.25], [0.25, 0.25]], [[0.27, 0.23], [0.23, 0.27]]):
        p = np.array(cells)
        expected = np.outer(p.sum(axis=1), p.sum(axis=0))
        truth = np.sqrt(max(0.0, (p**2 / expected).sum() - 1))
        hits = 0
        for table in rng.multinomial(400, p.ravel(), size=600).reshape(-1, *p.shape):
            interval = cramers_v(table.astype(float), 400, level=0.95).interval
            hits += interval.low <= truth <= interval.high
        assert hits / 600 >= 0.925, (cells, hits / 600)


def test_the_correlation_ratio_of_a_number_with_a_column(counts):
    from scipy import stats

    rng = np.random.default_rng(5)
    group = rng.integers(0, 4, 300)
    y = group * 1.0 + rng.normal(0, 1, 300)
    sums = [np.bincount(group, weights=w) for w in (np.ones(300), y, y**2)]
    found = correlation_ratio(*sums, 300, level=0.95)
    f = stats.f_oneway(*[y[group == g] for g in range(4)]).statistic
    eta = 3 * f / (3 * f + 296)
    assert found.value**2 == pytest.approx(1 - (1 - eta) * 299 / 296)
    assert found.interval.low < found.value < found.interval.high


def test_a_numeric_label_is_associated_by_the_variance_between_values(counts):
    rng = np.random.default_rng(6)
    y = rng.normal(0, 1, 800)
    leak = counts(feature=("leak", *binned(y * 3 + 1)), y=y, y_hat=y)
    noise = counts(feature=("noise", *binned(rng.normal(0, 1, 800))), y=y, y_hat=y)
    measures = list(data((leak, noise)))
    assert find(measures, "label_association", {"feature": "leak"}).interval.low > 0.98
    assert find(measures, "label_association", {"feature": "noise"}).interval.high < 0.4
    assert not [m for m in measures if m.name == "label_share"]


def test_the_interval_of_the_correlation_ratio_covers_at_its_level():
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(600):
        group = rng.integers(0, 5, 250)
        y = group * 0.5 + rng.normal(0, 1, 250)
        sums = [np.bincount(group, weights=w, minlength=5) for w in (np.ones(250), y, y**2)]
        interval = correlation_ratio(*sums, 250, level=0.95).interval
        hits += interval.low <= np.sqrt(0.5 / 1.5) <= interval.high
    assert 0.93 <= hits / 600 <= 0.99, hits / 600


def test_no_rows_give_reasons_and_no_tables_give_nothing(counts):
    empty = counts(feature=("a", Values(), []), label=[])
    measures = list(data((empty,)))
    assert find(measures, "missing_share", {"feature": "a"}).reason.id == "empty-denominator"
    assert find(measures, "label_association", {"feature": "a"}).reason.id == "empty-denominator"
    assert list(data(())) == []


Cell = st.tuples(st.sampled_from(["x", "y", "z", None]), st.sampled_from(["0", "1", None]), st.integers(0, 5))


@settings(max_examples=60, deadline=None)
@given(st.lists(Cell, max_size=25))
def test_any_small_table_gives_numbers_or_reasons(counts, rows):
    feature, label, weight = ([row[i] for row in rows] for i in range(3))
    for extra in ({}, {"weight": np.array(weight, dtype=float)}):
        for coding, values in ((Values(), feature), (Bins((1.0, 2.0)), [v and str("xyz".index(v)) for v in feature])):
            measures = list(data((counts(feature=("a", coding, values), label=label, **extra),)))
            assert {m.name for m in measures} >= {"missing_share", "distinct_values", "label_association"}
            for m in measures:
                assert m.interval is None or m.interval.low <= m.value <= m.interval.high

"""Weights, resampling and massaging: published answers, and proof that they reach the fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.fairness.mitigate.balanced_weights import BalancedWeights
from assay.fairness.mitigate.massaging import Massaging, massaged
from assay.fairness.mitigate.resampling import Resampling
from assay.fairness.mitigate.reweighing import Reweighing
from assay.fairness.mitigation.rows import training
from assay.fairness.mitigation.weights import balanced_weights, expected_rows, reweighing_weights, whole_rows


class Recorder:
    """Keeps what it is fitted on."""

    classes_ = np.array([0, 1])

    def __init__(self, seen=None):
        self.seen = seen

    def get_params(self, deep=True):
        return {"seen": self.seen}

    def fit(self, X, y, sample_weight=None):
        self.X, self.y, self.sample_weight = X, y, sample_weight
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def predict_proba(self, X):
        return np.column_stack([1 - np.asarray(X)[:, 0], np.asarray(X)[:, 0]])


class Weightless(Recorder):
    def fit(self, X, y):
        return super().fit(X, y)


def rows_of(cells):
    """x, y and group of a table of counts [[unfavourable, favourable] of each group]."""
    y, s = [], []
    for group, counts in enumerate(cells):
        for outcome, count in enumerate(counts):
            y += [outcome] * count
            s += [f"group {group}"] * count
    return np.arange(len(y), dtype=float)[:, None] / len(y), np.array(y), np.array(s, dtype=object)


def difference(y, s, w):
    first, second = sorted(set(s))
    return np.average(y[s == first], weights=w[s == first]) - np.average(y[s == second], weights=w[s == second])


def test_german_credit_goes_from_its_published_difference_to_zero(credit):
    drawn = np.random.RandomState(0).permutation(1000)[:700]
    rows = credit.iloc[drawn]
    y = (rows["credit_risk"] == "good").to_numpy().astype(int)
    s = np.where(rows["age"] >= 25, "b", "a").astype(object)
    assert difference(y, s, np.ones(700)) == pytest.approx(-0.169905, abs=1e-6)
    weight = Reweighing(Recorder()).fit(rows[["age"]], y, protected=s).estimator_.sample_weight
    assert difference(y, s, weight) == pytest.approx(0, abs=1e-12)


def test_german_credit_weights_are_the_published_ones(credit):
    y = (credit["credit_risk"] == "good").to_numpy().astype(int)
    older = (credit["age"] > 25).to_numpy()
    weight = Reweighing(Recorder()).fit(credit[["age"]], y, protected=older).estimator_.sample_weight
    found = [weight[(older == o) & (y == v)][0] for o in (True, False) for v in (0, 1)]
    assert found == pytest.approx([1.104545, 0.961017, 0.712500, 1.209091], abs=1e-6)
    assert difference(y, older, np.ones(1000)) == pytest.approx(-0.149448, abs=1e-6)


def test_weights_of_kamiran_and_calders_ten_applicants():
    assert reweighing_weights(np.array([[3.0, 2.0], [1.0, 4.0]])).round(2).tolist() == [[0.67, 1.5], [2.0, 0.75]]


def test_balanced_weights_of_four_cells():
    x, y, s = rows_of([[50, 20], [10, 20]])
    weight = BalancedWeights(Recorder()).fit(x, y, protected=s).estimator_.sample_weight
    assert [weight[(s == f"group {g}") & (y == v)][0] for g in (0, 1) for v in (0, 1)] == [0.5, 1.25, 2.5, 1.25]
    assert weight.sum() == pytest.approx(100)


def test_balanced_weights_leave_out_empty_cells():
    assert balanced_weights(np.array([[10.0, 0.0], [20.0, 30.0]])).tolist() == [[2.0, 0.0], [1.0, 60 / 90]]


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(1, 200)), min_size=2, max_size=6))
def test_reweighed_groups_have_one_base_rate_and_keep_their_size(cells):
    table = np.array(cells, dtype=float)
    heavy = table * reweighing_weights(table)
    assert heavy[:, 1] / heavy.sum(axis=1) == pytest.approx(np.full(len(table), table[:, 1].sum() / table.sum()))
    assert heavy.sum(axis=1) == pytest.approx(table.sum(axis=1))


def test_given_weights_are_used_and_multiplied():
    x, y, s = rows_of([[4, 4], [2, 6]])
    own = np.linspace(0.5, 2, len(y))
    weight = Reweighing(Recorder()).fit(x, y, protected=s, sample_weight=own).estimator_.sample_weight
    assert difference(y, s, weight) == pytest.approx(0, abs=1e-12)
    assert weight.sum() == pytest.approx(own.sum())
    assert not np.allclose(weight, own)


@pytest.mark.parametrize("method", [Reweighing, BalancedWeights])
def test_weights_change_the_fitted_model_also_behind_a_pipeline(method, table, model):
    plain = model.fit(table.x, table.y).predict_proba(table.x)
    weighted = method(model).fit(table.x, table.y, protected=table.s).predict_proba(table.x)
    assert np.abs(plain - weighted).max() > 0.01


@pytest.mark.parametrize("method", [Reweighing, BalancedWeights])
def test_an_estimator_that_takes_no_weights_is_an_error(method):
    x, y, s = rows_of([[4, 4], [2, 6]])
    with pytest.raises(AssayError, match="takes no sample_weight") as error:
        method(Weightless()).fit(x, y, protected=s)
    assert error.value.code == "weights"


def test_resampling_reaches_the_target_of_reweighing_exactly():
    x, y, s = rows_of([[50, 20], [10, 20]])
    drawn = Resampling(Recorder(), seed=5).fit(x, y, protected=s).estimator_
    place = np.rint(drawn.X[:, 0] * 100).astype(int)
    counts = [[int(((s[place] == f"group {g}") & (drawn.y == v)).sum()) for v in (0, 1)] for g in (0, 1)]
    assert counts == [[42, 28], [18, 12]]
    assert (y[place] == drawn.y).all()
    times = np.bincount(place, minlength=100)
    assert set(times[(s == "group 1") & (y == 0)]) == {1, 2}  # repeated at most once more than another
    assert set(times[(s == "group 0") & (y == 0)]) == {0, 1}  # drawn without replacement


def test_resampling_is_repeatable_and_needs_no_weights():
    x, y, s = rows_of([[50, 20], [10, 20]])
    once, again, other = (Resampling(Weightless(), seed=k).fit(x, y, protected=s).estimator_.X for k in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
    with pytest.raises(AssayError, match="takes no sample_weight"):
        Resampling(Recorder()).fit(x, y, protected=s, sample_weight=np.ones(100))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=2, max_size=4))
def test_whole_rows_keep_the_number_of_rows(cells):
    table = np.array(cells, dtype=float)
    whole = whole_rows(expected_rows(table))
    assert whole.sum() == table.sum()
    assert np.abs(whole - expected_rows(table)).max() < 1


def test_massaging_changes_the_one_pair_of_kamiran_and_calders():
    _, y, s = rows_of([[3, 2], [1, 4]])
    scores = np.array([0.1, 0.4, 0.2, 0.8, 0.9, 0.3, 0.6, 0.95, 0.7, 0.99])
    labels = massaged(training(scores[:, None], y, protected=s), scores)
    assert np.flatnonzero(labels != y).tolist() == [
        1,
        6,
    ]  # the best rejected of one group, the worst accepted of the other
    assert difference(labels, s, np.ones(10)) == 0


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=2, max_size=5))
def test_massaged_groups_have_the_overall_base_rate_but_for_rounding(cells):
    x, y, s = rows_of(cells)
    labels = massaged(training(x, y, protected=s), x[:, 0])
    for group, (down, up) in enumerate(cells):
        assert abs(labels[s == f"group {group}"].sum() - y.mean() * (down + up)) <= 0.5 + 1e-9


def test_massaging_reports_what_it_changed(table, model):
    fitted = Massaging(model).fit(table.x, table.y, protected=table.s)
    rates = [table.y[table.s == g].mean() for g in ("a", "b")]
    wanted = abs(rates[1] - rates[0]) * (table.s == "a").sum() * (table.s == "b").sum() / 600
    assert fitted.changed_ == [round(wanted)] * 2
    assert fitted.changed_[0] > 10

"""Friedman's H against closed forms and brute force, and what its bootstrap says on few rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingRegressor

import assay
from assay.core.errors import AssayError
from assay.explain.overall.interactions import h_statistic
from assay.explain.overall.shap_pairs import shap_pairs
from assay.explain.question import question


def case_of(function, frame: pd.DataFrame) -> assay.Case:
    model = assay.wrap_model(function, task="regression", features=list(frame.columns))
    return assay.Case.from_frame(frame.assign(y=0.0), label="y", task="regression", model=model)


def normal(n: int, seed: int = 0) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n, 3)), columns=list("abc"))


def pair(found, *names):
    return next(each for each in found.pairs if each.columns == names)


def test_what_a_model_adds_has_no_interaction_on_any_rows():
    found = h_statistic(case_of(lambda f: np.sin(f["a"]) + f["b"] ** 3 + 2 * f["c"], normal(40)))
    assert [each.h_squared for each in (*found.totals, *found.pairs)] == [0.0] * 6
    assert found.n == 40


@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
def test_h_of_a_product_is_its_share_of_the_variance(slope):
    """f = a + b + s·ab + c, independent and standard: H²(a, b) = s²/(2 + s²), in total s²/(3 + s²) for a."""
    case = case_of(lambda f: f["a"] + f["b"] + slope * f["a"] * f["b"] + f["c"], normal(400))
    found = h_statistic(case, limit=400)
    both = pair(found, "a", "b")
    assert both.h_squared == pytest.approx(slope**2 / (2 + slope**2), abs=0.08)
    assert both.strength == pytest.approx(slope, rel=0.2)
    total = next(each for each in found.totals if each.columns == ("a",))
    assert total.h_squared == pytest.approx(slope**2 / (3 + slope**2), abs=0.08)
    assert pair(found, "a", "c").h_squared == pytest.approx(0, abs=1e-12)
    assert found.pairs[0] is both


def test_it_is_friedman_and_popescus_formula():
    frame = normal(12).round(1)

    def f(rows):
        return np.exp(rows["a"] * rows["b"]) + rows["b"] * rows["c"]

    found = h_statistic(case_of(f, frame), limit=12)

    def effect(names):
        means = []
        for a in range(12):
            rows = frame.copy()
            for name in names:
                rows[name] = frame[name].iloc[a]
            means.append(f(rows).mean())
        return np.array(means) - np.mean(means)

    for one, two in (("a", "b"), ("a", "c"), ("b", "c")):
        joint = effect([one, two])
        rest = joint - effect([one]) - effect([two])
        expected = (rest**2).sum() / (joint**2).sum()
        assert pair(found, one, two).h_squared == pytest.approx(expected, abs=1e-12)
        assert pair(found, one, two).strength == pytest.approx(np.sqrt((rest**2).mean()), abs=1e-7)
    whole = f(frame) - f(frame).mean()
    rest = whole - effect(["a"]) - effect(["b", "c"])
    total = next(each for each in found.totals if each.columns == ("a",))
    assert total.h_squared == pytest.approx((rest**2).sum() / (whole**2).sum(), abs=1e-12)


@pytest.mark.parametrize(("slope", "least"), [(0.5, 0.8), (1.0, 0.85)])
def test_intervals_cover_nearly_at_their_level(slope, least):
    """f = a + b + s·ab: H² = s²/(2 + s²). 150 samples of 60 rows; the tails of a product of normals are heavy."""
    runs, covered, values = 150, 0, []
    truth = slope**2 / (2 + slope**2)
    for seed in range(runs):
        case = case_of(lambda f: f["a"] + f["b"] + slope * f["a"] * f["b"], normal(60, seed)[["a", "b"]])
        both = pair(h_statistic(case, seed=seed), "a", "b")
        covered += both.interval.low <= truth <= both.interval.high
        values.append(both.h_squared)
        assert both.interval.low <= both.h_squared <= both.interval.high
    assert least <= covered / runs <= 0.99
    assert np.mean(values) == pytest.approx(truth, abs=0.04)


def test_where_three_columns_cancel_the_interval_goes_down_to_nothing():
    """f = abc: with c of mean 0 nothing of a and b alone is left, yet H² of few rows is far above 0."""
    found = h_statistic(case_of(lambda f: 5 * f["a"] + 5 * f["b"] + f["a"] * f["b"] * f["c"], normal(60, 3)))
    both = pair(found, "a", "b")
    assert both.h_squared > 0
    assert both.interval.low == 0
    assert both.bias > 0


def test_shap_interactions_of_trees_are_found_and_others_are_not_asked():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((400, 3)), columns=list("abc"))
    model = GradientBoostingRegressor(max_depth=2, n_estimators=60, random_state=0)
    model.fit(frame, np.where(frame["a"] > 0.5, 4.0, 0.0) * (frame["b"] > 0.5) + frame["c"])
    case = assay.Case.from_frame(frame.assign(y=0.0), label="y", task="regression", model=assay.wrap_model(model))
    found = shap_pairs(question(case, limit=80))
    assert found.scale == "value"
    assert found.pairs[0].columns == ("a", "b")
    # Half of the rows of b lie on either side: f = 4·1[a]1[b] leaves ±1 of the pair in every row.
    assert found.pairs[0].mean.value == pytest.approx(1.0, abs=0.1)
    assert found.pairs[0].mean.value > 20 * found.pairs[1].mean.value
    assert found.pairs[0].mean.n == 80
    assert shap_pairs(question(case_of(lambda f: f["a"], normal(20)))) is None


def test_columns_without_an_effect_have_a_reason_and_the_named_ones_are_taken():
    case = case_of(lambda f: f["a"] * 2, normal(30))
    found = h_statistic(case, columns=["b", "c"])
    assert [each.columns for each in found.pairs] == [("b", "c")]
    assert found.pairs[0].h_squared is None
    assert "do nothing" in found.pairs[0].reason.text()
    assert found.to_json()["pairs"][0]["reason"]
    with pytest.raises(AssayError, match="nothing"):
        h_statistic(case, columns=["nothing"])
    with pytest.raises(AssayError, match="three rows"):
        h_statistic(case, limit=2)

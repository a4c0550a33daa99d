"""Slopes within strata against statsmodels, and the same score against a second outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import ttest_ind

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.case import Case
from assay.fairness.checks.data.label_choice import label_choice
from assay.fairness.data_bias.label_choice import score_bins
from assay.fairness.data_bias.slopes import slope, uncertainty

ANY = ["y", "x", "s", "b", "w"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 240
    b, s = rng.integers(0, 5, n), rng.normal(size=n)
    x = (rng.random(n) < 0.2 + 0.1 * b).astype(float)
    y = x + b * s + rng.normal(0, 1 + b, n)
    return pd.DataFrame({"y": y, "x": x, "s": s, "b": b, "w": rng.integers(1, 5, n)})


@pytest.mark.parametrize("formula", ["y ~ x + C(b)", "y ~ x + C(b) + C(b):s"])
@pytest.mark.parametrize("weights", ["none", "sampling", "frequency"])
def test_value_and_error_are_those_of_the_whole_regression(table: pd.DataFrame, formula: str, weights: str) -> None:
    y, x, s, b, w = (table[name].to_numpy() for name in ANY)
    found = slope(
        y,
        x,
        strata=b,
        along=s if ":s" in formula else None,
        weights=None if weights == "none" else w.astype(float),
        frequency=weights == "frequency",
    )
    assert found is not None
    if weights == "sampling":
        fit = smf.wls(formula, table, weights=table.w).fit(cov_type="HC2")
    else:
        rows = table.loc[table.index.repeat(table.w)] if weights == "frequency" else table
        fit = smf.ols(formula, rows).fit(cov_type="HC2")
    assert found.value == pytest.approx(fit.params["x"])
    assert np.sqrt((found.terms**2).sum()) == pytest.approx(fit.bse["x"])


def test_two_groups_without_strata_are_welchs_t_test(table: pd.DataFrame) -> None:
    y, x = table.y.to_numpy(), table.x.to_numpy()
    found = slope(y, x, strata=np.zeros(len(y), dtype=np.int64))
    assert found is not None
    sure = uncertainty(found.value, found.terms, x == 1, spent=1, units=None, level=0.95)
    wanted = ttest_ind(y[x == 1], y[x == 0], equal_var=False)
    assert sure.p_value == pytest.approx(wanted.pvalue)
    interval = wanted.confidence_interval(0.95)
    assert (sure.interval.low, sure.interval.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_rows_written_twice_as_one_unit_say_no_more(table: pd.DataFrame) -> None:
    y, x, b = (table[name].to_numpy() for name in "yxb")
    once = slope(y, x, strata=b)
    twice = slope(np.repeat(y, 2), np.repeat(x, 2), strata=np.repeat(b, 2))
    assert once is not None
    assert twice is not None
    units = np.repeat(np.arange(len(y)), 2)
    one = uncertainty(once.value, once.terms, x == 1, spent=1, units=None, level=0.95)
    two = uncertainty(twice.value, twice.terms, np.repeat(x, 2) == 1, spent=1, units=units, level=0.95)
    assert two.interval.low == pytest.approx(one.interval.low, abs=0.02)
    assert two.interval.high == pytest.approx(one.interval.high, abs=0.02)


def test_nothing_to_compare_is_no_slope() -> None:
    y, strata = np.arange(6.0), np.array([0, 0, 0, 1, 1, 1])
    assert slope(y, np.array([1.0, 1, 1, 0, 0, 0]), strata=strata) is None
    found = slope(np.ones(6), np.array([1.0, 0, 0, 1, 0, 0]), strata=strata)
    assert found is not None
    sure = uncertainty(found.value, found.terms, np.zeros(6, dtype=bool), spent=1, units=None, level=0.95)
    assert (found.value, sure.interval, sure.p_value) == (0.0, None, None)


def patients(rng: np.random.Generator, n: int, *, unmet: float) -> pd.DataFrame:
    """Need drives cost; Black patients with the same need cost less by `unmet`, and the score predicts cost."""
    race = rng.choice(["Black", "White"], n, p=[0.3, 0.7])
    need = rng.normal(np.where(race == "Black", 0.5, 0.0), 1.0)
    cost = need - np.where(race == "Black", unmet, 0.0)
    score = 1 / (1 + np.exp(-cost))
    return pd.DataFrame({"race": race, "score": score, "costly": (rng.random(n) < score).astype(int), "need": need})


def measured(frame: pd.DataFrame, *, outcome: str = "", **roles: object) -> list[Measure]:
    case = Case.from_frame(frame, **{"label": "costly", "score": "score", "protected": "race", **roles})
    return list(label_choice(case, outcome=outcome))


def one(measures: list[Measure], name: str, group: str = "Black") -> Measure:
    (found,) = [m for m in measures if m.name == name and m.slice == {"race": group}]
    return found


def test_a_score_calibrated_for_cost_hides_need() -> None:
    frame = patients(np.random.default_rng(1), 5000, unmet=0.4)
    measures = measured(frame, outcome="need")
    need, cost = one(measures, "outcome_difference_at_score"), one(measures, "label_difference_at_score")
    assert need.value == pytest.approx(0.4, abs=0.01)
    assert need.interval.low > 0.38
    assert cost.interval.low < 0 < cost.interval.high
    assert need.n == (int((frame.race == "Black").sum()), int((frame.race == "White").sum()))
    assert one(measures, "outcome_difference_at_score", "White").value == pytest.approx(-need.value)


def test_without_an_outcome_it_is_unmeasured_and_says_so() -> None:
    frame = patients(np.random.default_rng(2), 400, unmet=0.0)
    (found,) = [m for m in measured(frame) if m.name == "outcome_difference_at_score"]
    assert (found.value, found.reason.id) == (None, "no-outcome")
    words = measured(frame.assign(word="x"), outcome="word")
    assert [m.reason.id for m in words if m.name == "outcome_difference_at_score"] == ["outcome-type"]
    with pytest.raises(AssayError, match="neeed"):
        measured(frame, outcome="neeed")


def test_training_rows_and_missing_outcomes_are_left_out() -> None:
    frame = patients(np.random.default_rng(3), 1200, unmet=0.4)
    split = np.where(np.arange(1200) < 600, "train", "test")
    frame = frame.assign(split=split, need=frame.need.where(np.arange(1200) % 4 > 0))
    found = one(measured(frame, outcome="need", split="split"), "outcome_difference_at_score")
    assert sum(found.rows) == 450
    assert [note.id for note in found.notes] == ["rows-left-out"]


def test_a_fair_outcome_is_covered_and_seldom_accused() -> None:
    rng = np.random.default_rng(4)
    covered, accused = [], []
    for _ in range(250):
        frame = patients(rng, 300, unmet=0.0)
        frame["need"] = frame.score + rng.normal(0, np.where(frame.race == "Black", 2.0, 0.5))
        found = one(measured(frame, outcome="need"), "outcome_difference_at_score")
        covered.append(found.interval.low <= 0 <= found.interval.high)
        accused.append(found.p_value < 0.05)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(accused) <= 0.08


def test_equal_scores_share_a_bin() -> None:
    score = np.repeat([0.1, 0.5, 0.9], 100)
    assert [len(np.unique(score_bins(score, 20)[score == s])) for s in (0.1, 0.5, 0.9)] == [1, 1, 1]
    assert len(np.unique(score_bins(np.linspace(0, 1, 1000), 20))) == 20
    assert len(np.unique(score_bins(np.linspace(0, 1, 90), 20))) == 1

"""Anchors: the rule that a model is, precision that holds on new samples, and the statistics of the search."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

import assay
from assay.core.errors import AssayError
from assay.explain.local.anchors import anchors
from assay.explain.local.neighbourhood import neighbourhood
from assay.explain.local.rules.bandit import clopper_pearson, divergence, exploration, kl_bounds
from assay.explain.local.rules.predicates import world_of
from assay.explain.question import question


def table(n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "job": rng.choice(["clerk", "nurse", "cook"], n),
            "income": rng.gamma(2.0, 10.0, n),
            "y": rng.integers(0, 2, n),
        }
    )


def asked(function, rows, *, frame=None, **given):
    data = table() if frame is None else frame
    features = [name for name in data.columns if name != "y"]

    def scores(f):
        yes = np.asarray(function(f), dtype=float)
        return np.column_stack([1 - yes, yes])

    model = assay.wrap_model(scores, features=features, classes=[0, 1])
    case = assay.Case.from_frame(data, label="y", favourable=1, features=features, model=model)
    return question(case, rows, background=400, **given)


def first(mask) -> int:
    return int(np.flatnonzero(mask)[0])


def test_a_model_that_is_a_rule_is_found_out():
    frame = table()
    row = first((frame["job"] == "nurse") & (frame["age"] > 60))
    (found,) = anchors(asked(lambda f: f["job"] == "nurse", [row]))
    assert found.predicates == ("job = nurse",)
    assert (found.precision, found.holds, found.columns) == (1.0, True, ("job",))
    assert found.decision == "the model decides 1"
    background = asked(lambda f: f["job"] == "nurse", [row])
    assert found.coverage == pytest.approx((background.background[:, 1] == background.rows[0, 1]).mean())
    assert found.coverage_interval.low < found.coverage < found.coverage_interval.high
    assert "If job = nurse, then the model decides 1: precision 100.0%" in found.text()
    assert found.to_json()["predicates"] == ["job = nurse"]


def test_a_rule_of_two_columns_and_a_threshold_is_found():
    about = asked(lambda f: np.zeros(len(f)), [0])
    edge = neighbourhood(about.columns, about.background).edges[0][1]
    frame = table()
    row = first((frame["job"] == "cook") & (frame["age"] > edge))
    (found,) = anchors(asked(lambda f: (f["job"] == "cook") & (f["age"] > edge), [row]))
    assert set(found.predicates) == {f"age > {edge:.6g}", "job = cook"}
    assert found.precision == 1.0


def test_a_decision_that_never_changes_needs_no_rule():
    (found,) = anchors(asked(lambda f: np.zeros(len(f)), [0]))
    assert (found.predicates, found.precision, found.coverage) == ((), 1.0, 1.0)
    assert found.text().startswith("Whatever the columns are, the model does not decide 1")


def test_precision_on_fresh_samples_holds_at_its_confidence():
    """Eighty searches with their own random numbers; the true precision of a rule is that of a very large sample."""
    frame = table()
    rows = np.flatnonzero((frame["job"] == "nurse") & (frame["age"] > 45))[:80].tolist()

    def noisy(f):
        spoilt = (f["age"].to_numpy() * 7919 + np.floor(f["income"].to_numpy() * 100)) % 100 < 2
        return ((f["job"] == "nurse") & (f["age"] > 40)).to_numpy() ^ spoilt

    about = asked(noisy, rows)
    near, truth = neighbourhood(about.columns, about.background), {}
    decided = about.target.decides(about.rows)
    found = anchors(about, precision=0.9, check=500)
    inside = precise = 0
    for i, one in enumerate(found):
        world, key = world_of(near, about.rows[i]), (one.predicates, bool(decided[i]))
        if key not in truth:
            rule = frozenset(k for k, said in enumerate(world.predicates) if said.text in one.predicates)
            drawn = world.draw(rule, 20_000, np.random.default_rng(0))
            truth[key] = (about.target.decides(drawn) == decided[i]).mean()
        inside += one.precision_interval.low <= truth[key] <= one.precision_interval.high
        precise += truth[key] >= 0.9 or not one.holds
    assert len(found) == 80
    assert inside >= 0.95 * 80 - 2  # two binomial errors below 95 % would be 4
    assert precise >= 0.95 * 80
    assert sum(one.holds for one in found) > 40


def test_where_no_rule_is_precise_enough_it_says_so():
    def coin(f):
        return (np.floor(f["income"].to_numpy() * 1e6) % 2).astype(bool)

    (found,) = anchors(asked(coin, [3]), longest=2, most=300)
    assert not found.holds
    assert found.precision_interval.low < 0.95
    assert "does not show the wanted 95%" in found.text()


def test_rows_are_searched_together_and_each_has_its_own_rule():
    frame = table()
    rows = [first(frame["job"] == job) for job in ("nurse", "cook", "clerk")]
    about = asked(lambda f: f["job"] == "nurse", rows)
    together = anchors(about)
    assert [one.place for one in together] == rows
    assert about.target.calls.batches < sum(one.samples for one in together) / 100
    for row, one in zip(rows, together, strict=True):
        (alone,) = anchors(asked(lambda f: f["job"] == "nurse", [row]))
        assert alone == one


def test_a_regression_needs_a_tolerance():
    frame = table()
    features = ["age", "job", "income"]
    model = assay.wrap_model(lambda f: 10.0 * (f["job"] == "cook"), features=features, task="regression")
    case = assay.Case.from_frame(frame.assign(y=frame["income"]), label="y", features=features, model=model)
    about = question(case, [first(frame["job"] == "cook")], background=300)
    with pytest.raises(AssayError, match="same prediction"):
        anchors(about)
    (found,) = anchors(about, tolerance=1.0)
    assert found.predicates == ("job = cook",)
    assert found.decision == "the prediction stays within 1 of 10"


def test_missing_values_constant_columns_and_mistakes():
    frame = table().assign(flat=1.0)
    frame.loc[::2, "income"] = np.nan
    (found,) = anchors(asked(lambda f: f["income"].isna(), [0], frame=frame))
    assert found.predicates == ("income = missing",)
    about = asked(lambda f: f["age"] > 0, [0])
    for wrong in ({"precision": 1.0}, {"beam": 0}, {"tolerance": 1.0}):
        with pytest.raises(AssayError):
            anchors(about, **wrong)


def test_samples_of_a_rule_agree_with_it_and_leave_the_rest_alone():
    about = asked(lambda f: f["age"] > 0, [0])
    near = neighbourhood(about.columns, about.background)
    world = world_of(near, about.rows[0])
    rule = frozenset({0, len(world.predicates) - 1})
    drawn = world.draw(rule, 5000, np.random.default_rng(0))
    for i in rule:
        assert world.predicates[i].holds(drawn).all()
        assert world.predicates[i].holds(about.rows).all()
    places = {world.predicates[i].place for i in rule}
    (free,) = {0, 1, 2} - places
    assert set(drawn[:, free]) <= set(about.background[:, free])
    expected = np.mean(about.background[:, free])
    assert drawn[:, free].mean() == pytest.approx(expected, abs=4 * drawn[:, free].std() / math.sqrt(5000))


@given(st.integers(0, 300), st.integers(1, 300), st.floats(0.1, 8))
def test_kl_bounds_solve_their_equation(hits, more, rate):
    draws = hits + more - 1
    low, high = kl_bounds(np.array([float(hits)]), np.array([float(draws)]), rate)
    assert low <= high
    if draws:
        seen = hits / draws
        for end, limit in ((low, 0.0), (high, 1.0)):
            if abs(end[0] - limit) > 1e-6 and abs(end[0] - seen) > 1e-4:
                assert draws * divergence(seen, end[0]) == pytest.approx(rate, rel=1e-2)
    else:
        assert (low[0], high[0]) == (0, 1)


@pytest.mark.parametrize(("hits", "draws"), [(0, 10), (10, 10), (7, 10), (981, 1000)])
def test_clopper_pearson_is_that_of_scipy(hits, draws):
    expected = binomtest(hits, draws).proportion_ci(0.95, method="exact")
    found = clopper_pearson(hits, draws)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_exploration_rate_grows_with_steps_and_arms():
    scaled = math.log(405.5 * 3 * 2**1.1 / 0.05)
    assert exploration(2, 3, 0.05) == pytest.approx(scaled + math.log(scaled))
    assert exploration(9, 3, 0.05) > exploration(2, 3, 0.05) > exploration(2, 2, 0.05)

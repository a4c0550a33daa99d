"""Mitigations that change scores: closed forms, references and theorems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.fairness.mitigate.calibrated_equalized_odds import COSTS, CalibratedEqualizedOdds, generalised_cost
from assay.fairness.mitigate.group_calibration import GroupCalibration
from assay.fairness.mitigate.group_thresholds import GroupThresholds
from assay.fairness.mitigate.multicalibration import Multicalibration, memberships
from assay.fairness.mitigate.reject_option import RejectOption
from assay.fairness.mitigate.score_repair import ScoreRepair
from assay.fairness.mitigation.calibrators import log_odds, platt, sigmoid, temperature
from assay.fairness.mitigation.columns.quantiles import quantiles, rank, value
from assay.fairness.mitigation.groups import Groups
from assay.fairness.mitigation.postprocessing import Scored


def people(n, groups, seed):
    """Scores that are too sure of themselves, in another way in each group."""
    rng = np.random.default_rng(seed)
    s = np.append(np.arange(groups), rng.integers(0, groups, n - groups))
    truth = rng.normal(np.linspace(-1, 0.5, groups)[s], 1.0)
    y = (rng.random(n) < sigmoid(truth)).astype(int)
    return sigmoid(truth * np.linspace(1.3, 2.5, groups)[s] + 0.4), y, s


# -- calibration -----------------------------------------------------------------------------------------------


def test_platt_is_scikit_learns_sigmoid_calibration():
    from sklearn.calibration import _SigmoidCalibration

    score, y, _ = people(500, 1, 0)
    z = log_odds(score)
    theirs = _SigmoidCalibration().fit(z, y)
    slope, intercept = platt(z, y, np.ones(500))
    assert sigmoid(slope * z + intercept) == pytest.approx(theirs.predict(z), abs=1e-5)


def test_platt_has_a_solution_where_the_score_separates_the_outcomes():
    z = np.array([-2.0, -1.0, 1.0, 2.0])
    slope, intercept = platt(z, np.array([0, 0, 1, 1]), np.ones(4))
    off = sigmoid(slope * z + intercept) - np.array([0.25, 0.25, 0.75, 0.75])  # Platt's targets for two and two
    assert [off.sum(), off @ z] == pytest.approx([0, 0], abs=1e-9)


def test_temperature_is_scikit_learns_and_a_weight_is_as_many_rows():
    from sklearn.calibration import _TemperatureScaling

    score, y, _ = people(800, 1, 1)
    z = log_odds(score)
    theirs = _TemperatureScaling().fit(np.column_stack([1 - score, score]), y)
    ours = temperature(z, y, np.ones(800))
    assert 1 / ours == pytest.approx(theirs.beta_, rel=1e-3)
    weight = np.random.default_rng(0).integers(1, 4, 800)
    rows = np.repeat(np.arange(800), weight)
    assert temperature(z, y, weight.astype(float)) == pytest.approx(temperature(z[rows], y[rows], np.ones(len(rows))))


@pytest.mark.parametrize("method", ["platt", "isotonic", "temperature"])
def test_every_group_is_calibrated_with_its_own_rows_only(method):
    score, y, s = people(3_000, 3, 2)
    fitted = GroupCalibration(method=method).fit(score, y, protected=s)
    together = fitted.predict_proba(score, protected=s)[:, 1]
    for g in range(3):
        alone = GroupCalibration(method=method).fit(score[s == g], y[s == g], protected=s[s == g])
        assert together[s == g] == pytest.approx(alone.predict_proba(score[s == g], protected=s[s == g])[:, 1])
        if method != "temperature":
            assert together[s == g].mean() == pytest.approx(y[s == g].mean(), abs=2e-3)
    order = np.argsort(score[s == 1])
    assert (np.diff(together[s == 1][order]) >= -1e-12).all()


def test_isotonic_is_scikit_learns():
    from sklearn.isotonic import IsotonicRegression

    score, y, s = people(400, 1, 3)
    line = np.linspace(0, 1, 101)
    ours = (
        GroupCalibration(method="isotonic").fit(score, y, protected=s).predict_proba(line, protected=np.zeros(101, int))
    )
    theirs = IsotonicRegression(out_of_bounds="clip").fit(score, y).predict(line)
    assert ours[:, 1] == pytest.approx(theirs)


def test_temperature_keeps_who_is_at_one_half():
    score, y, s = people(1_000, 2, 4)
    after = GroupCalibration(method="temperature").fit(score, y, protected=s).predict(score, protected=s)
    assert np.array_equal(after, (score >= 0.5).astype(int))


def test_a_group_with_one_outcome_cannot_be_calibrated():
    score, y, s = people(100, 2, 5)
    y[s == 0] = 1
    with pytest.raises(AssayError, match="The group '0' has rows of one outcome only"):
        GroupCalibration().fit(score, y, protected=s)
    with pytest.raises(AssayError, match="Known: isotonic, platt, temperature"):
        GroupCalibration(method="beta").fit(score, y, protected=s)


# -- calibrated equalized odds ---------------------------------------------------------------------------------


def calibrated_people():
    """Two groups of calibrated scores: 0.2 and 0.8, and 0.4 and 0.6, in equal parts."""
    score, y, s = [], [], []
    for group, values in (("sharp", (0.2, 0.8)), ("dull", (0.4, 0.6))):
        for p in values:
            score += [p] * 100
            y += [1] * round(100 * p) + [0] * round(100 - 100 * p)
            s += [group] * 100
    return np.array(score), np.array(y), np.array(s)


def test_the_share_of_pleiss_et_al_by_hand():
    """Costs: sharp (20×0.8 + 80×0.2)/100 = 0.32, dull (40×0.6 + 60×0.4)/100 = 0.48, base rate 0.5; α = 0.16/0.18."""
    score, y, s = calibrated_people()
    fitted = CalibratedEqualizedOdds(cost="fnr").fit(score, y, protected=s)
    assert fitted.costs_ == pytest.approx([0.48, 0.32])
    assert fitted.shares_ == pytest.approx([0.0, 0.16 / 0.18])
    assert CalibratedEqualizedOdds(cost="sum").fit(score, y, protected=s).shares_ == pytest.approx([0.0, 0.32 / 0.36])


@pytest.mark.parametrize("cost", COSTS)
def test_costs_are_equal_in_expectation_and_scores_stay_calibrated(cost):
    score, y, s = (np.tile(part, 50) for part in calibrated_people())
    fitted = CalibratedEqualizedOdds(cost=cost).fit(score, y, protected=s)
    after = fitted.predict_proba(score, protected=s, ids=range(len(y)))[:, 1]
    found = Groups.find(s)
    rows = Scored(score, y, found.codes, found.groups)
    costs = [generalised_cost(rows, after, g, cost) for g in (0, 1)]
    assert costs[0] == pytest.approx(costs[1], abs=0.02)
    for p in np.unique(after):
        assert y[after == p].mean() == pytest.approx(p, abs=0.05)
    again = fitted.predict_proba(score, protected=s, ids=range(len(y)))[:, 1]
    assert np.array_equal(after, again)
    decisions = fitted.predict(score, protected=s, ids=range(len(y)))
    assert np.array_equal(decisions, (after >= 0.5).astype(int))
    chance = fitted.selection_probability(score, protected=s)
    assert abs(decisions.sum() - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum()) + 1e-9


def test_equal_costs_that_cannot_be_reached_are_an_error():
    score = np.array([0.9] * 10 + [0.1] * 10)
    y = np.array([1] * 9 + [0] + [0] * 9 + [1])
    s = np.array(["high"] * 10 + ["low"] * 10)
    with pytest.raises(
        AssayError, match=r"The base rate of 'high' costs 0\.1, which is less than the 0\.9 of 'low'"
    ) as error:
        CalibratedEqualizedOdds(cost="fnr").fit(score, y, protected=s)
    assert error.value.code == "no-solution"


# -- reject option ---------------------------------------------------------------------------------------------


def test_reject_option_takes_the_smallest_width_by_hand():
    score = np.array([0.45, 0.30, 0.20, 0.60, 0.55, 0.70, 0.80, 0.10])
    s = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    fitted = RejectOption(tolerance=0.0).fit(score, np.array([0, 1] * 4), protected=s)
    # 1/4 against 3/4 are selected; at distance 0.05 both one of group 0 joins and one of group 1 leaves: 2/4 each
    assert fitted.width_ == pytest.approx(0.05)
    assert fitted.predict(score, protected=s).tolist() == [1, 0, 0, 1, 0, 1, 1, 0]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1_000), st.sampled_from(["demographic-parity", "equal-opportunity", "fpr-parity", "equalized-odds"])
)
def test_reject_option_is_the_first_width_that_serves_and_never_beats_group_thresholds(seed, constraint):
    score, y, s = people(200, 2, seed)
    fitted = RejectOption(constraint=constraint, tolerance=0.05)
    among = {
        "demographic-parity": [y >= 0],
        "equal-opportunity": [y == 1],
        "fpr-parity": [y == 0],
        "equalized-odds": [y == 0, y == 1],
    }

    def gap(decisions):
        return max(abs(decisions[a & (s == 0)].mean() - decisions[a & (s == 1)].mean()) for a in among[constraint])

    def decide(width):
        near = (np.abs(score - 0.5) <= width) & (width > 0)
        plain = (score >= 0.5).astype(int)
        return np.where(near, deprived[s], plain)

    deprived = np.array([int((score[s == g] >= 0.5).mean() < (score >= 0.5).mean()) for g in (0, 1)])
    if min(gap(decide(w)) for w in np.append(0, np.abs(score - 0.5))) > 0.05:
        with pytest.raises(AssayError, match="No width holds"):
            fitted.fit(score, y, protected=s)
        return
    fitted.fit(score, y, protected=s)
    assert np.array_equal(fitted.predict(score, protected=s), decide(fitted.width_))
    assert gap(decide(fitted.width_)) <= 0.05 + 1e-9
    for smaller in np.append(0, np.abs(score - 0.5)):
        assert smaller >= fitted.width_ or gap(decide(smaller)) > 0.05 - 1e-9
    thresholds = GroupThresholds(constraint=constraint, tolerance=0.05, randomised=True).fit(score, y, protected=s)
    assert thresholds.facts_["cost"] <= np.mean(decide(fitted.width_) != y) + 1e-9


# -- score repair ----------------------------------------------------------------------------------------------


def test_the_barycentre_of_two_uniforms_and_of_two_normals():
    line = (np.arange(4_000) + 0.5) / 4_000
    score, s = np.concatenate([line / 2, line / 2 + 0.5]), np.repeat([0, 1], 4_000)
    after = ScoreRepair().fit(score, np.tile([0, 1], 4_000), protected=s).predict_proba(score, protected=s)[:, 1]
    assert after[:4_000] == pytest.approx(0.25 + line / 2, abs=1e-3)
    assert after[4_000:] == pytest.approx(0.25 + line / 2, abs=1e-3)
    from scipy.stats import norm

    score = np.concatenate([norm.ppf(line, 0.4, 0.05), norm.ppf(line[::4], 0.7, 0.15)])
    s = np.repeat([0, 1], [4_000, 1_000])
    after = ScoreRepair().fit(score, np.tile([0, 1], 2_500), protected=s).predict_proba(score, protected=s)[:, 1]
    middle = (line > 0.01) & (line < 0.99)
    assert after[:4_000][middle] == pytest.approx(norm.ppf(line, 0.46, 0.07)[middle], abs=2e-3)


def test_repair_makes_score_distributions_alike_and_keeps_the_order():
    from scipy.stats import ks_2samp

    score, y, s = people(20_000, 3, 6)
    fitted = ScoreRepair().fit(score, y, protected=s)
    new_score, _, new_s = people(20_000, 3, 7)
    before = ks_2samp(new_score[new_s == 0], new_score[new_s == 2]).statistic
    after = fitted.predict_proba(new_score, protected=new_s)[:, 1]
    assert before > 0.3
    assert ks_2samp(after[new_s == 0], after[new_s == 2]).statistic < 0.03
    for g in range(3):
        mine = np.argsort(new_score[new_s == g])
        assert (np.diff(after[new_s == g][mine]) >= -1e-12).all()
    half = ScoreRepair(level=0.5).fit(score, y, protected=s).predict_proba(new_score, protected=new_s)[:, 1]
    assert half == pytest.approx((after + new_score) / 2)
    assert ScoreRepair(level=0.0).fit(score, y, protected=s).predict_proba(score, protected=s)[:, 1] == pytest.approx(
        score
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.integers(0, 5))
def test_a_value_is_found_again_at_its_rank(values, copies):
    sample = np.array(values + values[:1] * copies * 20)
    table = quantiles(sample)
    assert (np.diff(table) >= 0).all()
    ranks = rank(table, table)
    assert value(ranks, table) == pytest.approx(table, abs=1e-9)
    assert ((ranks >= 0) & (ranks <= 1)).all()


def test_an_atom_stays_an_atom_and_weights_are_rows():
    sample = np.concatenate([np.zeros(900), np.linspace(1, 5, 100)])
    table = quantiles(sample)
    assert rank(np.zeros(3), table) == pytest.approx(0.45, abs=1e-3)
    assert value(np.array([0.1, 0.45, 0.89]), table).tolist() == [0, 0, 0]
    weight = np.array([1.0, 3.0, 2.0])
    few = np.array([5.0, 1.0, 2.0])
    assert quantiles(few, weight)[512] == pytest.approx(np.interp(0.5, [0.25, 4 / 6, 5.5 / 6], [1, 2, 5]))


# -- multicalibration ------------------------------------------------------------------------------------------


def worst_cell(score, y, codes, members, bins, minimum):
    bin_ = np.minimum((score * bins).astype(int), bins - 1)
    worst = 0.0
    for member in members:
        for b in range(bins):
            here = (member[codes] == 1) & (bin_ == b)
            if here.mean() >= minimum:
                worst = max(worst, abs(float((y - score)[here].mean())))
    return worst


def test_no_cell_is_off_by_more_than_alpha_and_the_squared_error_falls():
    score, y, a = people(6_000, 3, 8)
    b = np.random.default_rng(1).integers(0, 2, 6_000)
    y = np.where((a == 1) & (b == 1), 1 - y, y)  # a crossing in which the score is quite wrong
    both = np.column_stack([a, b])
    fitted = Multicalibration(alpha=0.02).fit(score, y, protected=both)
    after = fitted.predict_proba(score, protected=both)[:, 1]
    codes = fitted.groups_.code(both)
    members = memberships(fitted.groups_, depth=2)
    assert len(members) == 1 + 3 + 2 + 6
    assert worst_cell(score, y, codes, members, 10, 0.005) > 0.3
    assert worst_cell(after, y, codes, members, 10, 0.005) <= 0.02 + 1e-9
    steps = len(fitted.amounts_)
    assert ((score - y) ** 2).mean() - ((after - y) ** 2).mean() >= steps * 0.005 * 0.02**2
    alone = (
        Multicalibration(alpha=0.02, depth=1).fit(score, y, protected=both).predict_proba(score, protected=both)[:, 1]
    )
    assert worst_cell(alone, y, codes, members, 10, 0.005) > 0.02


def test_a_calibrated_score_is_left_alone_and_rounds_are_bounded():
    score, y, s = calibrated_people()
    fitted = Multicalibration().fit(score, y, protected=s)
    assert len(fitted.amounts_) == 0
    assert np.array_equal(fitted.predict_proba(score, protected=s)[:, 1], score)
    with pytest.raises(AssayError, match="After 1 corrections a cell is still off"):
        Multicalibration(rounds=1).fit(*people(2_000, 3, 9)[:2], protected=people(2_000, 3, 9)[2])

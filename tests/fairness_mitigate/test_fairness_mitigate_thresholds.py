"""Group thresholds: against enumeration, a plain linear programme, Fairlearn, and Counts against rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial import ConvexHull

from assay.core.errors import AssayError
from assay.data.coding import Bins, Dim, Favourable, Values
from assay.data.counts import Counts
from assay.fairness.mitigate.group_thresholds import GroupThresholds
from assay.fairness.mitigation.draw import Draw
from assay.fairness.mitigation.groups import Groups
from assay.fairness.thresholds.curves import curves_of_rows
from assay.fairness.thresholds.deterministic import choose
from assay.fairness.thresholds.hull import lower_hull
from assay.fairness.thresholds.problem import CONSTRAINTS, problem
from assay.fairness.thresholds.randomised import mixtures
from assay.fairness.thresholds.range_minimum import RangeMinimum
from assay.fairness.thresholds.solve import solve

OBJECTIVES = ["error", "balanced-error", {"false_positive": 3.0, "false_negative": 1.0}]


def people(n, groups, seed, *, decimals=None):
    rng = np.random.default_rng(seed)
    s = np.append(np.arange(groups), rng.integers(0, groups, n - groups))
    y = (rng.random(n) < np.linspace(0.25, 0.6, groups)[s]).astype(int)
    score = 1 / (1 + np.exp(-rng.normal(np.linspace(0.3, 2, groups)[s] * y - 0.5, 1)))
    return (score if decimals is None else np.round(score, decimals)), y, s


def task_of(score, y, s, constraint, objective, tolerance):
    found = Groups.find(s)
    curves = curves_of_rows(score, y, found.codes, len(found.groups))
    return problem(curves, found.groups, constraint=constraint, objective=objective, tolerance=tolerance)


def lacking(y, s, constraint, objective):
    """Whether a rate of the constraint, or the objective, has no denominator."""
    needed = {"tpr": 1, "fpr": 0}
    groups = any(not (y[s == g] == needed[r]).any() for g in set(s) for r in CONSTRAINTS[constraint] if r in needed)
    return groups or (objective == "balanced-error" and len(set(y)) < 2)


small = st.tuples(
    st.integers(0, 10_000),
    st.integers(2, 3),
    st.integers(8, 30),
    st.sampled_from(sorted(CONSTRAINTS)),
    st.sampled_from(OBJECTIVES),
    st.sampled_from([0.0, 0.05, 0.2, 0.5]),
)


@settings(max_examples=150, deadline=None)
@given(small)
def test_one_cutoff_a_group_is_the_best_of_all_combinations(case):
    seed, groups, n, constraint, objective, tolerance = case
    score, y, s = people(n, groups, seed, decimals=1)
    if lacking(y, s, constraint, objective):
        with pytest.raises(AssayError) as error:
            task_of(score, y, s, constraint, objective, tolerance)
        assert error.value.code == "empty-denominator"
        return
    task = task_of(score, y, s, constraint, objective, tolerance)
    best = np.inf
    for points in itertools.product(*(range(len(cost)) for cost in task.costs)):
        held = np.array([rates[p] for rates, p in zip(task.rates, points, strict=True)])
        if (np.ptp(held, axis=0) <= tolerance + 1e-9).all():
            best = min(best, sum(cost[p] for cost, p in zip(task.costs, points, strict=True)))
    choice = choose(task)
    held = np.array([rates[p] for rates, p in zip(task.rates, choice.points, strict=True)])
    assert choice.cost == pytest.approx(best, abs=1e-12)
    assert (np.ptp(held, axis=0) <= tolerance + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(small)
def test_mixed_cutoffs_are_as_good_as_a_linear_programme_over_all_points(case):
    seed, groups, n, constraint, objective, tolerance = case
    score, y, s = people(n, groups, seed, decimals=2)
    if lacking(y, s, constraint, objective):
        return
    task = task_of(score, y, s, constraint, objective, tolerance)
    mixed = mixtures(task)
    held = np.array([rates[m.points].T @ m.chances for rates, m in zip(task.rates, mixed, strict=True)])
    cost = sum(cost[m.points] @ m.chances for cost, m in zip(task.costs, mixed, strict=True))
    assert cost == pytest.approx(plain_programme(task), abs=1e-8)
    assert (np.ptp(held, axis=0) <= tolerance + 1e-8).all()
    assert all(m.chances.sum() == pytest.approx(1) and (m.chances >= 0).all() for m in mixed)


def plain_programme(task):
    """The same optimum by one variable for every point of every group and every pair of groups constrained."""
    sizes = [len(cost) for cost in task.costs]
    starts = np.cumsum([0, *sizes])
    above = []
    for a, b in itertools.permutations(range(len(sizes)), 2):
        for j in range(task.rates[0].shape[1]):
            row = np.zeros(starts[-1])
            row[starts[a] : starts[a + 1]] = task.rates[a][:, j]
            row[starts[b] : starts[b + 1]] = -task.rates[b][:, j]
            above.append(row)
    one = np.zeros((len(sizes), starts[-1]))
    for g in range(len(sizes)):
        one[g, starts[g] : starts[g + 1]] = 1
    found = linprog(
        np.concatenate(task.costs),
        A_ub=np.array(above),
        b_ub=np.full(len(above), task.tolerance),
        A_eq=one,
        b_eq=1 + 0 * one[:, 0],
    )
    return found.fun


@pytest.mark.parametrize("constraint", sorted(CONSTRAINTS))
def test_at_least_as_good_as_fairlearn_at_its_own_gap(constraint):
    from fairlearn.postprocessing import ThresholdOptimizer

    score, y, s = people(3_000, 3, 1)
    names = {
        "demographic-parity": "demographic_parity",
        "equal-opportunity": "true_positive_rate_parity",
        "fpr-parity": "false_positive_rate_parity",
        "equalized-odds": "equalized_odds",
    }
    peer = ThresholdOptimizer(
        estimator=fitted_scorer(), constraints=names[constraint], prefit=True, predict_method="predict_proba"
    )
    peer.fit(score[:, None], y, sensitive_features=s)
    chance = peer._pmf_predict(score[:, None], sensitive_features=s)[:, 1]
    error = np.mean(np.where(y == 1, 1 - chance, chance))
    gap = max(
        np.ptp([chance[(s == g) & among[n]].mean() for g in range(3)])
        for n in CONSTRAINTS[constraint]
        for among in [{"selection_rate": y >= 0, "tpr": y == 1, "fpr": y == 0}]
    )
    ours = GroupThresholds(constraint=constraint, tolerance=gap, randomised=True).fit(score, y, protected=s)
    assert ours.facts_["cost"] <= error + 1e-9
    assert max(ours.facts_["gaps"].values()) <= gap + 1e-9
    assert ours.facts_["cost"] == pytest.approx(error, abs=2e-3)


def fitted_scorer():
    """What Fairlearn asks of a fitted estimator; its scores are its feature."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Scorer(ClassifierMixin, BaseEstimator):
        def __init__(self):
            self.classes_ = np.array([0, 1])

        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            return np.column_stack([1 - X[:, 0], X[:, 0]])

        def predict(self, X):
            return (X[:, 0] >= 0.5).astype(int)

        def __sklearn_is_fitted__(self):
            return True

    return Scorer()


@pytest.mark.parametrize("randomised", [True, False])
@pytest.mark.parametrize("constraint", sorted(CONSTRAINTS))
def test_facts_are_what_the_rule_does(constraint, randomised):
    score, y, s = people(4_000, 4, 2)
    rule = GroupThresholds(constraint=constraint, tolerance=0.03, randomised=randomised).fit(score, y, protected=s)
    chance = rule.selection_probability(score, protected=s)
    assert rule.facts_["cost"] == pytest.approx(np.mean(np.where(y == 1, 1 - chance, chance)), abs=1e-12)
    for g, facts in enumerate(rule.facts_["groups"]):
        mine = s == g
        assert facts["group"] == {"group": str(g)}
        assert facts["selection_rate"] == pytest.approx(chance[mine].mean(), abs=1e-12)
        assert facts["tpr"] == pytest.approx(chance[mine & (y == 1)].mean(), abs=1e-12)
        assert facts["fpr"] == pytest.approx(chance[mine & (y == 0)].mean(), abs=1e-12)
    for name in CONSTRAINTS[constraint]:
        assert np.ptp([facts[name] for facts in rule.facts_["groups"]]) == pytest.approx(rule.facts_["gaps"][name])
        assert rule.facts_["gaps"][name] <= 0.03 + 1e-9
    assert randomised or set(chance) == {0.0, 1.0}


def test_a_higher_score_is_never_worse_off_in_the_same_group():
    score, y, s = people(4_000, 3, 3)
    rule = GroupThresholds(constraint="equalized-odds", tolerance=0.0, randomised=True).fit(score, y, protected=s)
    for g in range(3):
        line = np.linspace(0, 1, 2_000)
        chance = rule.selection_probability(line, protected=np.full(2_000, g))
        assert (np.diff(chance) >= 0).all()
        assert (chance >= 0).all()
        assert (chance <= 1).all()


def test_deterministic_equalized_odds_without_solution_names_the_nearest():
    score, y, s = people(400, 3, 4)
    with pytest.raises(AssayError, match=r"except by treating everybody alike .* The nearest: within") as error:
        GroupThresholds(constraint="equalized-odds", tolerance=0.0).fit(score, y, protected=s)
    assert error.value.code == "no-solution"
    nearest = float(error.value.hint.split("tolerance=")[1].split(",")[0])
    rule = GroupThresholds(constraint="equalized-odds", tolerance=nearest).fit(score, y, protected=s)
    assert rule.facts_["cost"] < rule.facts_["constant_cost"]
    with pytest.raises(AssayError, match="treating everybody alike"):
        GroupThresholds(constraint="equalized-odds", tolerance=nearest - 2e-4).fit(score, y, protected=s)
    mixed = GroupThresholds(constraint="equalized-odds", tolerance=0.0, randomised=True).fit(score, y, protected=s)
    assert mixed.facts_["cost"] < mixed.facts_["constant_cost"]


def test_where_treating_everybody_alike_is_best_that_is_the_rule():
    score, y, s = people(500, 2, 5)
    for g in range(2):
        y[(s == g) & (score <= np.sort(score[s == g])[20])] = 1  # whoever is refused would be a costly mistake
    costs = {"false_positive": 1.0, "false_negative": 100_000.0}
    rule = GroupThresholds(tolerance=0.0, objective=costs).fit(score, y, protected=s)
    assert (rule.predict(score, protected=s) == 1).all()


def test_a_group_without_positives_is_named():
    score, y, s = people(50, 2, 6)
    y[s == 1] = 0
    with pytest.raises(AssayError, match=r"tpr, which 1 groups have no rows for: '1'") as error:
        GroupThresholds(constraint="equal-opportunity").fit(score, y, protected=s)
    assert error.value.code == "empty-denominator"
    GroupThresholds(constraint="demographic-parity", tolerance=0.1).fit(score, y, protected=s)


@pytest.mark.parametrize("randomised", [True, False])
def test_counts_give_the_rule_of_rows(randomised):
    score, y, s = people(2_000, 3, 7)
    edges = tuple(np.linspace(0.05, 0.95, 19))
    binned = np.searchsorted(edges, score, "right")
    dims = [
        Dim("protected", "g", Values(), ()),
        Dim("label", "label", Favourable("1"), ()),
        Dim("score", "score", Bins(edges), ()),
    ]
    cells = list(zip(map(str, s), map(str, y), map(str, binned), strict=True))
    counts = Counts.from_cells(dims, cells, {"n": np.ones(len(y), dtype=int)})
    rule = GroupThresholds(constraint="equalized-odds", tolerance=0.05, randomised=randomised)
    by_counts = rule.fit_counts(counts, ["g"]).facts_
    chance = rule.selection_probability(score, protected=s)
    by_rows = (
        GroupThresholds(constraint="equalized-odds", tolerance=0.05, randomised=randomised)
        .fit(binned / 20, y, protected=s)
        .facts_
    )
    assert by_counts["cost"] == pytest.approx(by_rows["cost"], abs=1e-9)
    assert by_counts["cost"] == pytest.approx(np.mean(np.where(y == 1, 1 - chance, chance)), abs=1e-9)
    assert [g["group"] for g in by_counts["groups"]] == [{"g": "0"}, {"g": "1"}, {"g": "2"}]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(sorted(CONSTRAINTS)), st.booleans())
def test_the_optimum_does_not_depend_on_order_names_or_copies(seed, constraint, randomised):
    score, y, s = people(300, 3, seed, decimals=2)
    order = np.random.default_rng(seed).permutation(300)
    settings_ = {"constraint": constraint, "tolerance": 0.1, "randomised": randomised}

    def cost(score, y, s, w=None):
        try:
            return GroupThresholds(**settings_).fit(score, y, protected=s, sample_weight=w).facts_["cost"]
        except AssayError as error:
            return error.code

    plain = cost(score, y, s)
    assert cost(score[order], y[order], s[order]) == pytest.approx(plain)
    assert cost(score, y, np.array(["z", "m", "a"])[s]) == pytest.approx(plain)
    assert cost(np.tile(score, 2), np.tile(y, 2), np.tile(s, 2)) == pytest.approx(plain)
    assert cost(score, y, s, np.full(300, 2.5)) == pytest.approx(plain)


def test_a_frequency_weight_is_as_many_rows():
    score, y, s = people(200, 2, 8)
    weight = np.random.default_rng(0).integers(1, 4, 200)
    heavy = GroupThresholds(tolerance=0.02, randomised=True).fit(score, y, protected=s, sample_weight=weight)
    rows = np.repeat(np.arange(200), weight)
    long = GroupThresholds(tolerance=0.02, randomised=True).fit(score[rows], y[rows], protected=s[rows])
    assert heavy.facts_["cost"] == pytest.approx(long.facts_["cost"])


def test_attributes_are_crossed_and_a_missing_value_is_a_group():
    score, y, s = people(900, 3, 9)
    other = np.where(np.arange(900) % 2 == 0, "x", None)
    both = np.column_stack([np.array(["a", "b", "c"], dtype=object)[s], other])
    rule = GroupThresholds(tolerance=0.05).fit(score, y, protected=both)
    assert len(rule.groups_) == 6
    assert rule.groups_.slice(1) == {"attribute 1": "a", "attribute 2": None}
    rates = [rule.predict(score, protected=both)[(s == g) & (other == o)].mean() for g in range(3) for o in ("x", None)]
    assert np.ptp(rates) <= 0.05 + 1e-9


def test_asking_twice_changes_nothing_and_draws_have_their_chance():
    score, y, s = people(20_000, 2, 10)
    rule = GroupThresholds(constraint="equalized-odds", tolerance=0.0, randomised=True, draw=Draw(b"k" * 32)).fit(
        score, y, protected=s
    )
    ids = [f"person {i}" for i in range(20_000)]
    once = rule.predict(score, protected=s, ids=ids)
    back = np.random.default_rng(0).permutation(20_000)
    again = rule.predict(score[back], protected=s[back], ids=np.array(ids)[back])
    assert np.array_equal(once[back], again)
    chance = rule.selection_probability(score, protected=s)
    drawn = (chance > 0) & (chance < 1)
    assert drawn.sum() > 1_000
    spread = np.sqrt((chance * (1 - chance)).sum())
    assert abs(once.sum() - chance.sum()) < 4 * spread
    other = GroupThresholds(constraint="equalized-odds", tolerance=0.0, randomised=True, draw=Draw(b"l" * 32)).fit(
        score, y, protected=s
    )
    assert (other.predict(score, protected=s, ids=ids) != once).sum() > 100
    with pytest.raises(AssayError, match="decisions are drawn, and no subject ids"):
        rule.predict(score, protected=s)


def test_draws_are_uniform_and_one_id_has_one_form():
    from scipy.stats import kstest

    draw = Draw(bytes(range(32)))
    assert kstest(draw.uniform(range(20_000)), "uniform").pvalue > 0.001
    assert len(set(draw.uniform([7, 7.0, "7", np.int64(7), b"7"]).tolist())) == 1
    assert draw.uniform([2**60 + 1])[0] != draw.uniform([2**60])[0]
    assert "secret" in repr(draw)
    assert repr(bytes(range(32)))[2:-1] not in repr(draw)
    for bad in (None, float("nan"), ("a",)):
        with pytest.raises(AssayError, match="subject id"):
            draw.uniform([bad])


def test_an_unknown_group_and_a_missing_attribute_are_errors():
    score, y, s = people(100, 2, 11)
    rule = GroupThresholds(tolerance=0.2).fit(score, y, protected=s)
    with pytest.raises(AssayError, match=r"1 groups were not there .* '9'"):
        rule.predict(score, protected=np.full(100, 9))
    with pytest.raises(AssayError, match="needs the protected attribute at decision time"):
        rule.predict(score)
    with pytest.raises(AssayError, match=r"Known: .*equalized-odds"):
        GroupThresholds(constraint="equal-odds").fit(score, y, protected=s)
    with pytest.raises(AssayError, match="is not in \\[0, 1\\]"):
        GroupThresholds(tolerance=-0.1).fit(score, y, protected=s)
    with pytest.raises(AssayError, match=r"Known: .*false_negative"):
        GroupThresholds(objective={"fp": 1.0}).fit(score, y, protected=s)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 400))
def test_the_lower_hull_is_that_of_qhull(seed, n):
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.random(n)), rng.normal(size=n)
    vertices = lower_hull(x, y)
    assert np.interp(x, x[vertices], y[vertices]) == pytest.approx(
        np.minimum(np.interp(x, x[vertices], y[vertices]), y), abs=1e-12
    )
    qhull = ConvexHull(np.column_stack([x, y])).vertices
    assert set(vertices.tolist()) <= set(qhull.tolist())
    slopes = np.diff(y[vertices]) / np.diff(x[vertices])
    assert (np.diff(slopes) > 0).all()


def test_the_hull_of_a_bowl_with_a_deep_end_needs_the_chain():
    x = np.linspace(0, 1, 2_000)
    y = np.append((x**2)[:-1], -50.0)
    assert lower_hull(x, y).tolist() == [0, 1_999]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 500))
def test_range_minimum_is_the_minimum(seed, n):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n)
    start = rng.integers(0, n, 50)
    stop = np.array([rng.integers(a, n + 1) for a in start])
    expected = [values[a:b].min() if b > a else np.inf for a, b in zip(start, stop, strict=True)]
    assert RangeMinimum(values).least(start, stop).tolist() == expected


def test_solve_is_given_counts_of_a_group_of_one_person():
    score = np.array([0.2, 0.8, 0.4, 0.6, 0.9])
    y, s = np.array([0, 1, 0, 1, 1]), np.array([0, 0, 0, 0, 1])
    found = Groups.find(s)
    solution = solve(
        curves_of_rows(score, y, found.codes, 2), found.groups, constraint="demographic-parity", tolerance=0.5
    )
    assert solution.cost == 0

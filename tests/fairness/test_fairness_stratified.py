"""Differences among the alike: the Berkeley admissions, tests of conditional independence, coverage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import StratifiedTable

from assay.core.measure import Measure
from assay.data.counts import Counts
from assay.fairness.checks.calibration import calibration
from assay.fairness.checks.conditional_parity import conditional_parity
from assay.fairness.checks.selection_rates import selection_rates
from assay.fairness.stratified import Side, pooled_difference

Find = Callable[..., Measure]
Make = Callable[..., Counts]

# Admitted and applied in 1973: Bickel, Hammel & O'Connell (1975), Science 187:398, as in R's UCBAdmissions.
BERKELEY = {
    "A": ((512, 825), (89, 108)),
    "B": ((353, 560), (17, 25)),
    "C": ((120, 325), (202, 593)),
    "D": ((138, 417), (131, 375)),
    "E": ((53, 191), (94, 393)),
    "F": ((22, 373), (24, 341)),
}


def berkeley(make_counts: Make) -> Counts:
    columns: dict[str, list[str]] = {"sex": [], "department": [], "prediction": []}
    for department, by_sex in BERKELEY.items():
        for sex, (admitted, applied) in zip(("male", "female"), by_sex, strict=True):
            columns["sex"] += [sex] * applied
            columns["department"] += [department] * applied
            columns["prediction"] += ["1"] * admitted + ["0"] * (applied - admitted)
    return make_counts(columns, controls=("department",))


def test_berkeley_turns_around(make_counts: Make, find: Find) -> None:
    counts = berkeley(make_counts)
    raw = find(list(selection_rates(counts.marginal("protected", "prediction"))), "selection_rate_gap", over="sex")
    assert raw.value == pytest.approx(1198 / 2691 - 557 / 1835)
    measures = list(conditional_parity(counts))
    pooled = find(measures, "conditional_selection_rate_difference", {"sex": "female"}, "sex")
    tables = [[[f, nf - f], [m, nm - m]] for (m, nm), (f, nf) in BERKELEY.values()]
    weights = [nm * nf / (nm + nf) for (_, nm), (_, nf) in BERKELEY.values()]
    differences = [f / nf - m / nm for (m, nm), (f, nf) in BERKELEY.values()]
    assert pooled.value == pytest.approx(np.average(differences, weights=weights))
    assert pooled.value > 0
    assert pooled.p_value == pytest.approx(
        StratifiedTable(np.array(tables, dtype=float).transpose(1, 2, 0)).test_null_odds().pvalue
    )
    assert pooled.n == (1835, 2691)
    assert find(measures, "selection_rate", {"department": "A", "sex": "female"}).value == pytest.approx(89 / 108)
    gap = find(measures, "selection_rate_gap", {"department": "A"}, "sex")
    assert gap.value == pytest.approx(89 / 108 - 512 / 825)
    assert gap.groups == ({"sex": "female"}, {"sex": "male"})


def test_one_stratum_is_the_plain_difference() -> None:
    a, b = (Side(np.array([x]), np.array([n]), np.array([n])) for x, n in ((30.0, 100.0), (50.0, 120.0)))
    found = pooled_difference(a, b, level=0.95)
    assert found is not None
    assert found.value == pytest.approx(30 / 100 - 50 / 120)
    assert found.interval is not None
    half = 1.959964 * np.sqrt(0.3 * 0.7 / 100 + (50 / 120) * (70 / 120) / 120)
    assert (found.interval.high - found.interval.low) / 2 == pytest.approx(half, rel=0.01)


def test_pooled_interval_covers_and_its_test_holds_its_level() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.2, 0.6, 40)
    for shift in (0.0, 0.2):
        covered, rejected, runs = 0, 0, 400
        for _ in range(runs):
            n1, n0 = rng.integers(1, 8, 40).astype(float), rng.integers(1, 20, 40).astype(float)
            x, y = rng.binomial(n1.astype(int), base + shift), rng.binomial(n0.astype(int), base)
            found = pooled_difference(Side(x.astype(float), n1, n1), Side(y.astype(float), n0, n0), level=0.95)
            assert found is not None
            assert found.interval is not None
            covered += found.interval.low <= shift <= found.interval.high
            rejected += found.p_value < 0.05
        assert 0.925 <= covered / runs <= 0.98
        assert rejected / runs <= 0.08 if shift == 0 else rejected / runs > 0.9


def test_strata_that_hold_one_group_only(make_counts: Make, find: Find) -> None:
    columns = {"sex": ["f", "f", "m", "m"], "job": ["a", "a", "b", "b"], "prediction": ["1", "0", "1", "0"]}
    measures = list(conditional_parity(make_counts(columns, controls=("job",))))
    m = find(measures, "conditional_selection_rate_difference", {"sex": "f"}, "sex")
    assert m.reason is not None
    assert m.reason.id == "no-stratum"
    alone = {"sex": ["f", "f"], "job": ["a", "b"], "prediction": ["1", "0"]}
    m = find(
        list(conditional_parity(make_counts(alone, controls=("job",)))),
        "conditional_selection_rate_difference",
        {"sex": "f"},
        "sex",
    )
    assert m.reason is not None
    assert m.reason.id == "one-group"


def population(seed: int, n: int, lift: float) -> tuple[dict[str, list[str]], np.ndarray]:
    """A calibrated score but for group b, whose favourable labels are `lift` likelier than the score says."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], n)
    score = np.clip(rng.beta(2, 3, n) + np.where(group == "a", 0.1, 0.0), 0, 1)
    label = rng.random(n) < np.clip(score + np.where(group == "b", lift, 0.0), 0, 1)
    return {"g": group.tolist(), "label": label.astype(int).astype(str).tolist()}, score


def test_calibrated_scores_show_no_difference_though_base_rates_differ(
    make_scored: Callable[..., Counts], find: Find
) -> None:
    columns, score = population(1, 12_000, 0.0)
    for m in calibration(make_scored(columns, score)):
        if m.name == "same_score_base_rate_difference":
            assert m.interval is not None
            assert m.interval.low < 0 < m.interval.high
            assert abs(m.interval.high) < 0.04
        if m.name == "calibration_error":
            assert m.interval is not None
            assert m.interval.low == 0


def test_a_group_scored_too_low_is_found(make_scored: Callable[..., Counts], find: Find) -> None:
    columns, score = population(2, 12_000, 0.15)
    counts = make_scored(columns, score)
    measures = list(calibration(counts))
    b = find(measures, "same_score_base_rate_difference", {"g": "b"}, "g")
    assert b.value == pytest.approx(0.15, abs=0.03)
    assert b.p_value is not None
    assert b.p_value < 1e-6
    error = find(measures, "calibration_error", {"g": "b"})
    assert error.value == pytest.approx(0.147, abs=0.02)
    gap = find(measures, "calibration_error_gap", over="g")
    assert gap.groups[0] == {"g": "b"}
    assert gap.interval is not None
    assert gap.interval.low < 0.147 < gap.interval.high
    assert gap.interval.low > 0
    assert measures == list(calibration(counts))


def test_groups_without_labels_are_named(make_scored: Callable[..., Counts], find: Find) -> None:
    columns = {"g": ["a", "a", "b"], "label": ["1", "0", None]}
    measures = list(calibration(make_scored(columns, [0.2, 0.7, 0.5])))
    assert find(measures, "calibration_error", {"g": "b"}).reason is not None
    gap = find(measures, "calibration_error_gap", over="g")
    assert gap.reason is not None
    assert gap.reason.text() == "only one group has rows: g = a"


def test_a_handful_of_people_who_are_alike_leave_a_wide_interval() -> None:
    few, many = Side(np.array([7.0]), np.array([7.0]), np.array([7.0])), np.array([2000.0])
    found = pooled_difference(few, Side(many * 0.84, many, many), level=0.95)
    assert found is not None
    assert found.interval is not None
    assert found.interval.low < 0 < found.value <= found.interval.high  # Sato's own would say 0.16 ± 0.03
    assert found.interval.high - found.interval.low > 0.25


@pytest.mark.parametrize(("strata", "people"), [(1, 7), (5, 3), (10, 1)])
def test_pooled_interval_covers_where_a_group_is_tiny(strata: int, people: int) -> None:
    rng = np.random.default_rng(3)
    size, rest, covered = np.full(strata, float(people)), np.full(strata, 500.0), []
    for rate in (0.03, 0.16, 0.5, 0.84, 0.97):
        for _ in range(200):
            x = rng.binomial(people, rate, strata).astype(float)
            y = rng.binomial(500, rate, strata).astype(float)
            found = pooled_difference(Side(x, size, size), Side(y, rest, rest), level=0.95)
            assert found is not None
            covered.append(found.interval is not None and found.interval.low <= 0 <= found.interval.high)
    assert np.mean(covered) >= 0.94  # averaged over rates; Sato's value ± z·sd covers 0.60, 0.68 and 0.60

"""Performance against scikit-learn, closed forms and the properties the numbers must have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from assay.core.measure import Measure
from assay.quality.checks.performance import performance


def find(measures: Any, name: str, slice: dict[str, str | None] | None = None, over: tuple[str, ...] = ()) -> Measure:
    (found,) = [m for m in measures if m.name == name and m.slice == (slice or {}) and m.over == over]
    return found


def numbers(people: dict[str, Any], rows: Any, weight: Any) -> dict[str, float]:
    """What scikit-learn says of the same rows."""
    y, p = (people[k][rows] == "1" for k in ("label", "prediction"))
    s = people["score"][rows]
    w = None if weight is None else weight[rows]
    return {
        "accuracy": metrics.accuracy_score(y, p, sample_weight=w),
        "precision": metrics.precision_score(y, p, sample_weight=w),
        "recall": metrics.recall_score(y, p, sample_weight=w),
        "f1": metrics.f1_score(y, p, sample_weight=w),
        "auc": metrics.roc_auc_score(y, s, sample_weight=w),
        "log_loss": metrics.log_loss(y, s, sample_weight=w),
        "brier": metrics.brier_score_loss(y, s, sample_weight=w),
    }


@pytest.mark.parametrize("weighted", [False, True])
def test_binary_numbers_are_those_of_scikit_learn_overall_by_group_and_intersection(counts, people, weighted):
    given_rows = people if weighted else {k: v for k, v in people.items() if k != "weight"}
    measures = list(performance(counts(**given_rows)))
    weight = people["weight"] if weighted else None
    sex, race = people["protected"]["sex"], people["protected"]["race"]
    slices = [{}, {"sex": "Female"}, {"race": "Asian"}, {"sex": "Male", "race": "Black"}]
    for slice_ in slices:
        rows = np.ones(len(sex), dtype=bool)
        for name, group in slice_.items():
            rows &= {"sex": sex, "race": race}[name] == group
        for name, value in numbers(people, rows, weight).items():
            found = find(measures, name, slice_)
            assert found.value == pytest.approx(value, abs=1e-9), (name, slice_)
            assert found.interval is not None
            assert found.interval.low < found.value < found.interval.high


def test_five_hundred_quantile_bins_move_the_auc_by_less_than_1e_4_and_within_the_stated_bound(counts, people):
    edges = np.unique(np.quantile(people["score"], np.linspace(0, 1, 513)[1:-1]))
    binned = find(performance(counts(**people, edges=edges)), "auc")
    exact = metrics.roc_auc_score(people["label"] == "1", people["score"], sample_weight=people["weight"])
    assert 0 < abs(binned.value - exact) < 1e-4
    assert abs(binned.value - exact) <= binned.notes[0].params["bound"]


def test_gaps_are_the_difference_of_the_extreme_groups_and_name_them(counts, people):
    measures = list(performance(counts(**people)))
    for name in ("accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier"):
        for over in (("sex",), ("race",), ("sex", "race")):
            gap = find(measures, f"{name}_gap", over=over)
            groups = [m for m in measures if m.name == name and tuple(m.slice) == over]
            values = {tuple(m.slice.values()): m for m in groups}
            high, low = (values[tuple(g.values())] for g in gap.groups)
            assert gap.value == pytest.approx(high.value - low.value)
            assert gap.value == pytest.approx(max(m.value for m in groups) - min(m.value for m in groups))
            assert gap.n == (high.n, low.n)
            assert gap.interval.low <= gap.value <= gap.interval.high


def test_wilson_limits_match_statsmodels(counts, people):
    from statsmodels.stats.proportion import proportion_confint

    found = find(performance(counts(**{k: v for k, v in people.items() if k != "weight"})), "recall")
    hits = int(((people["label"] == "1") & (people["prediction"] == "1")).sum())
    low, high = proportion_confint(hits, int((people["label"] == "1").sum()), method="wilson")
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1e-12)


def test_rows_without_label_or_prediction_leave_every_denominator_and_are_counted(counts):
    label = ["1", "0", None, "1", None, "0"]
    prediction = ["1", "1", "1", None, None, "0"]
    measures = list(performance(counts(label=label, prediction=prediction, protected={"g": list("aabbab")})))
    assert (find(measures, "accuracy").value, find(measures, "accuracy").n) == (2 / 3, 3)
    assert (find(measures, "recall").value, find(measures, "recall").n) == (1.0, 1)
    assert find(measures, "missing_labels").value == pytest.approx(2 / 6)
    assert find(measures, "missing_labels").exact
    assert find(measures, "missing_predictions", {"g": "b"}).value == pytest.approx(1 / 3)


def test_an_empty_denominator_is_unmeasured_with_the_reason(counts):
    measures = list(performance(counts(label=["0", "0"], prediction=["0", "0"], score=np.array([0.1, 0.2]))))
    for name in ("precision", "recall", "f1"):
        found = find(measures, name)
        assert found.value is None
        assert found.reason.id == "empty-denominator"
    assert find(measures, "auc").reason.id == "one-class"
    assert find(measures, "accuracy").value == 1.0


def test_a_group_without_a_number_is_left_out_of_the_gap_with_a_note_and_one_group_makes_no_gap(counts):
    label, prediction = list("1100110"), list("1010110")
    three = list(performance(counts(label=label, prediction=prediction, protected={"g": list("aaaabbc")})))
    assert find(three, "recall_gap", over=("g",)).notes[0].id == "groups-left-out"
    one = list(performance(counts(label=label, prediction=prediction, protected={"g": list("aaaaaaa")})))
    assert find(one, "recall_gap", over=("g",)).reason.id == "one-group"


def test_the_missing_group_is_a_group_and_not_the_one_called_missing(counts):
    measures = list(
        performance(counts(label=list("1010"), prediction=list("1011"), protected={"g": [None, None, "missing", "x"]}))
    )
    assert find(measures, "accuracy", {"g": None}).n == 2
    assert find(measures, "accuracy", {"g": "missing"}).n == 1


def test_protected_columns_called_like_roles_do_not_confuse_the_roles(counts):
    names = {"label": list("aabb"), "prediction": list("cdcd"), "score": list("efef"), "outcome": list("ghgh")}
    mixed = list(performance(counts(label=list("1010"), prediction=list("1011"), protected=names)))
    assert find(mixed, "accuracy").value == 0.75
    assert find(mixed, "accuracy", {"label": "b", "score": "f"}).value == 0.0
    assert find(mixed, "accuracy", {"label": "b", "score": "f"}).n == 1


def test_without_prediction_or_score_the_check_says_so(counts):
    only_scores = list(performance(counts(label=list("10"), score=np.array([0.9, 0.1]))))
    assert find(only_scores, "accuracy").reason.id == "no-prediction"
    assert find(only_scores, "auc").value == 1.0
    assert find(performance(counts(label=list("10"), prediction=list("10"))), "auc").reason.id == "no-score"


def test_repeated_units_widen_the_interval_as_the_design_effect_says(counts):
    rng = np.random.default_rng(3)
    y = np.where(rng.random(60) < 0.5, "1", "0").astype(object)
    p = np.where(rng.random(60) < 0.8, y, np.where(y == "1", "0", "1")).astype(object)
    score = np.round(rng.random(60), 2)
    single = list(performance(counts(label=y, prediction=p, score=score)))
    same = {"label": np.repeat(y, 3), "prediction": np.repeat(p, 3), "score": np.repeat(score, 3)}
    clustered = list(performance(counts(**same, unit=np.repeat(np.arange(60), 3))))
    for name in ("accuracy", "recall", "f1", "auc", "brier", "log_loss", "accuracy_above_majority"):
        a, b = find(single, name), find(clustered, name)
        assert b.value == pytest.approx(a.value)
        assert (b.interval.low, b.interval.high) == pytest.approx((a.interval.low, a.interval.high), abs=1e-6), name


def test_a_weight_of_one_changes_nothing(counts, people):
    plain = {k: v for k, v in people.items() if k != "weight"}
    a = list(performance(counts(**plain)))
    b = list(performance(counts(**plain, weight=np.ones(len(plain["score"])))))
    assert [m.name for m in a] == [m.name for m in b]
    for one, other in zip(a, b, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-9)
        assert one.interval.high == pytest.approx(other.interval.high, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("01"), st.sampled_from("01"), st.sampled_from("abc")), min_size=1, max_size=40)
)
def test_order_of_rows_does_not_matter_and_doubling_them_keeps_values_and_narrows_intervals(counts, rows):
    def run(items: list[tuple[str, str, str]]) -> list[Measure]:
        label, prediction, group = (list(column) for column in zip(*items, strict=True))
        return list(performance(counts(label=label, prediction=prediction, protected={"g": group})))

    once, backwards, twice = run(rows), run(rows[::-1]), run(rows * 2)
    assert once == backwards
    for a, b in zip(once, twice, strict=True):
        assert a.name == b.name
        assert (a.value is None) == (b.value is None)
        if a.value is not None and a.name != "accuracy_above_majority":
            assert a.value == pytest.approx(b.value)
        if a.interval is not None and b.interval is not None and not a.over:
            assert b.interval.high - b.interval.low <= a.interval.high - a.interval.low + 1e-9


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("01"), st.sampled_from("01"), st.integers(1, 31)), min_size=4, max_size=40))
def test_swapping_the_polarity_keeps_accuracy_and_auc_and_makes_recall_the_true_negative_rate(counts, rows):
    swap = {"0": "1", "1": "0"}
    label, prediction, score = (list(column) for column in zip(*rows, strict=True))
    a = list(performance(counts(label=label, prediction=prediction, score=np.array(score) / 32)))
    other = {"label": [swap[v] for v in label], "prediction": [swap[v] for v in prediction]}
    b = list(performance(counts(**other, score=1 - np.array(score) / 32)))
    for name in ("accuracy", "auc", "brier", "log_loss", "accuracy_above_majority"):
        x, y = find(a, name), find(b, name)
        assert (x.value is None) == (y.value is None)
        assert x.value is None or x.value == pytest.approx(y.value, abs=1e-7)
    negatives = [p for y, p in zip(label, prediction, strict=True) if y == "0"]
    tnr = find(b, "recall").value
    assert tnr == pytest.approx(negatives.count("0") / len(negatives)) if negatives else tnr is None


def test_the_lift_over_the_majority_is_paired(counts):
    label = ["1"] * 60 + ["0"] * 40
    prediction = ["1"] * 55 + ["0"] * 5 + ["0"] * 30 + ["1"] * 10
    found = find(performance(counts(label=label, prediction=prediction)), "accuracy_above_majority")
    assert found.value == pytest.approx(0.85 - 0.60)
    b, c, n, z = 30, 5, 100, 1.959963984540054
    half = z * np.sqrt(b + c + 1 - (b - c) ** 2 / (n + 2)) / (n + 2)
    assert found.interval.low == pytest.approx((b - c) / (n + 2) - half)
    assert found.interval.high == pytest.approx((b - c) / (n + 2) + half)


def test_f1_interval_covers_at_its_level_even_near_one_and_with_few_rows(counts):
    rng = np.random.default_rng(11)
    from assay.quality.confusion import f1, outcomes

    for cells in ((0.20, 0.05, 0.08, 0.67), (0.05, 0.02, 0.02, 0.91), (0.45, 0.005, 0.005, 0.54)):
        truth = 2 * cells[0] / (2 * cells[0] + cells[1] + cells[2])
        covered = total = 0
        for table in rng.multinomial(120, cells, size=700):
            kinds = (("1", "1"), ("1", "0"), ("0", "1"), ("0", "0"))
            label, prediction = zip(*[k for k, n in zip(kinds, table, strict=True) for _ in range(n)], strict=True)
            found = f1(outcomes(counts(label=label, prediction=prediction), "1"), level=0.95)
            if found.value is not None:
                covered += found.interval.low <= truth <= found.interval.high
                total += 1
        assert 0.92 <= covered / total <= 0.99, (cells, covered / total)

"""Rates, gaps and ratios by group against published cells, Fairlearn and literal definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fl

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.coding import Dim, Favourable, Values
from assay.data.counts import Counts
from assay.fairness.checks.data.label_bias import label_bias
from assay.fairness.checks.error_rates import error_rates
from assay.fairness.checks.selection_rates import selection_rates

Find = Callable[..., Measure]
Make = Callable[..., Counts]

# ProPublica's two-year file: high risk = decile score >= 5 against two_year_recid, (TN, FP, FN, TP) of high risk.
COMPAS = {"African-American": (990, 805, 532, 1369), "Caucasian": (1139, 349, 461, 505)}


@pytest.fixture(scope="module")
def compas() -> Counts:
    """Positive is "will reoffend", as ProPublica counts."""
    dims = [
        Dim("protected", "race", Values(), ()),
        Dim("label", "label", Favourable("1"), ()),
        Dim("prediction", "prediction", Favourable("1"), ()),
    ]
    cells, n = [], []
    for race, (tn, fp, fn, tp) in COMPAS.items():
        cells += [(race, "0", "0"), (race, "0", "1"), (race, "1", "0"), (race, "1", "1")]
        n += [tn, fp, fn, tp]
    return Counts.from_cells(dims, cells, {"n": n})


def test_propublica_error_rates(compas: Counts, find: Find) -> None:
    measures = list(error_rates(compas))
    published = {
        ("fpr", "African-American"): 0.4485,
        ("fnr", "African-American"): 0.2799,
        ("fdr", "African-American"): 1 - 0.6297,
        ("fpr", "Caucasian"): 0.2345,
        ("fnr", "Caucasian"): 0.4772,
        ("fdr", "Caucasian"): 1 - 0.5913,
    }
    for (rate, race), value in published.items():
        assert find(measures, rate, {"race": race}).value == pytest.approx(value, abs=5e-5)
    gap = find(measures, "fpr_gap", over="race")
    assert gap.value == pytest.approx(805 / 1795 - 349 / 1488)
    assert gap.groups == ({"race": "African-American"}, {"race": "Caucasian"})
    assert gap.n == (1795, 1488)
    assert gap.interval is not None
    assert gap.interval.low > 0.10


def frame(seed: int, n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n, p=[0.3, 0.7]),
            "race": rng.choice(["a", "b", "ß"], n),
            "label": rng.choice(["0", "1"], n),
            "prediction": rng.choice(["0", "1"], n, p=[0.4, 0.6]),
        }
    )


FAIRLEARN: dict[str, Any] = {
    "selection_rate": fl.selection_rate,
    "tpr": fl.true_positive_rate,
    "fpr": fl.false_positive_rate,
    "fnr": fl.false_negative_rate,
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("over", [["sex"], ["race"], ["sex", "race"]])
def test_agrees_with_fairlearn(seed: int, over: list[str], make_counts: Make, find: Find) -> None:
    data = frame(seed)
    counts = make_counts(data.to_dict("list"))
    measures = [*error_rates(counts), *selection_rates(counts.marginal("protected", "prediction"))]
    theirs = fl.MetricFrame(
        metrics=FAIRLEARN,
        y_true=data["label"].astype(int),
        y_pred=data["prediction"].astype(int),
        sensitive_features=data[over],
    )
    for name in FAIRLEARN:
        assert find(measures, name).value == pytest.approx(theirs.overall[name])
        for key, value in theirs.by_group[name].items():
            group = dict(zip(over, key if isinstance(key, tuple) else (key,), strict=True))
            assert find(measures, name, group).value == pytest.approx(value)
        spaced = " ".join(over)
        assert find(measures, f"{name}_gap", over=spaced).value == pytest.approx(theirs.difference()[name])
        assert find(measures, f"{name}_ratio", over=spaced).value == pytest.approx(theirs.ratio()[name])


def test_difference_to_reference_and_to_the_rest(make_counts: Make, find: Find) -> None:
    data = frame(5)
    counts = make_counts(data.to_dict("list"))
    rate = data.assign(hit=data.prediction.eq("1")).groupby("race").hit.mean()
    to_rest = find(list(selection_rates(counts)), "selection_rate_difference", {"race": "ß"}, "race")
    others = data[data.race != "ß"]
    assert to_rest.value == pytest.approx(rate["ß"] - others.prediction.eq("1").mean())
    assert to_rest.n == (int((data.race == "ß").sum()), len(others))
    to_a = list(selection_rates(counts, reference={"race": "a"}))
    assert find(to_a, "selection_rate_difference", {"race": "ß"}, "race").value == pytest.approx(rate["ß"] - rate["a"])
    assert not [m for m in to_a if m.name == "selection_rate_difference" and dict(m.slice) == {"race": "a"}]
    both = list(selection_rates(counts, reference={"race": "a", "sex": "m"}))
    crossed = find(both, "selection_rate_difference", {"sex": "f", "race": "ß"}, "sex race")
    assert crossed.groups[1] == {"sex": "m", "race": "a"}


def test_reference_must_exist(make_counts: Make) -> None:
    counts = make_counts(frame(0).to_dict("list"))
    with pytest.raises(AssayError, match=r"Unknown reference group of race 'z'.*Known: a, b, ß"):
        list(error_rates(counts, reference={"race": "z"}))
    with pytest.raises(AssayError, match=r"Unknown protected attribute in reference 'gender'"):
        list(error_rates(counts, reference={"gender": "f"}))
    with pytest.raises(AssayError, match="crosses no attributes"):
        list(error_rates(counts, depth=0))


def test_missing_values(make_counts: Make, find: Find) -> None:
    columns = {
        "sex": ["f", "f", None, None, "missing", "f"],
        "label": ["1", "1", "1", "1", "1", None],
        "prediction": ["1", "0", "1", "1", "0", "1"],
    }
    measures = list(error_rates(make_counts(columns)))
    assert find(measures, "tpr", {"sex": None}).value == 1
    assert find(measures, "tpr", {"sex": "missing"}).value == 0
    gap = find(measures, "tpr_gap", over="sex")
    assert gap.groups == ({"sex": None}, {"sex": "missing"})
    overall = find(measures, "tpr")
    assert overall.n == 5
    assert [note.text() for note in overall.notes] == ["1 rows without label or prediction are in no denominator"]


def test_empty_denominators_and_one_group(make_counts: Make, find: Find) -> None:
    columns = {"sex": ["f", "f", "m", "m"], "label": ["1", "1", "0", "0"], "prediction": ["1", "0", "1", "0"]}
    measures = list(error_rates(make_counts(columns)))
    male = find(measures, "tpr", {"sex": "m"})
    assert (male.value, male.n) == (None, 0)
    assert male.reason is not None
    assert male.reason.id == "empty-denominator"
    for name in ("tpr_gap", "tpr_ratio", "tpr_spread"):
        gap = find(measures, name, over="sex")
        assert gap.value is None
        assert gap.reason is not None
        assert gap.reason.text() == "only one group has rows: sex = f"
    three = {"sex": ["f", "m", "x"], "label": ["1", "1", "0"], "prediction": ["1", "0", "1"]}
    gap = find(list(error_rates(make_counts(three))), "tpr_gap", over="sex")
    assert gap.value == 1
    assert any(note.text() == "without a denominator and not compared: sex = x" for note in gap.notes)


def test_no_rows_at_all(make_counts: Make, find: Find) -> None:
    counts = make_counts({"sex": [], "prediction": []})
    overall = find(list(selection_rates(counts)), "selection_rate")
    assert (overall.value, overall.n) == (None, 0)


def test_every_rate_zero(make_counts: Make, find: Find) -> None:
    measures = list(selection_rates(make_counts({"sex": ["f"] * 9 + ["m"] * 9, "prediction": ["0"] * 18})))
    ratio = find(measures, "selection_rate_ratio", over="sex")
    assert ratio.value is None
    assert ratio.reason is not None
    assert ratio.reason.id == "zero-rate"
    assert find(measures, "selection_rate_gap", over="sex").value == 0
    assert not [m for m in measures if m.name == "impact_ratio"]


def test_label_bias_is_the_chi_square_test(compas: Counts, find: Find) -> None:
    from scipy.stats import chi2_contingency

    gap = find(list(label_bias(compas.marginal("protected", "label"))), "base_rate_gap", over="race")
    table = [[990 + 805, 532 + 1369], [1139 + 349, 461 + 505]]
    assert gap.value == pytest.approx(1901 / 3696 - 966 / 2454)
    assert gap.p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue)


def test_weights_give_weighted_rates_and_wider_intervals(make_counts: Make, find: Find) -> None:
    rng = np.random.default_rng(3)
    data = frame(3).drop(columns="label")
    weight = rng.choice([0.5, 1.0, 4.0], len(data))
    weighted = list(selection_rates(make_counts(data.to_dict("list"), weight=weight)))
    plain = list(selection_rates(make_counts(data.to_dict("list"))))
    for group in ("a", "b", "ß"):
        inside = (data.race == group).to_numpy()
        hit = data.prediction.eq("1").to_numpy()[inside]
        mine = find(weighted, "selection_rate", {"race": group})
        assert mine.value == pytest.approx(np.average(hit, weights=weight[inside]))
        assert mine.n == inside.sum()
        other = find(plain, "selection_rate", {"race": group})
        assert mine.interval is not None
        assert other.interval is not None
        assert mine.interval.high - mine.interval.low > other.interval.high - other.interval.low
    rest = find(weighted, "selection_rate_difference", {"race": "a"}, "race")
    inside, hit = (data.race == "a").to_numpy(), data.prediction.eq("1").to_numpy()
    mean = [np.average(hit[where], weights=weight[where]) for where in (inside, ~inside)]
    assert rest.value == pytest.approx(mean[0] - mean[1])
    assert rest.method.endswith("two-proportion z, pooled")


def test_many_groups_are_not_tested_singly(make_counts: Make, find: Find) -> None:
    rng = np.random.default_rng(0)
    group = [f"g{i:02}" for i in range(40) for _ in range(20)]
    measures = list(selection_rates(make_counts({"g": group, "prediction": rng.choice(["0", "1"], 800)})))
    assert sum(m.name == "selection_rate" for m in measures) == 41
    assert not [m for m in measures if m.name == "selection_rate_difference"]
    assert any(note.id == "not-tested-singly" for note in find(measures, "selection_rate_gap", over="g").notes)

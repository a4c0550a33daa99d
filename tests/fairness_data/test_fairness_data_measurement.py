"""Labels among people who are alike, and features that are missing or mean something else in one group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.proportion import confint_proportions_2indep

from assay.core.measure import Measure
from assay.core.subject import by, each
from assay.data.case import Case
from assay.fairness.checks.data.label_conditional import label_conditional
from assay.fairness.checks.data.measurement import measurement
from assay.stats.families import holm


def people(rng: np.random.Generator, n: int, *, shift: float = 0.0, missing: float = 0.1) -> pd.DataFrame:
    """Four grades; the label depends on the grade, and for group f also on `shift`."""
    sex, grade = rng.choice(["f", "m"], n, p=[0.4, 0.6]), rng.integers(0, 4, n)
    grade = np.where((sex == "f") & (rng.random(n) < 0.5), np.minimum(grade, 1), grade)
    y = rng.random(n) < 0.2 + 0.15 * grade + np.where(sex == "f", shift, 0.0)
    seen = rng.random(n) >= np.where(sex == "f", missing, 0.1)
    return pd.DataFrame(
        {"sex": sex, "grade": grade, "income": np.where(seen, rng.integers(1, 5, n), np.nan), "y": y.astype(int)}
    )


def measured(frame: pd.DataFrame, **roles: object) -> list[Measure]:
    case = Case.from_frame(frame, **{"label": "y", "protected": "sex", "features": ["grade", "income"], **roles})
    return list(measurement(case.count([each("feature", "protected", "label?")])[0]))


def one(measures: list[Measure], name: str, **slice_: str) -> Measure:
    (found,) = [m for m in measures if m.name == name and dict(m.slice) == slice_]
    return found


def literal_difference(frame: pd.DataFrame) -> tuple[float, float]:
    """The pooled difference over grades of f minus m, and the p-value of statsmodels' Mantel-Haenszel test."""
    tables, top, bottom = [], 0.0, 0.0
    for _, part in frame.groupby("grade"):
        f, m = part[part.sex == "f"].y, part[part.sex == "m"].y
        weight = len(f) * len(m) / len(part)
        top, bottom = top + weight * (f.mean() - m.mean()), bottom + weight
        tables.append([[f.sum(), len(f) - f.sum()], [m.sum(), len(m) - m.sum()]])
    return top / bottom, float(StratifiedTable(np.array(tables).transpose(1, 2, 0)).test_null_odds().pvalue)


def test_labels_at_the_same_feature_are_the_mantel_haenszel_difference() -> None:
    frame = people(np.random.default_rng(1), 2000, shift=-0.1)
    found = one(measured(frame), "label_difference_at_feature", feature="grade", sex="f")
    value, p_value = literal_difference(frame)
    assert found.value == pytest.approx(value)
    assert found.p_value == pytest.approx(p_value)
    assert found.interval.low < -0.1 < found.interval.high < 0


def test_a_control_takes_away_what_it_explains() -> None:
    frame = people(np.random.default_rng(2), 4000)
    case = Case.from_frame(frame, label="y", protected="sex", controls="grade", features=["income"])
    (counts,) = case.count([by("protected", "control", "label")])[0]
    measures = list(label_conditional(counts))
    found = one(measures, "conditional_base_rate_difference", sex="f")
    value, p_value = literal_difference(frame)
    assert (found.value, found.p_value) == (pytest.approx(value), pytest.approx(p_value))
    raw = frame[frame.sex == "f"].y.mean() - frame[frame.sex == "m"].y.mean()
    assert raw < -0.05
    assert found.interval.low < 0 < found.interval.high


def test_missing_values_by_group_are_counted_as_they_are() -> None:
    frame = people(np.random.default_rng(3), 2000, missing=0.25)
    measures = measured(frame)
    gone = frame.income.isna()
    f, m = frame.sex == "f", frame.sex == "m"
    share = one(measures, "missing_share", feature="income", sex="f")
    assert (share.value, share.n) == (pytest.approx(gone[f].mean()), int(f.sum()))
    difference = one(measures, "missing_share_difference", feature="income", sex="f")
    low, high = confint_proportions_2indep(gone[f].sum(), f.sum(), gone[m].sum(), m.sum(), method="newcomb")
    assert (difference.interval.low, difference.interval.high) == (pytest.approx(low), pytest.approx(high))
    assert one(measures, "missing_share_gap", feature="income").value == pytest.approx(abs(difference.value))
    assert not [m for m in measures if m.name.startswith("missing") and m.slice["feature"] == "grade"]
    assert not [note for m in measures for note in m.notes if note.id == "rows-left-out"]


def test_without_a_binary_label_only_missing_values_are_compared() -> None:
    frame = people(np.random.default_rng(4), 300)
    assert {m.name for m in measured(frame, label=None)} == {
        "missing_share",
        "missing_share_difference",
        "missing_share_gap",
    }
    amounts = measured(frame.assign(y=np.arange(300) / 7), task="regression")
    assert {m.name for m in amounts} == {m.name for m in measured(frame, label=None)}


def test_a_feature_that_is_turned_round_in_one_group_tells_less_there() -> None:
    rng = np.random.default_rng(6)
    frame = people(rng, 3000)
    turned = (frame.sex == "f") & (rng.random(3000) < 0.5)
    frame["grade"] = np.where(turned, 3 - frame.grade, frame.grade) / 2
    frame.loc[:200, "grade"] = np.nan
    found = one(measured(frame), "label_auc_difference", feature="grade", sex="f")
    known = frame.dropna(subset="grade")
    f, m = (known[known.sex == sex] for sex in "fm")
    wanted = roc_auc_score(f.y, f.grade) - roc_auc_score(m.y, m.grade)
    assert (found.value, found.n) == (pytest.approx(wanted), (len(f), len(m)))
    assert found.interval.high < -0.03
    assert found.p_value < 1e-3
    words = frame.assign(grade=frame.grade.map({0: "none", 0.5: "low", 1: "some", 1.5: "high"}))
    assert not [m for m in measured(words) if m.name == "label_auc_difference" and m.slice["feature"] == "grade"]
    few = one(
        measured(frame[frame.sex.eq("m") | (frame.index < 230)]),
        "label_auc_difference",
        feature="grade",
        sex="f",
    )
    assert few.reason.id == "too-few-rows"


def test_equal_validity_is_seldom_accused() -> None:
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(200):
        sex, grade = rng.choice(["f", "m"], 300, p=[0.3, 0.7]), rng.integers(0, 9, 300)
        y = (rng.random(300) < 0.1 + 0.08 * grade).astype(int)
        frame = pd.DataFrame({"sex": sex, "grade": grade, "y": y})
        found = one(measured(frame, features=["grade"]), "label_auc_difference", feature="grade", sex="f")
        covered.append(found.interval.low <= 0 <= found.interval.high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_a_fair_measurement_is_seldom_accused() -> None:
    rng = np.random.default_rng(5)
    accused, covered = [], []
    for _ in range(120):
        frame = people(rng, 400).assign(income=lambda f: f.grade * 2)
        measures = [m for m in measured(frame) if m.name == "label_difference_at_feature"]
        accused.append(min(holm([m.p_value for m in measures])) < 0.05)
        covered.append(measures[0].interval.low <= 0 <= measures[0].interval.high)
    assert np.mean(accused) <= 0.09
    assert 0.90 <= np.mean(covered) <= 0.99

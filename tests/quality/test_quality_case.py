"""The checks asked of a Case, as an audit asks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from assay.core.measure import Measure
from assay.data.case import Case
from assay.quality.checks.calibration import calibration
from assay.quality.checks.data import data
from assay.quality.checks.duplicates import duplicates
from assay.quality.checks.performance import performance


def ask(case: Case, check: Any, **params: Any) -> list[Measure]:
    (tables,) = case.count([check.counts])
    return list(check(tables if check.counts.each else tables[0], **params))


def find(measures: list[Measure], name: str, slice: dict[str, str | None] | None = None) -> Measure:
    (found,) = [m for m in measures if m.name == name and m.slice == (slice or {}) and not m.over]
    return found


def frame(people: dict[str, Any]) -> pd.DataFrame:
    columns = {"y": people["label"] == "1", "p": people["prediction"] == "1", "score": people["score"]}
    return pd.DataFrame(columns | people["protected"] | {"w": people["weight"]})


@pytest.mark.parametrize("weights", ["sampling", "frequency"])
def test_a_weighted_case_has_the_numbers_of_scikit_learn(people, weights):
    df = frame(people)
    roles = {"label": "y", "prediction": "p", "score": "score", "protected": ["sex", "race"]}
    case = Case.from_frame(df, **roles, weight="w", weights=weights)
    measures = [*ask(case, performance), *ask(case, calibration)]
    w = df["w"].round(6)
    assert find(measures, "accuracy").value == pytest.approx(
        metrics.accuracy_score(df.y, df.p, sample_weight=w), abs=1e-6
    )
    assert find(measures, "f1").value == pytest.approx(metrics.f1_score(df.y, df.p, sample_weight=w), abs=1e-6)
    assert find(measures, "auc").value == pytest.approx(
        metrics.roc_auc_score(df.y, df.score, sample_weight=w), abs=1e-4
    )
    loss = metrics.log_loss(df.y, df.score, sample_weight=w)
    assert find(measures, "log_loss").value == pytest.approx(loss, abs=1e-6)
    rows = df.sex == "Female"
    brier = metrics.brier_score_loss(df.y[rows], df.score[rows], sample_weight=w[rows])
    assert find(measures, "brier", {"sex": "Female"}).value == pytest.approx(brier, abs=1e-6)
    mean_error = np.average(df.score - df.y, weights=w)
    assert find(measures, "calibration_in_the_large").value == pytest.approx(mean_error, abs=1e-6)


def test_rows_without_an_outcome_are_left_out_and_counted(people):
    df = frame(people).astype({"y": object, "p": object})
    df.loc[:99, "y"] = None
    df.loc[50:199, "p"] = None
    df.loc[300:309, "score"] = None
    case = Case.from_frame(df, label="y", prediction="p", score="score", protected=["sex"], favourable=True)
    measures = ask(case, performance)
    known = df.dropna(subset=["y", "p"])
    scored = df.dropna(subset=["y", "score"])
    assert find(measures, "accuracy").n == len(known)
    assert find(measures, "accuracy").value == pytest.approx((known.y == known.p).mean())
    assert find(measures, "missing_labels").value == 100 / 4000
    assert find(measures, "missing_predictions").value == 150 / 4000
    assert find(measures, "missing_scores").value == 10 / 4000
    assert find(measures, "brier").n == len(scored)
    expected = ((scored.score.astype(float) - scored.y.astype(float)) ** 2).mean()
    assert find(measures, "brier").value == pytest.approx(expected, abs=1e-7)


def test_repeated_people_widen_the_intervals(people):
    df = frame(people).head(400)
    twice = pd.concat([df, df]).assign(person=[*range(400), *range(400)])
    roles = {"label": "y", "prediction": "p", "score": "score", "protected": ["sex"], "features": ["race"]}
    once = [*ask(Case.from_frame(df, **roles), performance), *ask(Case.from_frame(df, **roles), calibration)]
    case = Case.from_frame(twice, **roles, unit="person")
    for a, b in zip(once, [*ask(case, performance), *ask(case, calibration)], strict=True):
        assert (a.name, a.slice) == (b.name, b.slice)
        assert a.value == pytest.approx(b.value, abs=1e-9)
        if a.name != "accuracy_above_majority" and a.interval is not None:
            assert (b.interval.low, b.interval.high) == pytest.approx((a.interval.low, a.interval.high), abs=1e-6)


def test_several_classes(people):
    rng = np.random.default_rng(0)
    label = rng.choice(["rouge", "vert", "bleu"], 600)
    prediction = np.where(rng.random(600) < 0.8, label, rng.choice(["rouge", "vert", "bleu"], 600))
    df = pd.DataFrame({"y": label, "p": prediction, "g": rng.choice(["a", "b"], 600), "x": rng.normal(size=600)})
    case = Case.from_frame(df, label="y", prediction="p", protected=["g"])
    measures = ask(case, performance)
    assert find(measures, "macro_f1").value == pytest.approx(metrics.f1_score(label, prediction, average="macro"))
    recall = metrics.recall_score(label, prediction, average=None, labels=["bleu"])[0]
    assert find(measures, "recall_of", {"label": "bleu"}).value == pytest.approx(recall)
    assert find(ask(case, data), "label_association", {"feature": "x"}).interval.high < 0.4


@pytest.mark.parametrize("scale", [1.0, 3e5])
def test_numbers(scale):
    rng = np.random.default_rng(1)
    y = scale * (2 + rng.normal(0, 1, 800))
    df = pd.DataFrame({"y": y, "p": y + scale * rng.normal(0.1, 0.5, 800), "g": rng.choice(["a", "b"], 800)})
    df["leak"], df["noise"] = 3 * df.y + 1, rng.normal(size=800)
    df.loc[:9, "y"] = None
    case = Case.from_frame(df, label="y", prediction="p", protected=["g"], task="regression")
    known = df.dropna()
    measures = ask(case, performance)
    assert find(measures, "r_squared").value == pytest.approx(metrics.r2_score(known.y, known.p))
    assert find(measures, "mae").value == pytest.approx(metrics.mean_absolute_error(known.y, known.p))
    b = known[known.g == "b"]
    assert find(measures, "rmse", {"g": "b"}).value == pytest.approx(metrics.root_mean_squared_error(b.y, b.p))
    assert find(measures, "r_squared").interval.low < find(measures, "r_squared").value
    columns = ask(case, data)
    assert find(columns, "label_association", {"feature": "leak"}).interval.low > 0.98
    assert find(columns, "label_association", {"feature": "noise"}).interval.high < 0.4
    only_labels = Case.from_frame(df, label="y", protected=["g"], task="regression")
    assert find(ask(only_labels, performance), "r_squared").reason.id == "no-prediction"


def test_a_leaking_column_is_found_and_a_constant_one(people):
    df = frame(people).drop(columns=["p", "score"]).assign(constant=7, empty=None)
    df["closed"] = np.where(df.y, "yes", None)
    df["balance"] = np.where(df.y, 0.0, 1.0) + np.arange(4000) / 1e5
    case = Case.from_frame(df, label="y", protected=["sex"])
    measures = ask(case, data)
    assert find(measures, "label_association", {"feature": "closed"}).interval.low > 0.98
    assert find(measures, "label_auc", {"feature": "balance"}).interval.low > 0.98
    assert find(measures, "distinct_values", {"feature": "constant"}).value == 1.0
    assert find(measures, "distinct_values", {"feature": "empty"}).value == 0.0
    assert find(measures, "missing_share", {"feature": "empty"}).value == 1.0


def test_duplicates_of_a_case():
    df = pd.DataFrame(
        {
            "id": range(6),
            "a": [1.0, 1.0, None, None, 2.0, 1.0],
            "g": list("xxyyzx"),
            "y": [1, 1, 0, 1, 0, 1],
            "part": ["train", "test", "train", "test", "test", "train"],
        }
    )
    case = Case.from_frame(df, label="y", protected=["g"], features=["a"], identifiers=["id"], split="part")
    assert {m.name: m.value for m in duplicates(case)} == {
        "duplicate_share": 2 / 6,
        "conflicting_share": 2 / 6,
        "split_overlap": 1 / 3,
    }

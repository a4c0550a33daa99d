"""Predictive parity, false omission, accuracy, equalized odds and treatment equality against other definitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fl
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_score

from assay.core.check import Check
from assay.core.measure import Measure
from assay.data.coding import Dim, Values
from assay.data.counts import Counts
from assay.fairness.checks.accuracy import accuracy
from assay.fairness.checks.equalized_odds import equalized_odds
from assay.fairness.checks.false_omission import false_omission
from assay.fairness.checks.predictive_parity import predictive_parity
from assay.fairness.checks.treatment_equality import treatment_equality

Find = Callable[..., Measure]
Make = Callable[..., Counts]


def frame(seed: int, n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.4
    prediction = np.where(rng.random(n) < 0.75, label, ~label)
    return pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "race": rng.choice(["a", "b", "c"], n),
            "label": label.astype(int).astype(str),
            "prediction": prediction.astype(int).astype(str),
        }
    )


def npv(y: pd.Series, p: pd.Series) -> float:
    return float(precision_score(1 - y, 1 - p))


def omission(y: pd.Series, p: pd.Series) -> float:
    return 1 - npv(y, p)


def miss_share(y: pd.Series, p: pd.Series) -> float:
    return float(((y == 1) & (p == 0)).sum() / (y != p).sum())


DEFINITIONS = [
    (predictive_parity, "ppv", precision_score),
    (predictive_parity, "npv", npv),
    (false_omission, "false_omission_rate", omission),
    (accuracy, "accuracy", accuracy_score),
    (accuracy, "balanced_accuracy", balanced_accuracy_score),
    (treatment_equality, "miss_share", miss_share),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("check", "name", "definition"), DEFINITIONS, ids=[d[1] for d in DEFINITIONS])
@pytest.mark.parametrize("over", [["race"], ["sex", "race"]], ids=["race", "crossed"])
def test_agrees_with_the_definition(
    seed: int,
    check: Check[Counts, ...],
    name: str,
    definition: Callable[..., float],
    over: list[str],
    make_counts: Make,
    find: Find,
) -> None:
    data = frame(seed)
    measures = list(check(make_counts(data.to_dict("list"))))
    theirs = fl.MetricFrame(
        metrics=definition,
        y_true=data["label"].astype(int),
        y_pred=data["prediction"].astype(int),
        sensitive_features=data[over],
    )
    assert find(measures, name).value == pytest.approx(theirs.overall)
    for key, value in theirs.by_group.items():
        group = dict(zip(over, key if isinstance(key, tuple) else (key,), strict=True))
        assert find(measures, name, group).value == pytest.approx(value)
    gap = find(measures, f"{name}_gap", over=" ".join(over))
    assert gap.value == pytest.approx(theirs.difference())
    assert gap.interval is not None
    assert gap.interval.low <= theirs.difference() <= gap.interval.high


@pytest.mark.parametrize("seed", range(4))
def test_equalized_odds_are_fairlearns(seed: int, make_counts: Make, find: Find) -> None:
    data = frame(seed)
    measures = list(equalized_odds(make_counts(data.to_dict("list"))))
    arguments = {
        "y_true": data["label"].astype(int),
        "y_pred": data["prediction"].astype(int),
        "sensitive_features": data[["sex", "race"]],
    }
    expected = {
        "equalized_odds_difference": fl.equalized_odds_difference(**arguments),
        "equalized_odds_ratio": fl.equalized_odds_ratio(**arguments),
        "average_odds_difference": fl.equalized_odds_difference(**arguments, agg="mean"),
    }
    for name, value in expected.items():
        m = find(measures, name, over="sex race")
        assert m.value == pytest.approx(value)
        assert m.interval is not None
        assert m.interval.low <= value <= m.interval.high


def test_equalized_odds_need_both_rates(make_counts: Make, find: Find) -> None:
    columns = {"sex": ["f", "f", "m"], "label": ["1", "0", "1"], "prediction": ["1", "0", "1"]}
    m = find(list(equalized_odds(make_counts(columns))), "equalized_odds_difference", over="sex")
    assert m.value is None
    assert m.reason is not None
    assert m.reason.id == "one-group"


def test_balanced_accuracy_needs_both_classes(make_counts: Make, find: Find) -> None:
    columns = {"sex": ["f", "f", "m", "m"], "label": ["1", "0", "1", "1"], "prediction": ["1", "0", "1", "0"]}
    measures = list(accuracy(make_counts(columns)))
    assert find(measures, "balanced_accuracy", {"sex": "f"}).value == 1
    male = find(measures, "balanced_accuracy", {"sex": "m"})
    assert male.reason is not None
    assert male.reason.id == "empty-denominator"
    gap = find(measures, "balanced_accuracy_gap", over="sex")
    assert gap.reason is not None
    assert gap.reason.id == "one-group"
    assert [note.text() for note in gap.notes] == ["without a denominator and not compared: sex = m"]


def test_accuracy_of_several_classes(find: Find) -> None:
    rows = [("f", "a", "a"), ("f", "b", "a"), ("m", "c", "c"), ("m", "c", None)]
    roles = {"sex": "protected", "label": "label", "prediction": "prediction"}
    dims = [Dim(role, name, Values(), ()) for name, role in roles.items()]
    measures = list(accuracy(Counts.from_cells(dims, rows, {"n": [5, 3, 4, 2]})))
    assert find(measures, "accuracy", {"sex": "f"}).value == 5 / 8
    assert find(measures, "accuracy", {"sex": "m"}).n == 4
    (note,) = find(measures, "accuracy").notes
    assert note.text() == "2 rows without label and prediction are in no denominator"
    assert not [m for m in measures if m.name.startswith("balanced")]


def test_weights_reach_combined_outcomes(make_counts: Make, find: Find) -> None:
    data, rng = frame(1), np.random.default_rng(1)
    weight = rng.choice([1.0, 3.0], len(data))
    measures = list(accuracy(make_counts(data.to_dict("list"), weight=weight)))
    expected = accuracy_score(data.label, data.prediction, sample_weight=weight)
    assert find(measures, "accuracy").value == pytest.approx(expected)


def test_error_balance_is_the_odds_of_the_share(make_counts: Make, find: Find) -> None:
    columns = {
        "sex": ["f"] * 6 + ["m"] * 3,
        "label": ["1", "1", "1", "1", "0", "0", "1", "1", "1"],
        "prediction": ["0", "0", "0", "1", "1", "0", "0", "0", "1"],
    }
    measures = list(treatment_equality(make_counts(columns)))
    assert find(measures, "error_balance", {"sex": "f"}).value == pytest.approx(3)
    male = find(measures, "error_balance", {"sex": "m"})
    assert male.reason is not None
    assert male.reason.id == "no-false-positive"
    right = {"sex": ["f"], "label": ["1"], "prediction": ["1"]}
    none = find(list(treatment_equality(make_counts(right))), "error_balance", {"sex": "f"})
    assert none.reason is not None
    assert none.reason.id == "empty-denominator"


def test_chouldechova_identity_on_compas_cells(make_counts: Make, find: Find) -> None:
    """FPR = p/(1-p) * (1-PPV)/PPV * (1-FNR) holds in each group (Chouldechova 2017, eq. 2.6)."""
    from assay.fairness.checks.data.label_bias import label_bias
    from assay.fairness.checks.error_rates import error_rates

    columns: dict[str, list[str]] = {"race": [], "label": [], "prediction": []}
    for race, (tn, fp, fn, tp) in {"a": (990, 805, 532, 1369), "c": (1139, 349, 461, 505)}.items():
        columns["race"] += [race] * (tn + fp + fn + tp)
        columns["label"] += ["0"] * (tn + fp) + ["1"] * (fn + tp)
        columns["prediction"] += ["0"] * tn + ["1"] * fp + ["0"] * fn + ["1"] * tp
    counts = make_counts(columns)
    measures = [*error_rates(counts), *predictive_parity(counts), *label_bias(counts)]
    for race in ("a", "c"):
        fpr, fnr, ppv, p = (find(measures, name, {"race": race}).value for name in ("fpr", "fnr", "ppv", "base_rate"))
        assert fpr == pytest.approx(p / (1 - p) * (1 - ppv) / ppv * (1 - fnr))

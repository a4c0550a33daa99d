"""One-vs-rest rates of classes by group: scikit-learn, Fairlearn, properties, coverage at equality."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import balanced_accuracy_score

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.case import Case
from assay.engine.run import measures_of
from assay.fairness.checks.multiclass_rates import multiclass_rates


def rows(n: int = 900, *, hit: dict[str, float] | None = None, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    g, y = rng.choice(["a", "b", "c"], n), rng.choice(["x", "y", "z"], n, p=[0.5, 0.3, 0.2])
    right = rng.random(n) < np.array([(hit or {}).get(name, 0.6) for name in g])
    return {"g": g.tolist(), "label": y.tolist(), "p": np.where(right, y, rng.choice(["x", "y", "z"], n)).tolist()}


def measured(columns: dict[str, Any], params: dict[str, Any] | None = None, **roles: Any) -> list[Measure]:
    given = {"label": "label", "prediction": "p", "protected": ["g"], "task": "multiclass"} | roles
    case = Case.from_frame(pa.table(columns), **given)
    return list(measures_of(multiclass_rates, case, **({"depth": 1} | (params or {}))))


def one(measures: list[Measure], name: str, **slice: str) -> Measure:
    (found,) = [m for m in measures if m.name == name and dict(m.slice) == slice]
    return found


def test_rates_and_gaps_are_those_of_fairlearn_on_each_class_against_the_rest():
    columns = rows()
    measures = measured(columns)
    metrics = {"selection_rate": selection_rate, "tpr": true_positive_rate, "fpr": false_positive_rate}
    label, prediction, group = (np.array(columns[name]) for name in ("label", "p", "g"))
    widest = dict.fromkeys(metrics, 0.0)
    for name in "xyz":
        frame = MetricFrame(
            metrics=metrics,
            y_true=(label == name).astype(int),
            y_pred=(prediction == name).astype(int),
            sensitive_features=group,
        )
        for rate in metrics:
            assert one(measures, rate, **{"class": name}).value == pytest.approx(frame.overall[rate])
            for g in "abc":
                assert one(measures, rate, **{"class": name, "g": g}).value == pytest.approx(frame.by_group[rate][g])
            assert one(measures, f"{rate}_gap", **{"class": name}).value == pytest.approx(frame.difference()[rate])
            widest[rate] = max(widest[rate], frame.difference()[rate])
    for rate, value in widest.items():
        assert one(measures, f"worst_class_{rate}_gap").value == pytest.approx(value)


def test_macro_is_balanced_accuracy_and_the_worst_class_is_the_lowest():
    columns = rows()
    measures = measured(columns)
    label, prediction, group = (np.array(columns[name]) for name in ("label", "p", "g"))
    for g in "abc":
        own = group == g
        expected = balanced_accuracy_score(label[own], prediction[own])
        assert one(measures, "macro_tpr", g=g).value == pytest.approx(expected)
        worst = min(np.mean(prediction[own & (label == name)] == name) for name in "xyz")
        assert one(measures, "worst_class_tpr", g=g).value == pytest.approx(worst)
        false = [np.mean(prediction[own & (label != name)] == name) for name in "xyz"]
        assert one(measures, "macro_fpr", g=g).value == pytest.approx(np.mean(false))


def test_standard_error_of_the_macro_rates_is_that_of_the_bootstrap():
    columns = rows(3000)
    measures = measured(columns)
    label, prediction = (np.array(columns[name]) for name in ("label", "p"))
    rng, draws = np.random.default_rng(5), {"macro_tpr": [], "macro_fpr": []}
    for _ in range(300):
        pick = rng.integers(0, 3000, 3000)
        y, p = label[pick], prediction[pick]
        draws["macro_tpr"].append(np.mean([np.mean(p[y == name] == name) for name in "xyz"]))
        draws["macro_fpr"].append(np.mean([np.mean(p[y != name] == name) for name in "xyz"]))
    for name, values in draws.items():
        interval = one(measures, name).interval
        assert (interval.high - interval.low) / 3.92 == pytest.approx(np.std(values), rel=0.12)


def test_without_labels_selection_rates_alone_and_an_empty_class_has_no_macro_rate():
    columns = rows(60)
    alone = measured({name: columns[name] for name in ("g", "p")}, label=None)
    assert one(alone, "selection_rate", **{"class": "x", "g": "a"}).value is not None
    assert one(alone, "macro_tpr").reason.id == "no-label"
    assert not [m for m in alone if m.name == "tpr"]
    bare = {"g": ["a", "a", "a", "b", "b"], "label": ["x", "y", "x", "x", "x"], "p": ["x", "y", "y", "x", "y"]}
    measures = measured(bare)
    assert one(measures, "macro_tpr", g="a").value == pytest.approx(0.75)
    assert one(measures, "macro_tpr", g="b").reason.id == "empty-denominator"


def test_an_attribute_called_class_keeps_its_name_and_the_largest_classes_are_shown():
    columns = rows(300)
    renamed = {"class": columns["g"], "label": columns["label"], "p": columns["p"]}
    measures = measured(renamed, {"classes": 2}, protected=["class"])
    found = {m.slice["predicted class"] for m in measures if m.name == "tpr"}
    assert found == {"x", "y"}
    assert one(measures, "macro_tpr", **{"class": "a"}).value is not None
    with pytest.raises(AssayError, match="none to compare"):
        measured(columns, {"classes": 1})


def test_duplicated_rows_leave_the_values_and_order_does_nothing():
    columns = rows(200)
    order = np.random.default_rng(1).permutation(200)
    assert measured({name: np.asarray(v)[order].tolist() for name, v in columns.items()}) == measured(columns)
    twice = measured({name: v * 2 for name, v in columns.items()})
    for a, b in zip(measured(columns), twice, strict=True):
        if not a.name.endswith(("_spread", "_shrunken")):
            assert b.value == pytest.approx(a.value)


@pytest.mark.parametrize("lift", [0.0, 0.2])
def test_gaps_over_classes_cover_the_truth(lift: float):
    names = ("macro_tpr_gap", "worst_class_tpr_gap", "worst_class_fpr_gap", "worst_class_selection_rate_gap")
    covered, runs = dict.fromkeys(names, 0), 80
    # Predictions are right, or a class at random: tpr = hit + (1 - hit) / 3 and fpr = (1 - hit) / 3 in every class.
    truth = dict(zip(names, (lift * 2 / 3, lift * 2 / 3, lift / 3, None), strict=True))
    for seed in range(runs):
        measures = measured(rows(600, hit={"a": 0.6 + lift}, seed=seed))
        for name in names:
            true = truth[name]
            if true is None:
                # Selected x: 0.5 hit + (1 - hit) / 3.
                true = lift * (0.5 - 1 / 3)
            interval = one(measures, name).interval
            covered[name] += interval.low <= true <= interval.high
    assert min(covered.values()) / runs >= 0.92

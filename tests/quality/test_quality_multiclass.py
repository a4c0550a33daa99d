"""Answers among several classes, against scikit-learn, and the coverage of their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from assay.core.measure import Measure
from assay.quality import multiclass
from assay.quality.checks.performance import performance

CLASSES = np.array(["ant", "bee", "cat", "dog"], dtype=object)


def rows(seed: int = 5, n: int = 900) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    label = rng.choice(CLASSES, n, p=[0.5, 0.3, 0.15, 0.05])
    prediction = np.where(rng.random(n) < 0.7, label, rng.choice(CLASSES, n)).astype(object)
    group = rng.choice(np.array(["x", "y", "z"], dtype=object), n)
    return {"label": label, "prediction": prediction, "protected": {"g": group}, "binary": False}


def find(measures: list[Measure], name: str, slice: dict[str, str | None] | None = None) -> Measure:
    (found,) = [m for m in measures if m.name == name and m.slice == (slice or {}) and not m.over]
    return found


@pytest.mark.parametrize("weighted", [False, True])
def test_class_rates_and_their_averages_are_those_of_scikit_learn(counts, weighted):
    given = rows()
    weight = np.random.default_rng(1).integers(1, 9, 900) / 4 if weighted else None
    measures = list(performance(counts(**given, weight=weight)))
    for slice_ in ({}, {"g": "y"}):
        keep = np.ones(900, dtype=bool) if not slice_ else given["protected"]["g"] == "y"
        y, p = given["label"][keep], given["prediction"][keep]
        w = None if weight is None else weight[keep]
        for name, of in (
            ("macro_precision", metrics.precision_score),
            ("macro_recall", metrics.recall_score),
            ("macro_f1", metrics.f1_score),
        ):
            assert find(measures, name, slice_).value == pytest.approx(of(y, p, average="macro", sample_weight=w))
        assert find(measures, "accuracy", slice_).value == pytest.approx(metrics.accuracy_score(y, p, sample_weight=w))
        worst = metrics.recall_score(y, p, average=None, sample_weight=w).min()
        assert find(measures, "worst_class_recall", slice_).value == pytest.approx(worst)
    w = weight
    for name, of in (
        ("precision_of", metrics.precision_score),
        ("recall_of", metrics.recall_score),
        ("f1_of", metrics.f1_score),
    ):
        values = of(given["label"], given["prediction"], average=None, labels=list(CLASSES), sample_weight=w)
        for label, value in zip(CLASSES, values, strict=True):
            assert find(measures, name, {"label": label}).value == pytest.approx(value)


def test_macro_f1_standard_error_is_that_of_the_row_bootstrap(counts):
    given = rows(n=1500)
    found = multiclass.macro_f1(counts(**given).marginal("label", "prediction"), level=0.95)
    table = metrics.confusion_matrix(given["label"], given["prediction"], labels=list(CLASSES))
    rng = np.random.default_rng(0)
    draws = rng.multinomial(1500, table.ravel() / 1500, size=4000).reshape(-1, 4, 4)
    hits = np.einsum("bii->bi", draws)
    bootstrap = (2 * hits / (draws.sum(axis=1) + draws.sum(axis=2))).mean(axis=1).std()
    assert found.standard_error == pytest.approx(bootstrap, rel=0.06)


def test_averages_cover_at_their_level(counts):
    rng = np.random.default_rng(2)
    cells = np.array([[0.30, 0.04, 0.02], [0.05, 0.25, 0.03], [0.02, 0.03, 0.26]])
    recall = np.diag(cells) / cells.sum(axis=1)
    f1 = 2 * np.diag(cells) / (cells.sum(axis=0) + cells.sum(axis=1))
    truth = {"macro_recall": recall.mean(), "macro_f1": f1.mean(), "worst_class_recall": recall.min()}
    hits = dict.fromkeys(truth, 0)
    names = [(a, b) for a in "abc" for b in "abc"]
    for table in rng.multinomial(200, cells.ravel(), size=500):
        label, prediction = zip(*[k for k, n in zip(names, table, strict=True) for _ in range(n)], strict=True)
        made = counts(label=label, prediction=prediction, binary=False)
        for quantity in multiclass.quantities(level=0.95):
            if quantity.name in truth:
                interval = quantity.of(made).interval
                hits[quantity.name] += interval.low <= truth[quantity.name] <= interval.high
    assert all(0.925 <= hit / 500 <= 0.995 for hit in hits.values()), hits


def test_a_perfect_answer_keeps_an_interval_with_a_width(counts):
    made = list(performance(counts(label=list("abcabc"), prediction=list("abcabc"), binary=False)))
    for name in ("accuracy", "macro_f1", "macro_recall", "worst_class_recall"):
        assert find(made, name).value == 1.0
        assert find(made, name).interval.low < 0.8


def test_a_class_that_is_never_predicted_has_no_precision_and_is_said_to_be_left_out(counts):
    made = list(performance(counts(label=list("aabbc"), prediction=list("aabba"), binary=False)))
    assert find(made, "precision_of", {"label": "c"}).reason.id == "empty-denominator"
    assert find(made, "recall_of", {"label": "c"}).value == 0.0
    assert find(made, "macro_precision").notes[0].id == "classes-left-out"
    assert find(made, "worst_class_recall").notes[0].params == {"label": "c"}


def test_missing_labels_and_predictions_are_in_no_denominator(counts):
    made = list(performance(counts(label=["a", None, "b", "b"], prediction=["a", "a", None, "b"], binary=False)))
    assert find(made, "accuracy").n == 2
    assert find(made, "macro_f1").value == 1.0
    assert find(made, "recall_of", {"label": "b"}).n == 1
    assert find(made, "missing_labels").value == 0.25


def test_a_group_that_has_only_missing_labels_is_unmeasured(counts):
    given = {"label": ["a", "b", None, None], "prediction": list("abab"), "protected": {"g": list("xxyy")}}
    made = list(performance(counts(**given, binary=False)))
    for name in ("accuracy", "macro_precision", "macro_recall", "macro_f1", "worst_class_recall"):
        assert find(made, name, {"g": "y"}).reason.id == "empty-denominator"

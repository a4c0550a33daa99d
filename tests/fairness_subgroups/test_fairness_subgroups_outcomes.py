"""What is worse for one row: against scikit-learn's means of the same rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from assay.core.errors import AssayError
from assay.fairness.subgroups.outcomes import Columns, outcome

RNG = np.random.default_rng(0)
LABEL = RNG.random(400) < 0.4
PREDICTION = np.where(RNG.random(400) < 0.2, ~LABEL, LABEL)
SCORE = np.clip(RNG.normal(0.5 + 0.2 * LABEL, 0.2), 0.01, 0.99)


def column(values, type_=None):
    return pa.chunked_array([pa.array(values, type_)])


def binary(**how):
    return Columns(
        label=column(np.where(LABEL, "good", "bad")),
        prediction=column(np.where(PREDICTION, "good", "bad")),
        score=column(SCORE),
        favourable="good",
        **how,
    )


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("error", 1 - metrics.accuracy_score(LABEL, PREDICTION)),
        ("fpr", PREDICTION[~LABEL].mean()),
        ("fnr", 1 - metrics.recall_score(LABEL, PREDICTION)),
        ("selection_rate", 1 - PREDICTION.mean()),
        ("log_loss", metrics.log_loss(LABEL, SCORE)),
        ("squared_error", metrics.brier_score_loss(LABEL, SCORE)),
    ],
)
def test_binary_outcomes_are_scikit_learns(what, expected):
    made = outcome(binary(), what, task="binary")
    assert np.nanmean(made.values) == pytest.approx(expected)
    assert made.complement == (what == "selection_rate")
    assert made.known.sum() == {"fpr": (~LABEL).sum(), "fnr": LABEL.sum()}.get(what, 400)


def test_rows_without_an_answer_are_in_no_denominator():
    columns = Columns(
        label=column(["1", "1", None, "0", "0"]),
        prediction=column(["1", None, "1", "0", "1"]),
        score=column([0.9, None, 0.5, float("nan"), 0.2]),
        favourable="1",
    )

    def values(what):
        return outcome(columns, what, task="binary").values

    nan = np.nan
    np.testing.assert_equal(values("error"), [0, nan, nan, 0, 1])
    np.testing.assert_equal(values("fpr"), [nan, nan, nan, 0, 1])
    np.testing.assert_equal(values("fnr"), [0, nan, nan, nan, nan])
    np.testing.assert_equal(values("selection_rate"), [0, nan, 0, 1, 0])
    np.testing.assert_allclose(values("squared_error"), [0.01, nan, nan, nan, 0.04])


def test_a_score_that_is_certain_and_wrong_has_a_finite_loss():
    columns = Columns(label=column([1, 1, 0]), score=column([0.0, 1.0, 1.0]), favourable="1")
    losses = outcome(columns, "log_loss", task="binary").values
    np.testing.assert_allclose(losses, [-np.log(1e-15), 0, -np.log(1e-15)], atol=1e-12)


def test_a_score_with_a_threshold_predicts():
    columns = Columns(
        label=column([1, 0, 1]), score=column([0.5, 0.4, None]), favourable="1", threshold=0.5
    )  # fmt: skip
    np.testing.assert_equal(outcome(columns, "error", task="binary").values, [0, 0, np.nan])


def test_true_is_read_for_one_as_a_case_does():
    columns = Columns(label=column([1, 0, 1]), prediction=column([True, True, False]), favourable="1")
    assert outcome(columns, "error", task="binary").values.tolist() == [0, 1, 1]
    swapped = Columns(label=column([1, 0, 1]), prediction=column([True, True, False]), favourable="0")
    assert outcome(swapped, "fpr", task="binary").values.tolist()[2] == 1


def test_classes_and_the_class_of_the_largest_score():
    given = Columns(label=column(["a", "b", None, "c"]), prediction=column(["a", "c", "a", "c"]))
    np.testing.assert_equal(outcome(given, "error", task="multiclass").values, [0, 1, np.nan, 0])
    scores = {"b": column([0.2, 0.4, 0.3]), "a": column([0.5, 0.4, None]), "c": column([0.3, 0.2, 0.3])}
    by_score = Columns(label=column(["a", "b", "a"]), scores=scores)
    np.testing.assert_equal(outcome(by_score, "error", task="multiclass").values, [0, 1, np.nan])


def test_regression_errors():
    columns = Columns(label=column([1.0, 2.0, None]), prediction=column([3.0, 1.0, 1.0]))
    np.testing.assert_equal(outcome(columns, "absolute_error", task="regression").values, [2, 1, np.nan])
    np.testing.assert_equal(outcome(columns, "squared_error", task="regression").values, [4, 1, np.nan])


def test_what_cannot_be_made_is_refused():
    with pytest.raises(AssayError, match="Known: error, fnr, fpr"):
        outcome(binary(), "accuracy", task="binary")
    with pytest.raises(AssayError, match="There is no score"):
        outcome(Columns(label=column([1, 0]), favourable="1"), "log_loss", task="binary")
    with pytest.raises(AssayError, match="task"):
        outcome(Columns(), "error", task="none")

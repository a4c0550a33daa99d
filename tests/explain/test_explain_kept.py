"""What is kept between questions: bounded, about the same objects only, and never believed of a changed model."""

from __future__ import annotations

import gc
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import assay
from assay import explain
from assay.explain import question as asking
from assay.explain.kept import Kept
from assay.explain.question import question
from assay.explain.recourse.counterfactual import Recourse


def test_the_longest_unused_goes_and_other_objects_are_other_results() -> None:
    kept, made = Kept(most=2), []
    first, second = [1], [1]

    def make() -> int:
        made.append(len(made))
        return len(made)

    assert kept.get("a", (first,), make) == kept.get("a", (first,), make) == 1
    assert kept.get("a", (second,), make) == 2, "equal is not the same"
    assert kept.get("a", (second,), make, anew=True) == 3
    kept.get("b", (), make)
    kept.get("a", (second,), make)
    kept.get("c", (), make)
    assert len(kept) == 2
    assert kept.get("a", (second,), make) == 3
    assert kept.get("b", (), make) == 6


class Turning:
    """A model whose user trains it on: the sign of what it looks at can be turned."""

    def __init__(self) -> None:
        self.sign = 1.0

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        margin = self.sign * (frame["a"].to_numpy() + 0.5 * frame["b"].to_numpy())
        chance = 1 / (1 + np.exp(-margin))
        return np.column_stack([1 - chance, chance])


def case_of(model: Turning) -> assay.Case:
    rng = np.random.default_rng(2)
    data = pd.DataFrame(rng.normal(size=(300, 2)).round(2), columns=["a", "b"])
    data["job"] = rng.choice(["cook", "clerk"], 300)
    data["y"] = np.where(data["a"] > 0, "yes", "no")
    wrapped = assay.wrap_model(model, classes=["no", "yes"], features=["a", "b", "job"])
    return assay.Case.from_frame(data, label="y", favourable="yes", model=wrapped, features=["a", "b", "job"])


def told(found: Recourse) -> str:
    return json.dumps(found.to_json())


def test_the_second_request_says_what_the_first_said_and_asks_less() -> None:
    case, fresh = case_of(Turning()), case_of(Turning())
    explain.counterfactuals(case, [1, 2])
    again = explain.counterfactuals(case, [3, 4])
    assert told(again) == told(explain.counterfactuals(fresh, [3, 4]))
    assert question(case, [1]).background is question(case, [2]).background
    assert question(case, [1], seed=1).background is not question(case, [1]).background


def test_a_model_that_was_trained_on_is_asked_about_everything_again() -> None:
    model = Turning()
    case = case_of(model)
    explain.counterfactuals(case, [3, 4])
    model.sign = -1.0
    turned = explain.counterfactuals(case, [3, 4])
    other = Turning()
    other.sign = -1.0
    assert told(turned) == told(explain.counterfactuals(case_of(other), [3, 4]))
    assert all(one.valid for ways in turned.ways for one in ways.found)


def test_a_value_that_the_background_lacks_has_columns_of_its_own() -> None:
    case = case_of(Turning())
    known = question(case, [1])
    wider = question(case, pd.DataFrame({"a": [9.0], "b": [9.0], "job": ["nurse"]}))
    assert wider.columns.columns[2].levels == ("clerk", "cook", "nurse")
    assert wider.kept is not known.kept
    found = explain.counterfactuals(case, pd.DataFrame({"a": [9.0], "b": [9.0], "job": ["nurse"]}))
    assert found.ways[0].found[0].valid


def test_nothing_is_kept_of_a_case_that_is_gone() -> None:
    case = case_of(Turning())
    question(case, [1])
    assert case in asking._BACKGROUNDS
    before = len(asking._BACKGROUNDS)
    del case
    gc.collect()
    assert len(asking._BACKGROUNDS) < before


class Counting(StandardScaler):
    """Counts how often it is asked."""

    asked = 0

    def transform(self, X: Any, copy: Any = None) -> Any:
        Counting.asked += 1
        return super().transform(X)


def test_a_pipeline_prepares_a_batch_once_for_its_labels_and_its_scores() -> None:
    data = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    fitted = make_pipeline(Counting(), LogisticRegression()).fit(data, data["a"] > 0)
    model = assay.wrap_model(fitted)
    table = pa.Table.from_pandas(data, preserve_index=False)
    Counting.asked = 0
    labels, scores = model.predict(table), model.scores(table)
    assert Counting.asked == 1
    np.testing.assert_array_equal(scores, fitted.predict_proba(data))
    np.testing.assert_array_equal(labels == "true", fitted.predict(data))

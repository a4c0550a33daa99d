"""XGBoost models whose leaves hold a number for each class are read, predict, and are explained by their answers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost

import assay
from assay.core.errors import AssayError
from assay.explain.question import question
from assay.explain.shapley.explain import explain
from assay.models import wrap
from assay.models.load import open_bytes


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    made = np.random.default_rng(0).normal(size=(300, 4))
    found = pd.DataFrame(made, columns=["a", "b", "c", "d"])
    return found.assign(y=np.digitize(found["a"] + found["b"], [-0.5, 0.5]))


@pytest.fixture(scope="module")
def booster(frame: pd.DataFrame) -> xgboost.Booster:
    model = xgboost.XGBClassifier(
        n_estimators=3, max_depth=2, multi_strategy="multi_output_tree", tree_method="hist", n_jobs=1
    )
    return model.fit(frame[["a", "b", "c", "d"]], frame["y"]).get_booster()


def test_they_answer_but_show_no_plain_trees(frame: pd.DataFrame, booster: xgboost.Booster) -> None:
    data = bytes(booster.save_raw("json"))
    model = open_bytes(data, name="m.json", isolate=False)
    rows = frame[["a", "b", "c", "d"]]
    whole = booster.predict(xgboost.DMatrix(rows))
    expected = whole / whole.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.scores(pa.Table.from_pandas(rows)), expected, atol=1e-6)
    assert model.ensemble() is None
    assert model.linear() is None
    assert "one number for each class in every leaf" in model.opaque().text()


def test_they_are_explained_by_their_answers(frame: pd.DataFrame, booster: xgboost.Booster) -> None:
    case = assay.Case.from_frame(
        frame, label="y", features=["a", "b", "c", "d"], model=wrap(booster), favourable=2, task="multiclass"
    )
    asked = question(case, [0, 1], background=10)
    found = explain(asked)
    assert found.method == "exact-shap"
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.outputs, atol=1e-6)
    with pytest.raises(AssayError, match="not known as a sum of trees"):
        explain(asked, method="tree-shap")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tree_param.size_leaf_vector", "2"),
        ("tree_param.size_leaf_vector", "-3"),
        ("leaf_weights", [0.5]),
        ("right_children.3", 99),
        ("right_children.3", -1),
        ("right_children.0", 0),
        ("parents.0", 1),
        ("base_weights", [0.5]),
    ],
)
def test_forged_ones_are_refused(booster: xgboost.Booster, key: str, value: Any) -> None:
    document = json.loads(bytes(booster.save_raw("json")))
    place = document["learner"]["gradient_booster"]["model"]["trees"][0]
    *steps, last = [int(step) if step.isdigit() else step for step in key.split(".")]
    for step in steps:
        place = place[step]
    place[last] = value
    with pytest.raises(AssayError) as caught:
        open_bytes(json.dumps(document).encode(), name="m.json", isolate=False)
    assert caught.value.code == "model-structure"

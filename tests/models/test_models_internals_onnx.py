"""ONNX files of one tree ensemble show the trees of the original; every other graph says that it is not read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from model_tables import table_of
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from assay.models import wrap
from assay.models.adapter import Adapter
from assay.models.load import open_bytes

FEW: dict[str, Any] = {"n_estimators": 4, "max_depth": 3, "random_state": 0}


def onnx_of(estimator: Any, frame: pd.DataFrame) -> bytes:
    data: bytes = to_onnx(estimator, frame.head(1).to_numpy().astype(np.float32)).SerializeToString()
    return data


@pytest.mark.parametrize("three", [False, True])
@pytest.mark.parametrize(
    "estimator",
    [RandomForestClassifier(**FEW), GradientBoostingClassifier(**FEW), DecisionTreeClassifier(max_depth=4)],
    ids=lambda e: type(e).__name__,
)
def test_the_trees_of_a_classifier(estimator: Any, three: bool, numbers: pd.DataFrame) -> None:
    single = numbers.astype(np.float32).astype(np.float64)
    noise = np.random.default_rng(1).normal(size=len(numbers)) * 0.5
    kinds = np.digitize(single["a"] + noise, [0.4, 1.0] if three else [0.7])
    estimator.fit(single.to_numpy(), kinds)
    model = open_bytes(onnx_of(estimator, single), name="m.onnx", isolate=False)
    original = wrap(estimator)
    assert isinstance(original, Adapter)
    rows = table_of(single)
    ensemble, encoded = model.ensemble(), model.encode(rows)
    assert ensemble is not None
    assert encoded is not None
    assert ensemble.scale == original.ensemble().scale  # type: ignore[union-attr]
    assert not ensemble.covered
    np.testing.assert_allclose(ensemble.margin(encoded.matrix), original.margins(rows), atol=1e-5)
    np.testing.assert_allclose(model.margins(rows), original.margins(rows), atol=1e-5)
    assert encoded.origin.tolist() == [0, 1, 2, 3]


def test_the_trees_of_a_regression_in_its_child(numbers: pd.DataFrame) -> None:
    single = numbers.astype(np.float32).astype(np.float64)
    estimator = RandomForestRegressor(**FEW).fit(single.to_numpy(), single["a"])
    model = open_bytes(onnx_of(estimator, single), name="m.onnx")
    rows = table_of(single)
    found = model.ensemble().margin(model.encode(rows).matrix)  # type: ignore[union-attr]
    np.testing.assert_allclose(found[:, 0], estimator.predict(single.to_numpy()), atol=1e-5)
    np.testing.assert_allclose(found[:, 0], model.predict(rows), atol=1e-5)


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=2))]
)
def test_other_graphs_are_not_read(estimator: Any, numbers: pd.DataFrame, labels: np.ndarray) -> None:
    model = open_bytes(onnx_of(estimator.fit(numbers.to_numpy(), labels), numbers), name="m.onnx", isolate=False)
    assert model.ensemble() is model.encode(table_of(numbers)) is None
    assert model.opaque().text() == "This ONNX graph cannot be read as plain trees or coefficients."  # type: ignore[union-attr]

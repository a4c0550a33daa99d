"""ONNX models, from skl2onnx and by hand, predict as their originals; what is unclear is asked, never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from model_tables import table_of
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.core.errors import AssayError
from assay.models.load import load, open_bytes
from assay.models.structure.onnx_graph import read_graph


@pytest.mark.parametrize("isolate", [True, False])
@pytest.mark.parametrize("zipmap", [True, False])
def test_a_classifier_of_one_matrix(
    isolate: bool, zipmap: bool, numbers: pd.DataFrame, labels: np.ndarray, tmp_path: Path
) -> None:
    x = numbers.to_numpy(dtype=np.float32)
    estimator = GradientBoostingClassifier(n_estimators=5).fit(x, labels)
    path = tmp_path / "m.onnx"
    path.write_bytes(to_onnx(estimator, x[:1], options={"zipmap": zipmap}).SerializeToString())
    model = load(path, isolate=isolate)
    assert (model.task, model.classes, model.features) == ("binary", ("bad", "good"), ())
    assert model.predict(table_of(numbers)).tolist() == estimator.predict(x).tolist()
    np.testing.assert_allclose(model.scores(table_of(numbers)), estimator.predict_proba(x), atol=1e-6)
    with pytest.raises(AssayError, match="takes 4 columns, the data have 3"):
        model.predict(table_of(numbers[["a", "b", "c"]]))


def test_integer_classes_are_read_from_the_graph(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    x = numbers.to_numpy(dtype=np.float32)
    estimator = LogisticRegression().fit(x, np.where(labels == "good", 1, 2))
    model = open_bytes(
        to_onnx(estimator, x[:1], options={"zipmap": False}).SerializeToString(), name="m.onnx", isolate=False
    )
    assert model.classes == ("1", "2")
    np.testing.assert_allclose(model.scores(table_of(numbers)), estimator.predict_proba(x), atol=1e-6)


def test_one_input_a_column(people: pd.DataFrame, labels: np.ndarray) -> None:
    frame = people[["b", "c", "colour"]].fillna({"colour": "none"})
    columns = ColumnTransformer([("n", StandardScaler(), ["b", "c"]), ("t", OneHotEncoder(), ["colour"])])
    estimator = make_pipeline(columns, LogisticRegression()).fit(frame, labels)
    kinds: list[Any] = [
        ("b", FloatTensorType([None, 1])),
        ("c", FloatTensorType([None, 1])),
        ("colour", StringTensorType([None, 1])),
    ]
    made = convert_sklearn(estimator, initial_types=kinds).SerializeToString()
    model = open_bytes(made, name="m.onnx", isolate=False)
    assert model.features == ("b", "c", "colour")
    np.testing.assert_allclose(
        model.scores(table_of(frame[["colour", "c", "b"]])), estimator.predict_proba(frame), atol=1e-6
    )
    with pytest.raises(AssayError, match="lack: 'colour'"):
        model.predict(table_of(frame[["b", "c"]]))
    with pytest.raises(AssayError, match=r"Column 'colour' is double, the model takes text"):
        model.predict(table_of(frame.assign(colour=1.0)))
    with pytest.raises(AssayError, match="Column 'colour' has 1 missing values"):
        model.predict(table_of(people[["b", "c", "colour"]]))


def test_a_regression(numbers: pd.DataFrame) -> None:
    x = numbers.to_numpy(dtype=np.float32)
    estimator = RandomForestRegressor(5).fit(x, x[:, 0] * 2)
    model = open_bytes(to_onnx(estimator, x[:1]).SerializeToString(), name="m.onnx", isolate=False)
    assert model.task == "regression"
    np.testing.assert_allclose(model.predict(table_of(numbers)), estimator.predict(x), rtol=1e-5)


def graph(weights: np.ndarray, *last: str, **metadata: str) -> bytes:
    """input (rows, 4) times weights, then the operators `last`."""
    names = ["scores", *[f"step{i}" for i in range(len(last))]]
    nodes = [helper.make_node("MatMul", ["input", "w"], ["scores"])]
    nodes += [helper.make_node(op, [names[i]], [names[i + 1]]) for i, op in enumerate(last)]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info(names[-1], TensorProto.FLOAT, [None, weights.shape[1]])],
        [numpy_helper.from_array(weights.astype(np.float32), "w")],
    )
    found = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(found, {f"assay.{key}": value for key, value in metadata.items()})
    return found.SerializeToString()


def test_a_network_of_probabilities_and_one_of_logits(numbers: pd.DataFrame) -> None:
    weights = np.random.default_rng(0).normal(size=(4, 3))
    table = table_of(numbers)
    probabilities = open_bytes(graph(weights, "Softmax"), name="m.onnx", classes=["x", "y", "z"], isolate=False)
    expected = np.exp(numbers.to_numpy() @ weights)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities.scores(table), expected, atol=1e-6)
    logits = open_bytes(graph(weights, output="logits", classes='["x", "y", "z"]'), name="m.onnx", isolate=False)
    assert logits.classes == ("x", "y", "z")
    np.testing.assert_allclose(logits.scores(table), expected, atol=1e-6)
    with pytest.raises(AssayError, match="no probabilities"):
        open_bytes(graph(weights), name="m.onnx", isolate=False).predict(table)


def test_a_single_column_is_a_number_or_the_second_class(numbers: pd.DataFrame) -> None:
    weights = np.ones((4, 1))
    table = table_of(numbers)
    number = open_bytes(graph(weights), name="m.onnx", isolate=False)
    np.testing.assert_allclose(number.predict(table), numbers.sum(axis=1), rtol=1e-5)
    score = open_bytes(graph(weights, "Sigmoid"), name="m.onnx", task="binary", classes=["n", "y"], isolate=False)
    np.testing.assert_allclose(score.scores(table)[:, 1], 1 / (1 + np.exp(-numbers.sum(axis=1))), atol=1e-6)


def test_stored_names_select_the_columns(numbers: pd.DataFrame) -> None:
    model = open_bytes(graph(np.ones((4, 1)), features='["a", "b", "c", "d"]'), name="m.onnx", isolate=False)
    np.testing.assert_allclose(
        model.predict(table_of(numbers[["d", "c", "b", "a"]].assign(more="x"))), numbers.sum(axis=1), rtol=1e-5
    )


def test_classes_named_in_another_order_show(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    x = numbers.to_numpy(dtype=np.float32)
    made = to_onnx(LogisticRegression().fit(x, labels), x[:1], options={"zipmap": False}).SerializeToString()
    with pytest.raises(AssayError, match="in the order bad, good, not good, bad"):
        open_bytes(made, name="m.onnx", classes=["good", "bad"], isolate=False)
    model = open_bytes(made, name="m.onnx", classes=["no", "yes"], isolate=False)
    with pytest.raises(AssayError, match="predicts 'bad', 'good', which is none of its classes"):
        model.predict(table_of(numbers))


def test_nan_from_a_network_is_counted(numbers: pd.DataFrame) -> None:
    model = open_bytes(graph(np.ones((4, 1)), "Log"), name="m.onnx", isolate=False)
    frame = numbers.copy()
    frame.loc[:2, "a"] = -1000.0
    with pytest.raises(AssayError, match="NaN or infinite for 3 of 300 rows"):
        model.predict(table_of(frame))


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    whole = onnx.load_from_string(graph(np.ones((4, 300))))
    path = tmp_path / "m.onnx"
    onnx.save_model(whole, path, save_as_external_data=True, size_threshold=0, location="weights")
    with pytest.raises(AssayError, match="keeps 1 of its weights in another file"):
        load(path, isolate=False)


def test_a_graph_cut_short_is_refused() -> None:
    whole = graph(np.ones((4, 3)), "Softmax")
    assert read_graph(whole).nodes == 2
    for size in (1, len(whole) // 3, len(whole) - 1):
        with pytest.raises(AssayError):
            open_bytes(whole[:size], name="m.onnx", isolate=False)
    unknown = onnx.load_from_string(whole)
    unknown.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(AssayError, match="onnxruntime cannot open"):
        open_bytes(unknown.SerializeToString(), name="m.onnx", isolate=False)

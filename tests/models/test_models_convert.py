"""Unsafe files become safe ones with the same predictions, or nothing is written."""

from __future__ import annotations

import io
import os
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import torch
import xgboost
from hostile_estimators import Estimator, Payload
from model_tables import table_of
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from assay.core.errors import AssayError, MissingExtra
from assay.models import wrap
from assay.models.adapter import Adapter
from assay.models.convert import deep
from assay.models.convert.convert import Conversion, convert, write_renamed
from assay.models.convert.export import export
from assay.models.convert.rows import known_ranges, rows_for
from assay.models.formats import ModelFile, kind_of
from assay.models.load import load


@pytest.fixture(scope="module")
def pipeline(people: pd.DataFrame, labels: np.ndarray) -> Pipeline:
    frame = people.fillna({"colour": "none"})
    columns = ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b", "c", "d"]),
            ("t", OneHotEncoder(handle_unknown="ignore"), ["colour"]),
            ("i", MinMaxScaler(), ["level", "count"]),
        ]
    )
    return Pipeline([("c", columns), ("m", LogisticRegression())]).fit(frame, labels)


def run(estimator: Any, tmp_path: Path, to: str, suffix: str, **options: Any) -> Conversion:
    source = tmp_path / "m.joblib"
    joblib.dump(estimator, source, compress=3)
    return convert(source, out=tmp_path / f"m{suffix}", to=to, allow_pickle=True, **options)


@pytest.mark.parametrize(("to", "suffix"), [("skops", ".skops"), ("onnx", ".onnx")])
def test_a_pipeline_with_text(to: str, suffix: str, pipeline: Pipeline, people: pd.DataFrame, tmp_path: Path) -> None:
    frame = people.fillna({"colour": "none"})
    done = run(pipeline, tmp_path, to, suffix, data=table_of(frame))
    assert done.written
    assert done.parity.holds
    assert (done.parity.rows, done.parity.generated) == (1000, 700)
    assert done.parity.equal_labels == 1.0
    assert done.parity.max_difference is not None
    assert done.parity.max_difference <= (0 if to == "skops" else 1e-5)
    model = load(tmp_path / f"m{suffix}", isolate=False)
    assert model.digest == done.target_digest
    assert not model.pickled
    assert model.classes == ("bad", "good")
    assert model.predict(table_of(frame)).tolist() == pipeline.predict(frame).tolist()


def test_a_forest_without_rows(numbers: pd.DataFrame, labels: np.ndarray, tmp_path: Path) -> None:
    forest = RandomForestClassifier(5, max_depth=4, random_state=0).fit(numbers, labels)
    done = run(forest, tmp_path, "onnx", ".onnx")
    assert (done.parity.rows, done.parity.generated, done.parity.equal_labels) == (1000, 1000, 1.0)
    assert load(tmp_path / "m.onnx", isolate=False).features == ("a", "b", "c", "d")


def test_a_booster_keeps_its_format_and_gains_class_names(
    people: pd.DataFrame, labels: np.ndarray, tmp_path: Path
) -> None:
    frame = people[["a", "b", "level"]].assign(level=people["level"].astype("category"))
    estimator = xgboost.XGBClassifier(n_estimators=4, n_jobs=1, enable_categorical=True).fit(frame, labels == "good")
    assert run(estimator, tmp_path, "xgboost", ".json", classes=["bad", "good"]).parity.max_difference == 0
    model = load(tmp_path / "m.json", isolate=False)
    assert model.classes == ("bad", "good")
    np.testing.assert_allclose(model.scores(table_of(frame)), estimator.predict_proba(frame), atol=1e-7)
    wrapped = wrap(estimator)
    assert isinstance(wrapped, Adapter)
    for target in ("skops", "onnx", "lightgbm"):
        with pytest.raises(AssayError, match=f"cannot be written as {target}"):
            export(wrapped, target, table_of(frame))


def test_a_pickle_is_refused_without_the_flag(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    source = tmp_path / "m.skops"
    source.write_bytes(pickle.dumps(Payload(str(witness))))
    with pytest.raises(AssayError) as caught:
        convert(source, out=tmp_path / "out.skops", to="skops")
    assert caught.value.code == "pickle"
    with pytest.raises(AssayError, match=r"may not do this: os\.system"):
        convert(source, out=tmp_path / "out.skops", to="skops", allow_pickle=True)
    assert not witness.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["m.skops"]


def test_nothing_is_written_where_predictions_differ(numbers: pd.DataFrame, tmp_path: Path) -> None:
    estimator = lightgbm.LGBMRegressor(n_estimators=4, verbose=-1, num_threads=1).fit(numbers, numbers["a"])
    done = run(estimator, tmp_path, "lightgbm", ".txt", tolerance=-1.0)  # no difference is as small as this
    assert not done.written
    assert not done.parity.holds
    assert not (tmp_path / "m.txt").exists()
    assert run(estimator, tmp_path, "lightgbm", ".txt", tolerance=-1.0, accept_difference=True).written
    assert (tmp_path / "m.txt").exists()


def test_what_no_format_holds_is_an_error(tmp_path: Path, numbers: pd.DataFrame) -> None:
    source = tmp_path / "m.pkl"
    source.write_bytes(pickle.dumps(Estimator()))
    with pytest.raises(AssayError, match=r"does not trust: hostile_estimators.Estimator"):
        convert(source, out=tmp_path / "m.skops", to="skops", allow_pickle=True, data=table_of(numbers[["a"]]))
    with pytest.raises(AssayError, match="would not be found again"):
        convert(source, out=tmp_path / "m.bin", to="onnx")
    with pytest.raises(AssayError, match="Unknown format 'pmml'"):
        convert(source, out=tmp_path / "m.bin", to="pmml")
    wrapped = wrap(Estimator())
    assert isinstance(wrapped, Adapter)
    with pytest.raises(AssayError, match="cannot be converted to onnx"):
        export(wrapped, "onnx", table_of(numbers[["a"]]))
    with pytest.raises(AssayError, match="not known for 'column 0'"):
        rows_for(None, known_ranges(wrapped), name="m")


# -- networks --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(8, 3)).eval()


def test_a_torch_module_in_memory(network: Any, numbers: pd.DataFrame) -> None:
    model = wrap(network, classes=["x", "y", "z"], output="logits")
    x = torch.from_numpy(np.array(numbers, dtype=np.float32))
    expected = torch.softmax(network(x), 1).detach().numpy()
    np.testing.assert_allclose(model.scores(table_of(numbers)), expected, atol=1e-6)
    np.testing.assert_allclose(model.scores(numbers.to_numpy()), expected, atol=1e-6)
    with pytest.raises(AssayError, match="Unknown output form"):
        wrap(network, classes=["x", "y", "z"])
    with pytest.raises(AssayError, match="needs the names of its classes"):
        wrap(network, output="logits")
    with pytest.raises(AssayError, match=r"shape \(300, 3\), expected \(300,\)"):
        wrap(network, output="values").predict(table_of(numbers))


@pytest.mark.parametrize("archive", ["script", "export"])
def test_torch_archives_become_onnx(archive: str, network: Any, numbers: pd.DataFrame, tmp_path: Path) -> None:
    example = (torch.randn(5, 4),)
    if archive == "script":
        source = tmp_path / "net.pt"
        source.write_bytes(_scripted(network))
    else:
        source = tmp_path / "net.pt2"
        rows = ({0: torch.export.Dim("rows")},)
        torch.export.save(torch.export.export(network, example, dynamic_shapes=rows), source)
    table = table_of(numbers)
    classes = ["x", "y", "z"]
    done = convert(source, out=tmp_path / "net.onnx", to="onnx", data=table, classes=classes, form="logits")
    assert done.written
    assert done.parity.rows == 1000
    model = load(tmp_path / "net.onnx", isolate=False)
    assert (model.classes, model.features) == (("x", "y", "z"), ("a", "b", "c", "d"))
    expected = torch.softmax(network(torch.from_numpy(np.array(numbers, dtype=np.float32))), 1).detach().numpy()
    np.testing.assert_allclose(model.scores(table), expected, atol=1e-5)


def _scripted(network: Any) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.trace(network, torch.randn(5, 4)), written)
    return written.getvalue()


def test_a_state_dict_has_no_program(network: Any) -> None:
    written = io.BytesIO()
    torch.save(network.state_dict(), written)
    assert kind_of("net.pt", written.getvalue()) == "torch"
    with pytest.raises(AssayError, match="weights without a program"):
        deep.open_torch(ModelFile("net.pt", "torch", written.getvalue(), "sha256:0"))


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in ("tensorflow", "torch"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AssayError, match="last layer of Keras m gives is not stored"):
        deep._form(ModelFile("Keras m", "keras", b"", "sha256:0", classes=("x", "y")))
    file = ModelFile("Keras m", "keras", b"", "sha256:0", form="values")
    with pytest.raises(MissingExtra, match=r"A Keras model needs the extra \[keras\]"):
        deep.KerasModel(file)
    with pytest.raises(MissingExtra, match=r"A torch model needs the extra \[deep\]"):
        deep.open_torch(file)
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"x")
    (folder / "variables" / "v").write_bytes(b"y")
    assert deep.pack_folder(folder) == deep.pack_folder(folder)
    (tmp_path / "m.keras").write_bytes(b"\x89HDF")
    with pytest.raises(AssayError, match="Export it as a SavedModel"):
        convert(tmp_path / "m.keras", out=tmp_path / "m.onnx", to="onnx")


# -- rows and files --------------------------------------------------------------------------------------


def test_ranges_come_from_the_parts(pipeline: Pipeline, people: pd.DataFrame) -> None:
    ranges = known_ranges(wrap(pipeline))
    assert ranges["colour"] == {"values": ["blå", "green", "none", "red"]}
    assert ranges["level"] == {"low": 1.0, "high": 7.0}
    assert ranges["a"] == {}, "an imputer knows no range"


def test_rows_are_the_same_each_time(numbers: pd.DataFrame) -> None:
    ranges = {"x": {"low": 0.0, "high": 1.0}, "y": {"values": ["a", "b"]}}
    rows, generated = rows_for(None, ranges, name="m")
    assert rows.num_rows == generated == 1000
    assert rows.equals(rows_for(None, ranges, name="m")[0])
    assert set(rows["y"].to_pylist()) == {"a", "b"}
    many = table_of(pd.concat([numbers] * 40))
    kept, generated = rows_for(many, {}, name="m")
    assert (kept.num_rows, generated) == (10_000, 0)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AssayError, match="No space left on device"):
        write_renamed(path, b"new")
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]
    monkeypatch.undo()
    write_renamed(path, b"new")
    assert path.read_bytes() == b"new"

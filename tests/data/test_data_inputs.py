"""Inputs in batches, and what a model said of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.core.errors import AssayError, MissingExtra
from assay.core.subject import by
from assay.data.case import Case
from assay.data.inputs import ArrayInputs, ImageInputs, TextInputs


@dataclass(frozen=True)
class Fixed:
    """A model that knows its columns and classes."""

    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ("0", "1")
    task: str = "binary"
    name: str = "fixed"
    digest: str = "sha256:abc"

    def predict(self, inputs: Any, /) -> Any:
        return np.zeros(len(inputs))

    def scores(self, inputs: Any, /) -> Any:
        return None


ROWS = pa.table(
    {"y": [0, 1, 1], "b": [1, 2, 3], "a": [0.5, None, 2.0], "g": ["x", "y", "x"], "text": ["one", None, "three"]}
)


def test_a_model_gets_the_columns_it_knows_in_its_order() -> None:
    case = Case.from_frame(ROWS, label="y", protected="g", features=["b"], model=Fixed(("a", "g", "b")))
    (batch,) = case.batches()
    assert batch.column_names == ["a", "g", "b"]
    assert case.roles.features == ("b",)
    assert case.has("model")
    assert case.identities()[-1] == {"source": "fixed", "kind": "model", "digest": "sha256:abc"}


def test_a_model_that_does_not_know_its_columns_gets_the_features() -> None:
    given = Case.from_frame(ROWS, label="y", protected="g", features=["g", "a"], model=Fixed())
    assert [batch.column_names for batch in given.batches(size=2)] == [["g", "a"]] * 2
    assert given.roles.features == ("a",)
    rest = Case.from_frame(ROWS, label="y", protected="g", model=Fixed())
    assert next(rest.batches()).column_names == ["b", "a", "text"]


def test_a_model_whose_inputs_the_data_lack_is_refused_at_once() -> None:
    with pytest.raises(AssayError, match=r"lack 2 of them: 'age', 'income'.*The data have: y, b, a"):
        Case.from_frame(ROWS, label="y", model=Fixed(("a", "age", "income")))


def test_texts_come_as_lists() -> None:
    case = Case.from_frame(ROWS, label="y", inputs=TextInputs("text"))
    assert list(case.batches(size=2)) == [["one", ""], ["three"]]
    with pytest.raises(AssayError, match="not text"):
        Case.from_frame(ROWS, label="y", inputs=TextInputs("b"))
    with pytest.raises(AssayError, match="Unknown column for text input"):
        Case.from_frame(ROWS, label="y", inputs=TextInputs("body"))


def test_arrays_come_row_by_row_from_memory_and_from_disk(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(tmp_path / "x.npy", array)
    for inputs in (ArrayInputs(array), ArrayInputs.of_file(tmp_path / "x.npy")):
        case = Case.from_frame(ROWS, label="y", inputs=inputs)
        assert np.array_equal(np.concatenate(list(case.batches(size=2))), array)
    with pytest.raises(AssayError, match="2 entries and the data 3 rows"):
        Case.from_frame(ROWS, label="y", inputs=ArrayInputs(array[:2]))
    with pytest.raises(AssayError, match="0 entries"):
        Case.from_frame(ROWS, label="y", inputs=ArrayInputs(np.array(1.0)))


def test_a_file_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(AssayError, match=r"no \.npy file of numbers"):
        ArrayInputs.of_file(tmp_path / "x.npy")
    with pytest.raises(AssayError, match=r"no \.npy file of numbers"):
        ArrayInputs.of_file(tmp_path / "absent.npy")


def images(tmp_path: Path, names: list[str]) -> Case:
    return Case.from_frame(
        pa.table({"y": [0, 1], "file": names}), label="y", inputs=ImageInputs("file", tmp_path / "root")
    )


def test_images_are_read_under_their_root(tmp_path: Path) -> None:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.save(tmp_path / "root" / "a.npy", pixels)
    np.save(tmp_path / "root" / "sub" / "b.npy", pixels[:, :, ::-1])
    (batch,) = images(tmp_path, ["a.npy", "sub/../sub/b.npy"]).batches()
    assert batch.shape == (2, 2, 4, 3)
    assert batch.dtype == np.uint8
    assert np.array_equal(batch[1], pixels[:, :, ::-1])


@pytest.mark.parametrize("name", ["../secret.npy", "/etc/passwd", "link.npy", "absent.npy", "", "a\x00b", "sub"])
def test_a_name_that_leads_out_of_the_root_is_refused(name: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    np.save(tmp_path / "secret.npy", np.zeros((1, 1, 3), np.uint8))
    np.save(root / "a.npy", np.zeros((1, 1, 3), np.uint8))
    (root / "link.npy").symlink_to(tmp_path / "secret.npy")
    with pytest.raises(AssayError, match="names no file under"):
        list(images(tmp_path, ["a.npy", name]).batches())


def test_what_is_no_image_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    root.mkdir()
    np.save(root / "a.npy", np.zeros((1, 1, 3), np.uint8))
    np.save(root / "b.npy", np.zeros((2, 1, 3), np.uint8))
    np.save(root / "flat.npy", np.zeros(3))
    (root / "c.png").write_bytes(b"\x89PNG")
    with pytest.raises(AssayError, match="differ in size"):
        list(images(tmp_path, ["a.npy", "b.npy"]).batches())
    with pytest.raises(AssayError, match="is no image: it has type float64"):
        list(images(tmp_path, ["a.npy", "flat.npy"]).batches())
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra, match=r"Reading the image 'c.png' needs the extra"):
        list(images(tmp_path, ["a.npy", "c.png"]).batches())
    with pytest.raises(AssayError, match="no folder"):
        Case.from_frame(ROWS, label="y", inputs=ImageInputs("text", tmp_path / "elsewhere"))


def test_outputs_become_roles() -> None:
    case = Case.from_frame(ROWS, label="y", protected="g", features=["b"], model=Fixed(("b",)))
    assert not case.has("prediction")
    made = case.with_outputs(
        prediction=np.array(["0", "1", "0"]), score=np.array([0.1, 1.0 + 1e-7, 0.5], dtype=np.float32)
    )
    assert (made.has("prediction"), made.has("score"), made.roles.threshold) == (True, True, None)
    ((counts,),) = made.count([by("label", "prediction", sums=("score",))])
    assert {(c["label"], c["prediction"]): n for c, n in counts} == {("0", "0"): 1, ("1", "1"): 1, ("1", "0"): 1}
    assert counts.total("score") == pytest.approx(1.6, abs=1e-7)
    assert made.roles.features == ("b",)
    scored = case.with_outputs(score=np.array([0.1, 0.5, 0.4]))
    assert scored.roles.threshold == 0.5
    assert scored.count([by("prediction")])[0][0].table("prediction").tolist() == [2, 1]


def test_outputs_do_not_overwrite_columns_of_their_name() -> None:
    rows = pa.table({"y": [0, 1], "prediction": ["keep", "me"], "x": [1, 2]})
    made = Case.from_frame(rows, label="y", features=["x"], model=Fixed(("x",))).with_outputs(
        prediction=np.array([0, 1])
    )
    assert made.roles.prediction == "prediction_"
    assert made.rows(("prediction",))["prediction"].to_pylist() == ["keep", "me"]


def test_outputs_for_more_classes_and_for_numbers() -> None:
    rows = pa.table({"y": ["a", "b", "c"], "x": [1, 2, 3], "t": [1.5, 2.5, 9.0]})
    model = Fixed(("x",), ("a", "b", "c", "d"), "multiclass")
    case = Case.from_frame(rows, label="y", model=model)
    made = case.with_outputs(prediction=np.array(["a", "d", "c"]), score=np.eye(3, 4))
    assert made.roles.scores == {"a": "score_a", "b": "score_b", "c": "score_c", "d": "score_d"}
    assert made.facts()["classes"] == ["a", "b", "c", "d"]
    with pytest.raises(AssayError, match=r"scores of shape \(3, 2\) and has 4 classes"):
        case.with_outputs(score=np.zeros((3, 2)))
    number = Case.from_frame(rows, label="t", features=["x"], task="regression", model=Fixed(("x",), (), "regression"))
    ((counts,),) = number.with_outputs(prediction=np.array([1.0, 2.0, 10.0])).count([by("label", sums=("error",))])
    assert counts.total("error") == pytest.approx(0.0, abs=1e-9)


def test_outputs_of_another_length_are_refused() -> None:
    case = Case.from_frame(ROWS, label="y", features=["b"], model=Fixed(("b",)))
    with pytest.raises(AssayError, match=r"gave prediction of shape \(2,\) for 3 rows"):
        case.with_outputs(prediction=np.array([0, 1]))
    with pytest.raises(AssayError, match="outside the label set: '7'"):
        case.with_outputs(prediction=np.array([0, 7, 1]))
    with pytest.raises(AssayError, match=r"must lie in \[0, 1\]"):
        case.with_outputs(score=np.array([0.5, 1.2, 0.1]))

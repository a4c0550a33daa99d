"""Pickles are found whatever they are called, and run only when that is spelled out; unknown files list the known."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
import zlib
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hostile_estimators import Nan, Payload
from hypothesis import given
from hypothesis import strategies as st
from model_tables import table_of
from sklearn.linear_model import LogisticRegression

from assay.core.errors import AssayError
from assay.models.formats import SUFFIXES, is_pickle, kind_of, known_suffixes
from assay.models.load import load, open_bytes

NAMES = ["m.skops", "m.txt", "m.json", "m.ubj", "m.onnx", "m.parquet", "m.pkl", "m.joblib", "m", "m.bin"]
WRAPPERS = {
    "plain": lambda data: data,
    "zlib": zlib.compress,
    "fast zlib": lambda data: zlib.compress(data, 1),
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "gzip twice": lambda data: gzip.compress(gzip.compress(data)),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_under_any_name(name: str, protocol: int, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Payload(str(witness)), protocol))
    with pytest.raises(AssayError) as caught:
        load(path)
    assert caught.value.code == "pickle"
    assert f"assay model convert {path} --to skops" in caught.value.hint
    assert "--allow-pickle" in caught.value.hint
    assert not witness.exists()


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("name", ["m.skops", "m.json", "m.unknown"])
def test_a_compressed_pickle_is_refused(wrapper: str, name: str) -> None:
    data = WRAPPERS[wrapper](pickle.dumps(Payload("/nowhere"), 4))
    with pytest.raises(AssayError) as caught:
        open_bytes(data, name=name)
    assert caught.value.code == "pickle"


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)])
def test_joblib_files_are_refused(compress: object, tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    joblib.dump({"w": np.zeros(100)}, path, compress=compress)
    with pytest.raises(AssayError, match="is a pickle"):
        load(path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    ),
    st.integers(0, 5),
)
def test_every_pickle_is_recognised(value: object, protocol: int) -> None:
    assert is_pickle(pickle.dumps(value, protocol))


def test_model_files_are_no_pickles(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    for data in (b"tree\nversion=v4\n", b'{"learner":{}}', b"{L\0\0\0\0\0\0\0\x07learner", b"PAR1", b"", b"a,b\n1,2\n"):
        assert not is_pickle(data)


def test_the_quoted_command_survives_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "my model; rm.pkl"
    path.write_bytes(pickle.dumps(1))
    with pytest.raises(AssayError) as caught:
        load(path)
    assert f"'{path}'" in caught.value.hint


def test_an_allowed_pickle_is_marked(numbers: pd.DataFrame, labels: np.ndarray, tmp_path: Path) -> None:
    estimator = LogisticRegression().fit(numbers, labels)
    path = tmp_path / "m.joblib"
    joblib.dump(estimator, path, compress=3)
    for isolate in (True, False):
        model = load(path, allow_pickle=True, isolate=isolate)
        assert model.pickled
        assert model.predict(table_of(numbers)).tolist() == estimator.predict(numbers).tolist()
        assert model.digest.startswith("sha256:")


def test_an_allowed_pickle_that_attacks_is_stopped(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(Payload(str(witness))))
    with pytest.raises(AssayError, match=r"cannot be unpickled: PermissionError.*os\.system"):
        load(path, allow_pickle=True)
    assert not witness.exists()


def test_broken_pickles_are_an_error_of_input() -> None:
    whole = pickle.dumps(Nan(), 4)
    for data in (whole[:-5], b"\x80\x04garbage", pickle.dumps([1, 2])):
        with pytest.raises(AssayError):
            open_bytes(data, name="m.pkl", allow_pickle=True, isolate=False)


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["m.pt", "m.pth", "m.pt2", "m.skops"])
def test_torch_archives_are_sent_to_convert(name: str) -> None:
    data = zipped(**{"archive/data.pkl": b"\x80\x02}."})
    with pytest.raises(AssayError) as caught:
        open_bytes(data, name=name)
    assert "assay model convert" in caught.value.hint or name == "m.skops"
    assert "torch" in caught.value.message


def test_keras_models_are_sent_to_convert(tmp_path: Path) -> None:
    with pytest.raises(AssayError, match="Keras") as caught:
        open_bytes(zipped(**{"model.weights.h5": b""}), name="m.keras")
    assert "assay model convert" in caught.value.hint
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(AssayError, match="Keras"):
        load(tmp_path)


def test_unknown_files_list_the_known() -> None:
    with pytest.raises(AssayError) as caught:
        open_bytes(b"hello", name="m.bin")
    assert all(suffix in caught.value.hint for suffix in known_suffixes())
    assert "'.bin'" in caught.value.message


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_nonsense_under_a_known_suffix_is_an_error(suffix: str) -> None:
    with pytest.raises(AssayError):
        open_bytes(b"nonsense that is no model", name=f"m{suffix}", isolate=False)
    with pytest.raises(AssayError):
        open_bytes(b"", name=f"m{suffix}", isolate=False)


def test_a_file_under_the_wrong_suffix_is_named_for_what_it_is() -> None:
    with pytest.raises(AssayError, match="should be a onnx file by its suffix, but holds a lightgbm file"):
        kind_of("m.onnx", b"tree\nversion=v4\n")
    assert kind_of("m", b"tree\nversion=v4\n") == "lightgbm"


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(AssayError, match="cannot be read: No such file"):
        load(tmp_path / "none.onnx")
    with pytest.raises(AssayError, match="is a folder"):
        load(tmp_path)


def test_broken_zip_archives() -> None:
    data = zipped(**{"schema.json": b"{}"})
    for broken in (data[:-10], data[: len(data) // 2], b"PK\x03\x04" + bytes(40)):
        with pytest.raises(AssayError):
            open_bytes(broken, name="m.skops", isolate=False)
    for schema in (b"{}", b"[]", b"nonsense", b'{"protocol": 3}', b'{"protocol": -1}', b"[" * 100_000):
        with pytest.raises(AssayError):
            open_bytes(zipped(**{"schema.json": schema}), name="m.skops", isolate=False)

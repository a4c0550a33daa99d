"""A model in its child process shows its inside as arrays, which are checked again on this side."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from model_tables import table_of
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.core.errors import AssayError
from assay.models import wrap
from assay.models.adapter import Adapter
from assay.models.internals import shipping
from assay.models.isolation import asked, wire
from assay.models.isolation.process import Isolated
from assay.models.load import load, open_bytes


@pytest.fixture(scope="module")
def three(people: pd.DataFrame) -> np.ndarray:
    return np.digitize(people["b"] + people["c"], [1.0, 1.8])


@pytest.fixture(scope="module")
def categories(people: pd.DataFrame) -> pd.DataFrame:
    colour = people["colour"].replace({"blå": "blue"}).astype("category")
    return people.assign(colour=colour, level=people["level"].astype("category"))


def same(isolated: Adapter, here: Adapter, frame: pd.DataFrame) -> None:
    """Whatever the child says is what the same model says in this process."""
    assert isinstance(isolated, Isolated)
    rows = table_of(frame)
    for own, other in ((isolated.ensemble(), here.ensemble()), (isolated.linear(), here.linear())):
        assert (own is None) == (other is None)
        for name, value in vars(other).items() if other is not None else ():
            if isinstance(value, np.ndarray):
                found = getattr(own, name)
                assert found.dtype == value.dtype
                np.testing.assert_array_equal(found, value)
            elif isinstance(value, str | bool):
                assert getattr(own, name) == value
    own_rows, other_rows = isolated.encode(rows), here.encode(rows)
    assert own_rows is not None
    assert other_rows is not None
    np.testing.assert_array_equal(own_rows.matrix, other_rows.matrix)
    np.testing.assert_array_equal(own_rows.origin, other_rows.origin)
    assert own_rows.names == other_rows.names
    for name in ("margins", "contributions"):
        found, expected = getattr(isolated, name)(rows), getattr(here, name)(rows)
        assert (found is None) == (expected is None)
        np.testing.assert_allclose(
            found if found is not None else 0, expected if expected is not None else 0, atol=1e-6
        )
    assert isolated.gradients(rows) is None


def test_xgboost_in_its_child(categories: pd.DataFrame, three: np.ndarray, tmp_path: Path) -> None:
    estimator = xgboost.XGBClassifier(n_estimators=4, n_jobs=1, enable_categorical=True, max_cat_to_onehot=1)
    estimator.fit(categories, three).save_model(tmp_path / "m.json")
    isolated = load(tmp_path / "m.json")
    same(isolated, load(tmp_path / "m.json", isolate=False), categories)
    rows = table_of(categories)
    found = isolated.ensemble().margin(isolated.encode(rows).matrix)  # type: ignore[union-attr]
    np.testing.assert_allclose(found, estimator.predict(categories, output_margin=True), atol=2e-5)


def test_lightgbm_in_its_child(
    categories: pd.DataFrame, three: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimator = lightgbm.LGBMClassifier(n_estimators=4, num_threads=1, verbose=-1, min_data_per_group=5, cat_smooth=1)
    estimator.fit(categories, three).booster_.save_model(str(tmp_path / "m.txt"))
    monkeypatch.setattr(asked, "_SHAP_ROWS", 90)  # the rows go in four pieces
    same(load(tmp_path / "m.txt"), load(tmp_path / "m.txt", isolate=False), categories)


@pytest.mark.parametrize(
    "last",
    [LogisticRegression(), RandomForestClassifier(5, max_depth=4, random_state=0)],
    ids=lambda e: type(e).__name__,
)
def test_skops_in_its_child(last: Any, people: pd.DataFrame, three: np.ndarray) -> None:
    first = ColumnTransformer([("kinds", OneHotEncoder(), ["colour"]), ("sizes", StandardScaler(), ["b", "c"])])
    pipeline = make_pipeline(first, last).fit(people, three)
    isolated = open_bytes(skops.io.dumps(pipeline), name="m.skops")
    here = wrap(pipeline)
    assert isinstance(here, Adapter)
    same(isolated, here, people)
    rows = table_of(people)
    form = isolated.ensemble() or isolated.linear()
    encoded, margins = isolated.encode(rows), isolated.margins(rows)
    assert form is not None
    assert encoded is not None
    np.testing.assert_allclose(form.margin(encoded.matrix), margins, atol=1e-9)  # type: ignore[arg-type]
    assert [isolated.features[i] for i in encoded.origin] == ["colour"] * 4 + ["b", "c"]
    np.testing.assert_array_equal(encoded.matrix, here.encode(rows).matrix)  # type: ignore[union-attr]


def test_why_there_is_none_comes_from_the_child(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    pipeline = make_pipeline(PCA(2), LogisticRegression()).fit(numbers, labels)
    isolated = open_bytes(skops.io.dumps(pipeline), name="m.skops")
    assert isolated.linear() is isolated.encode(table_of(numbers)) is isolated.margins(table_of(numbers)) is None
    assert isolated.opaque().text().startswith("The step pca mixes columns")  # type: ignore[union-attr]


def test_large_batches_of_encoded_rows_go_in_pieces(
    numbers: pd.DataFrame, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolated = open_bytes(skops.io.dumps(LogisticRegression().fit(numbers, labels)), name="m.skops")
    expected = isolated.encode(table_of(numbers))
    monkeypatch.setattr(asked, "_CELLS", 64)
    found = isolated.encode(table_of(numbers))
    np.testing.assert_array_equal(found.matrix, expected.matrix)  # type: ignore[union-attr]
    np.testing.assert_array_equal(found.matrix, numbers.to_numpy())  # type: ignore[union-attr]


def test_a_child_that_dies_is_one_error_and_starts_again(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    isolated = open_bytes(skops.io.dumps(LogisticRegression().fit(numbers, labels)), name="m.skops")
    assert isinstance(isolated, Isolated)
    expected = isolated.margins(table_of(numbers))
    assert isolated._child is not None
    os.kill(isolated._child.process.pid, signal.SIGKILL)
    with pytest.raises(AssayError) as caught:
        isolated.encode(table_of(numbers))
    assert caught.value.code == "model-crashed"
    np.testing.assert_array_equal(isolated.margins(table_of(numbers)), expected)


class Forger:
    """Stands between an honest child and its parent, and changes the answers to one operation."""

    def __init__(self, model: Isolated, op: str, change: Any) -> None:
        self._ask, self._op, self._change = model._ask, op, change

    def __call__(self, header: Any, payload: Any, *, rows: int, limit: int) -> Any:
        reply, data = self._ask(header, payload, rows=rows, limit=limit)
        if header["op"] != self._op:
            return reply, data
        arrays = {
            item["name"]: array for item, array in zip(reply["arrays"], wire_arrays(reply["arrays"], data), strict=True)
        }
        changed = self._change(reply.get("inside"), arrays)
        if isinstance(changed, dict):
            return {**reply, **changed}, data
        described, buffers = wire.pack_arrays(arrays)
        return {**reply, "arrays": described}, bytearray(b"".join(bytes(buffer) for buffer in buffers))


def wire_arrays(described: Any, data: bytearray) -> list[np.ndarray]:
    expected = {item["name"]: item["shape"] for item in described}
    return [array.copy() for array in wire.unpack_arrays(described, data, expected=expected).values()]


@pytest.fixture(scope="module")
def forest(numbers: pd.DataFrame, labels: np.ndarray) -> Isolated:
    estimator = RandomForestClassifier(3, max_depth=3, random_state=0).fit(numbers, labels)
    model = open_bytes(skops.io.dumps(estimator), name="m.skops")
    assert isinstance(model, Isolated)
    return model


def put(name: str, at: Any, value: Any) -> Any:
    def change(inside: Any, arrays: dict[str, np.ndarray]) -> None:
        array = arrays[name].astype(float) if value != value else arrays[name]
        array[at] = value
        arrays[name] = array

    return change


def form_is(**changed: Any) -> Any:
    return lambda inside, arrays: {"inside": {**inside, "form": {**inside["form"], **changed}}}


def inside_is(**changed: Any) -> Any:
    return lambda inside, arrays: {"inside": {**inside, **changed}}


LIES: dict[str, Any] = {
    "a cycle": put("left", 1, 0),
    "a child outside": put("right", 0, 10**6),
    "a NaN index": put("left", 0, float("nan")),
    "a NaN value": put("value", (1, 0), float("nan")),
    "a NaN origin": put("origin", 0, float("nan")),
    "an origin outside the features": put("origin", 0, 4),
    "a negative origin": put("origin", 0, -1),
    "fewer roots in a square": lambda inside, arrays: arrays.update(roots=arrays["roots"][None]),
    "an array too many": lambda inside, arrays: arrays.update(more=np.zeros(3)),
    "an array too few": lambda inside, arrays: arrays.pop("cover") is None,
    "another width": form_is(width=3),
    "a width that is no number": form_is(width="4"),
    "a strictness of another kind": form_is(strict=[]),
    "an unknown scale": form_is(scale="odds"),
    "names that are missing": inside_is(names=["a"]),
    "a reason that is not known": inside_is(reason=["models.inside.own", {}]),
    "a reason without its parts": inside_is(reason=["models.inside.kind", {"other": "x"}]),
    "a reason of another shape": inside_is(reason=7),
    "nothing": lambda inside, arrays: {"inside": None},
    "a shape that is negative": lambda inside, arrays: {"arrays": [{"name": "left", "dtype": "<i8", "shape": [-1]}]},
    "a shape beyond the message": lambda inside, arrays: {
        "arrays": [{"name": "left", "dtype": "<i8", "shape": [1 << 50]}]
    },
    "a type of its own": lambda inside, arrays: {"arrays": [{"name": "left", "dtype": "|O", "shape": [1]}]},
}


@pytest.mark.parametrize("name", LIES)
def test_a_hostile_inside_is_one_error(name: str, forest: Isolated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest, "_seen", None)
    monkeypatch.setattr(forest, "_ask", Forger(forest, "inside", LIES[name]))
    with pytest.raises(AssayError):
        forest.ensemble()


@pytest.mark.parametrize("op", ["encoded", "raw"])
@pytest.mark.parametrize("lie", ["shape", "infinite", "name"])
def test_hostile_numbers_are_one_error(
    op: str, lie: str, forest: Isolated, numbers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(inside: Any, arrays: dict[str, np.ndarray]) -> Any:
        found = arrays.pop("found")
        if lie == "infinite":
            found[0, 0] = np.inf if op == "raw" else 0
            arrays["found"] = found if op == "raw" else found[:, :1]
        else:
            arrays["found" if lie == "shape" else "lost"] = found[:-1]

    monkeypatch.setattr(forest, "_ask", Forger(forest, op, change))
    with pytest.raises(AssayError):
        (forest.encode if op == "encoded" else forest.margins)(table_of(numbers))


def test_a_hostile_template_is_never_filled_in() -> None:
    kept = shipping.restore({"reason": ["models.inside.kind", {"kind": "{x.__class__}"}]}, {})
    assert kept.reason.text() == "{x.__class__} is neither a sum of trees nor a linear model."  # type: ignore[union-attr]

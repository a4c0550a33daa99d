"""Odd data and wrong questions: a right answer, or one sentence that says what is wrong. The model reads `x` alone."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import assay
from assay import explain
from assay.core.errors import AssayError

N = 60
X = np.random.default_rng(0).normal(1, 1, N)
HOSTILE = "z\"'\n<script>alert(1)</script>`;--"


def chances(frame: pd.DataFrame) -> np.ndarray:
    chance = 1 / (1 + np.exp(1 - frame["x"].fillna(-1).astype(float).to_numpy()))
    return np.column_stack([1 - chance, chance])


def case_of(frame: dict[str, Any]) -> assay.Case:
    data = pd.DataFrame(frame)
    features = list(data.columns)
    data["y"] = np.where(np.arange(len(data)) % 2, "yes", "no")
    model = assay.wrap_model(chances, classes=["no", "yes"], features=features)
    return assay.Case.from_frame(data, label="y", model=model, favourable="yes", features=features)


METHODS: dict[str, Callable[[assay.Case, Any], Any]] = {
    "shap": lambda case, rows: explain.shap(case, rows, background=20),
    "lime": lambda case, rows: explain.lime(case, rows, samples=200),
    "counterfactuals": explain.counterfactuals,
    "anchors": lambda case, rows: explain.anchors(case, rows, check=100, most=300, beam=2, longest=2),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([N], f"There is no row {N}"),
        ([-1], "There is no row -1"),
        ([], "No row"),
        (pd.DataFrame({"x": [], "z": []}, dtype=float), "No row"),
        ([1.5], "'1.5' is no place"),
        (2.5, "'2.5' is no place"),
        ("3", "'3' is no place"),
        ([True], "'True' is no place"),
        (pd.DataFrame({"x": [1.0]}), "lack 1 of the model's columns: 'z'"),
        (pd.DataFrame({"x": ["much"], "z": [1.0]}), "do not fit the data"),
        (pd.DataFrame({"x": [np.inf], "z": [1.0]}), "'x' holds inf, too large"),
        (pd.DataFrame({"x": [1.0], "z": [-1e200]}), "'z' holds -1e[+]200, too large"),
    ],
)
def test_rows_that_cannot_be_explained(method: str, rows: Any, said: str) -> None:
    case = case_of({"x": X, "z": X[::-1]})
    with pytest.raises(AssayError, match=said) as caught:
        METHODS[method](case, rows)
    assert caught.value.hint


@pytest.mark.parametrize("method", ["shap", "lime", "counterfactuals", "anchors"])
def test_whole_numbers_that_float64_cannot_keep(method: str) -> None:
    case = case_of({"x": X, "z": np.arange(N) + 2**60})
    with pytest.raises(AssayError, match=r"'z' holds whole numbers beyond 2\^53"):
        METHODS[method](case, [1])


def test_a_background_of_no_row_and_of_one() -> None:
    case = case_of({"x": X, "z": X[::-1]})
    with pytest.raises(AssayError, match="at least one row"):
        explain.shap(case, [1], background=0)
    found = explain.shap(case, [1, 2], background=1)
    assert found.holds.all()
    alone = explain.counterfactuals(case, [1, 2], background=1)
    assert len(alone) == 2, "one row opens no range, so that there may be no way"
    local = explain.lime(case, [1, 2], background=1, samples=100)
    assert np.isfinite(local.values).all()


COLUMNS: dict[str, Any] = {
    "missing": np.full(N, np.nan),
    "null": [None] * N,
    "constant": np.ones(N),
    "constant text": ["a"] * N,
    "bool": np.arange(N) % 3 == 0,
    "bool with gaps": pd.array([True, None, False] * 20, dtype="boolean"),
    "times": pd.date_range("2020-01-01", periods=N),
    "dates": [datetime.date(2020, 1, 1 + i % 28) for i in range(N)],
    "texts": [f"a text, {i}" for i in range(N)],
    "text with gaps": [None, "a", "b"] * 20,
    "small": np.arange(N) * 1e-300,
    "bytes of one": np.arange(N).astype("uint8"),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_of_any_kind_that_the_model_ignores_counts_for_nothing(kind: str) -> None:
    case = case_of({"x": X, "z": COLUMNS[kind]})
    exact = explain.shap(case, [0, 1], background=20)
    np.testing.assert_allclose(exact.values[:, 1], 0, atol=1e-12)
    assert exact.holds.all()
    local = explain.lime(case, [0, 1], samples=4000)
    assert (np.abs(local.values[:, 1]) < 0.03).all(), "LIME is a sample: a rare value is noise, a small one"
    found = explain.counterfactuals(case, [0, 1])
    for ways in found.ways:
        assert [change.column for one in ways.found for change in one.changes] == ["x"]
    rules = METHODS["anchors"](case, [0, 1])
    assert all(set(one.columns) <= {"x", "z"} for one in rules)
    reliance = {one.name: one.importance for one in explain.importance(case, repeats=2).reliances}
    assert reliance["z"] == 0
    if kind in ("missing", "null"):
        with pytest.raises(AssayError, match="'z' is missing in every row"):
            explain.partial_dependence(case, "z")
    else:
        np.testing.assert_allclose(np.ptp(explain.partial_dependence(case, "z").mean), 0, atol=1e-12)
    json.dumps([exact.to_json(), found.to_json(), [one.to_json() for one in rules]], allow_nan=False)


def test_equal_rows_are_explained_alike() -> None:
    case = case_of({"x": np.repeat(X[:2], 30), "z": np.ones(N)})
    found = explain.counterfactuals(case, [0, 5, 0])
    shown = [[one.to_json() for one in ways.found] for ways in found.ways]
    assert shown[0] == shown[1] == shown[2] != []
    values = explain.lime(case, [0, 5, 0], samples=200).values
    np.testing.assert_array_equal(values[0], values[1])
    first, second = METHODS["anchors"](case, [0, 5])
    assert first.predicates == second.predicates


@pytest.mark.parametrize("method", METHODS)
def test_a_category_of_the_row_alone_and_of_the_background_alone(method: str) -> None:
    levels = ["rare"] + ["a", "b"] * 29 + ["a"]
    case = case_of({"x": X, "z": levels})
    alone = pd.DataFrame({"x": [0.0], "z": ["new"]})
    assert len(METHODS[method](case, alone)) == 1
    assert len(METHODS[method](case, [0])) == 1, "rare in the row"
    assert len(METHODS[method](case, [1])) == 1, "rare in the background"


def test_three_hundred_categories() -> None:
    rng = np.random.default_rng(1)
    case = case_of({"x": rng.normal(1, 1, 900), "z": [f"c{i % 300}" for i in range(900)]})
    np.testing.assert_allclose(explain.shap(case, [1, 2], background=20).values[:, 1], 0, atol=1e-12)
    assert all(ways.found for ways in explain.counterfactuals(case, [1, 2]).ways)
    assert len(METHODS["anchors"](case, [1])) == 1
    assert np.isfinite(explain.lime(case, [1], samples=300).values).all()


def test_names_of_columns_and_categories_are_only_names() -> None:
    case = case_of({"x": X, HOSTILE: np.array(["a\"'", "<b>", "b\nc"])[np.arange(N) % 3]})
    found = explain.shap(case, [0, 1], background=20)
    assert HOSTILE in found.columns.names
    assert "<script>" not in found._repr_html_()
    assert explain.partial_dependence(case, HOSTILE).shown == ("<b>", "a\"'", "b\nc")
    moved = explain.counterfactuals(case, [0], immutable=[HOSTILE])
    assert [change.column for one in moved.ways[0].found for change in one.changes] == ["x"]
    allowed = explain.counterfactuals(case, [0], categories={HOSTILE: ("<b>",)}, immutable=["x"])
    assert not allowed.ways[0].found
    blocked = allowed.ways[0].blocked
    assert blocked is not None
    assert blocked.violated == ("immutable: x",)


def test_a_missing_value_that_stands_in_the_way_is_named() -> None:
    case = case_of({"x": [np.nan, *X[1:]], "z": np.ones(N)})
    ways = explain.counterfactuals(case, [0]).ways[0]
    assert not ways.found
    assert ways.blocked is not None
    assert ways.blocked.violated == ("missing: x",)
    filled = explain.counterfactuals(case, [0], fillable=["x"]).ways[0]
    assert filled.found[0].changes[0].before is None


def test_two_rows_are_enough() -> None:
    case = case_of({"x": [-1.0, 3.0], "z": [1.0, 2.0]})
    assert explain.shap(case, [0]).holds.all()
    assert explain.counterfactuals(case, [0, 1]).ways[0].found
    with pytest.raises(AssayError, match="repeats need more than 2 rows"):
        explain.importance(case, repeats=2)

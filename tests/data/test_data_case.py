"""Case: roles, tasks and outcomes are read as a person means them, and every contradiction is one clear error."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assay.core.errors import AssayError
from assay.core.subject import Subject, by, each
from assay.data.case import Case
from assay.data.rows import digest

LEVELS = {"favourable": "good", "protected": "sex"}


def loans(**columns: Any) -> pa.Table:
    given = {
        "outcome": ["good", "bad", "good", "bad", None, "good"],
        "decision": ["good", "bad", "bad", None, "good", "good"],
        "p": [0.9, 0.2, 0.4, None, 0.5, 1.0],
        "sex": ["F", "M", None, "F", "M", "missing"],
        "w": [1.0, 2.0, 0.5, 1.0, 0.0, 3.0],
        "person": [1, 1, 2, 3, None, None],
        "income": [10.5, 20.0, None, 3.0, 7.0, 1.0],
    }
    return pa.table(given | columns)


def cells(case: Case, *roles: str) -> dict[tuple[str | None, ...], int]:
    ((counts,),) = case.count([by(*roles)])
    return {tuple(cell.values()): n for cell, n in counts}


def test_a_case_is_a_subject_with_what_was_given() -> None:
    case = Case.from_frame(loans(), label="outcome", prediction="decision", score="p", name="loans", **LEVELS)
    assert isinstance(case, Subject)
    assert (case.name, case.task, case.n) == ("loans", "binary", 6)
    assert case.roles.features == ("w", "person", "income")
    assert all(case.has(role) for role in ("rows", "label", "prediction", "score", "protected", "feature", "features"))
    assert not any(case.has(role) for role in ("model", "weight", "split", "control", "population", "unit", "nonsense"))
    facts = case.facts()
    assert facts["groups"]["sex"] == [
        {"group": "F", "n": 2}, {"group": "M", "n": 2}, {"group": "missing", "n": 1}, {"group": None, "n": 1}
    ]  # fmt: skip
    assert (facts["rows"], facts["task"], facts["favourable"]) == (6, "binary", "good")


def test_missing_values_are_groups_of_their_own_and_never_dropped() -> None:
    case = Case.from_frame(loans(), label="outcome", prediction="decision", **LEVELS)
    assert cells(case, "protected") == {("F",): 2, ("M",): 2, (None,): 1, ("missing",): 1}
    assert cells(case, "label", "prediction") == {
        ("1", "1"): 2, ("0", "0"): 1, ("1", "0"): 1, ("0", None): 1, (None, "1"): 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "favourable"),
    [
        ([0, 1, 1], "1"),
        ([0.0, 1.0, None], "1"),
        ([True, False, None], "true"),
        (["0", "1", "1"], "1"),
        (["False", "True", "True"], "True"),
        ([-1, 1, 1], "1"),
        ([decimal.Decimal("0.0"), decimal.Decimal("1.0"), None], "1"),
        ([1, 1, 1], "1"),
        ([0, 0, 0], "1"),
        ([-1, -1, -1], "1"),
    ],
)
def test_the_favourable_label_of_familiar_pairs_needs_no_words(labels: list[Any], favourable: str) -> None:
    case = Case.from_frame(pa.table({"y": labels}), label="y")
    assert (case.task, case.roles.favourable) == ("binary", favourable)


@pytest.mark.parametrize("favourable", [1, 1.0, "1", "1.0", True])
def test_numbers_are_one_label_however_they_are_written(favourable: Any) -> None:
    frame = pa.table({"y": [1, 0, 1], "h": [1.0, 0.0, 0.0], "t": ["1", "0", "1"]})
    if favourable is True:
        with pytest.raises(AssayError, match="'true'"):
            Case.from_frame(frame, label="y", favourable=favourable)
        return
    case = Case.from_frame(frame, label="y", prediction="h", favourable=favourable)
    assert cells(case, "label", "prediction") == {("1", "1"): 1, ("1", "0"): 1, ("0", "0"): 1}
    assert cells(Case.from_frame(frame, label="t", prediction="h"), "prediction") == {("1",): 1, ("0",): 2}


def test_true_and_false_are_read_for_1_and_0_and_that_is_said() -> None:
    case = Case.from_frame(pa.table({"y": [1, 0, 0], "h": [True, True, None]}), label="y", prediction="h")
    assert cells(case, "label", "prediction") == {("1", "1"): 1, ("0", "1"): 1, ("0", None): 1}
    assert "'true'" in case.facts()["notes"][0]
    back = Case.from_frame(pa.table({"y": [True, False], "h": [0, 0]}), label="y", prediction="h")
    assert cells(back, "label", "prediction") == {("1", "0"): 1, ("0", "0"): 1}


def test_a_score_alone_predicts_from_the_threshold_up() -> None:
    case = Case.from_frame(loans(), label="outcome", score="p", **LEVELS)
    assert case.has("prediction")
    assert case.roles.threshold == 0.5
    assert case.facts()["prediction_rule"] == "p ≥ 0.5"
    assert cells(case, "prediction") == {("1",): 3, ("0",): 2, (None,): 1}
    strict = Case.from_frame(loans(), label="outcome", score="p", threshold=0.9, **LEVELS)
    assert cells(strict, "prediction") == {("1",): 2, ("0",): 3, (None,): 1}
    assert Case.from_frame(loans(), score="p", protected="sex").roles.favourable == "1"


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([0, 1, 0], "binary"),
        (["a", "b", "c"], "multiclass"),
        ([1, 2, 3], "multiclass"),
        ([1.0, 2.0, 3.0], "multiclass"),
        ([0.5, 1.5, 2.25], "regression"),
        (list(range(40)), "regression"),
    ],
)
def test_the_task_is_seen_in_the_labels(labels: list[Any], task: str) -> None:
    assert Case.from_frame(pa.table({"y": labels}), label="y").task == task


def test_without_outcomes_there_is_no_task() -> None:
    case = Case.from_frame(loans(), protected=["sex"])
    assert case.task == "none"
    assert cells(case, "protected")[("F",)] == 2


def test_multiclass_predictions_come_from_the_largest_score_where_none_are_given() -> None:
    frame = pa.table({
        "y": ["a", "b", "c", None], "pa": [0.5, 0.2, 0.4, 0.1], "pb": [0.5, 0.7, 0.2, None], "pc": [0.0, 0.1, 0.4, 0.2]
    })  # fmt: skip
    case = Case.from_frame(frame, label="y", score={"a": "pa", "b": "pb", "c": "pc"})
    assert (case.task, case.has("score"), case.has("prediction")) == ("multiclass", True, True)
    assert cells(case, "label", "prediction") == {("a", "a"): 1, ("b", "b"): 1, ("c", "a"): 1, (None, None): 1}


def test_regression_counts_rows_with_both_outcomes_where_sums_need_them() -> None:
    frame = pa.table({"y": [1.5, 2.5, None, 4.0], "h": [1.0, 2.0, 3.0, None], "g": ["a", "b", "a", "b"]})
    case = Case.from_frame(frame, label="y", prediction="h", protected="g", task="regression")
    request = by("protected", "label", "prediction", "score?", sums=("y", "error", "absolute_error", "log_loss"))
    ((counts,), (groups,)) = case.count([request, by("protected")])
    assert [dim.role for dim in counts.dims] == ["protected"]
    assert (counts.n, groups.n) == (2, 4)
    assert (counts.total("y"), counts.total("error"), counts.total("absolute_error")) == (4.0, -1.0, 1.0)
    assert set(counts.sums) == {"n", "y", "error", "absolute_error"}


def test_regression_sums_are_those_of_numpy_whatever_the_scale() -> None:
    rng = np.random.default_rng(3)
    for unit in (1e-9, 1.0, 3e8):
        y, h = rng.normal(5, 2, 500) * unit, rng.normal(5, 2, 500) * unit
        case = Case.from_frame(pa.table({"y": y, "h": h}), label="y", prediction="h", task="regression")
        direct = {
            "y": y, "y_squared": y**2, "y_cubed": y**3, "y_fourth": y**4, "y_hat": h, "y_hat_squared": h**2,
            "y_y_hat": y * h,
            "error": h - y, "absolute_error": abs(h - y), "squared_error": (h - y) ** 2,
            "squared_error_squared": (h - y) ** 4, "squared_error_y": (h - y) ** 2 * y,
            "squared_error_y_squared": ((h - y) * y) ** 2,
        }  # fmt: skip
        ((counts,),) = case.count([by("label", "prediction", sums=tuple(direct))])
        for name, values in direct.items():
            assert counts.total(name) == pytest.approx(values.sum(), rel=1e-11), name


def test_weighted_sums_carry_the_weights() -> None:
    frame = pa.table({"y": [1, 0, 1], "p": [0.25, 0.5, 1.0], "w": [0.5, 3.0, 2.0]})
    ((counts,),) = Case.from_frame(frame, label="y", score="p", weight="w").count(
        [by("label", sums=("score", "squared_error"))]
    )
    assert counts.weights == "sampling"
    assert (counts.total("w"), counts.total("ww"), counts.total("score")) == (5.5, 13.25, 3.625)
    assert counts.total("squared_error") == 0.5 * 0.75**2 + 3 * 0.25


def test_very_large_weights_stay_exact() -> None:
    w = [8e9, 3.0, 0.25]
    frame = pa.table({"g": ["a", "a", "b"], "w": w})
    ((counts,),) = Case.from_frame(frame, protected="g", weight="w", weights="frequency").count([by("protected")])
    units = [int(v * 2**20) for v in w]
    assert [int(v) for v in counts.sums["w"]] == [units[0] + units[1], units[2]]
    assert [int(v) for v in counts.sums["ww"]] == [units[0] ** 2 + units[1] ** 2, units[2] ** 2]


def test_units_count_only_where_they_repeat() -> None:
    once = Case.from_frame(loans(person=[1, 2, 3, 4, 5, None]), label="outcome", unit="person", **LEVELS)
    assert once.count([by("label")])[0][0].pairs is None
    case = Case.from_frame(loans(), label="outcome", unit="person", **LEVELS)
    ((counts,),) = case.count([by("label")])
    assert counts.pairs is not None
    levels = counts.dim("label").levels
    pairs = zip(counts.pairs.i, counts.pairs.j, counts.pairs.square, strict=True)
    found = {(levels[i], levels[j]): int(s) for i, j, s in pairs}
    # person 1 has a good and a bad row; rows without a person are persons of their own
    assert found == {("0", "0"): 2, ("0", "1"): 1, ("1", "0"): 1, ("1", "1"): 3, (None, None): 1}


def test_each_gives_a_table_for_every_column() -> None:
    case = Case.from_frame(loans(), label="outcome", features=["income", "w"], **LEVELS)
    ((income, w),) = case.count([each("feature", "label?")])
    assert [dim.name for dim in income.dims] == ["label", "income"]
    assert [dim.name for dim in w.dims] == ["label", "w"]
    assert income.n == w.n == 6


def test_results_do_not_depend_on_what_else_is_counted() -> None:
    requests = (by("protected"), by("protected", "label", "score?", sums=("squared_error",)), each("feature", "label?"))
    alone = [Case.from_frame(loans(), label="outcome", score="p", **LEVELS).count([r])[0] for r in requests]
    together = Case.from_frame(loans(), label="outcome", score="p", **LEVELS).count(requests)
    assert [[t.digest for t in tables] for tables in together] == [[t.digest for t in tables] for tables in alone]


def test_columns_that_differ_in_case_are_two() -> None:
    frame = pa.table({"Age": ["x", "y", "x"], "age": [1, 2, 3], "y": [0, 1, 0]})
    case = Case.from_frame(frame, label="y", protected=["Age", "age"])
    assert cells(case, "protected") == {("x", "1"): 1, ("y", "2"): 1, ("x", "3"): 1}


def test_values_have_one_text() -> None:
    frame = pa.table({
        "decomposed": ["é", "e\u0301", "x"], "zero": [0.0, -0.0, 2.0], "day": [dt.date(2024, 1, 2)] * 3,
        "at": pa.array([dt.datetime(2024, 1, 2, 3, 4, 5, 500000, dt.UTC)] * 3, pa.timestamp("ns", "Asia/Tokyo")),
        "clock": [dt.time(1, 2)] * 3, "half": pa.array([0.5, float("nan"), None], pa.float32()), "y": [0, 1, 0],
    })  # fmt: skip
    case = Case.from_frame(frame, label="y", protected=["decomposed", "zero", "day", "at", "clock", "half"])
    ((counts,),) = case.count([by("protected")])
    levels = {dim.name: dim.levels for dim in counts.dims}
    assert levels == {
        "decomposed": ("x", "é"), "zero": ("0", "2"), "day": ("2024-01-02",), "at": ("2024-01-02T03:04:05.5Z",),
        "clock": ("01:02:00",), "half": ("0.5", None),
    }  # fmt: skip


@pytest.mark.parametrize("library", ["pandas", "polars", "lazy", "categorical"])
def test_frames_of_every_library_give_the_same_counts(library: str) -> None:
    table = loans()
    frame: Any = {
        "pandas": lambda: table.to_pandas(),
        "polars": lambda: pl.from_arrow(table),
        "lazy": lambda: pl.from_arrow(table).lazy(),  # type: ignore[union-attr]
        "categorical": lambda: table.to_pandas().astype({"sex": "category", "outcome": "category"}),
    }[library]()
    roles = {"label": "outcome", "prediction": "decision", "score": "p", "features": ["income"], **LEVELS}
    requests = (by("protected", "label", "prediction", "score"), each("feature"))
    expected, found = (Case.from_frame(f, **roles) for f in (table, frame))
    assert found.count(requests) == expected.count(requests)
    assert found.fingerprint() == expected.fingerprint()
    assert found.identities()[0]["digest"] == "not digested"


# -- rows, fingerprints ----------------------------------------------------------------------------


def test_a_sample_of_many_ordered_rows_is_drawn_by_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "HASHED", 50)
    monkeypatch.setattr(digest, "BATCH", 64)
    case = Case.from_frame(pd.DataFrame({"x": np.arange(1000), "y": np.arange(1000) % 2}), label="y")
    first = case.rows(("x",), limit=100, seed=1)["x"].to_numpy()
    assert np.array_equal(first, case.rows(("x", "y"), limit=100, seed=1)["x"].to_numpy())
    assert len(np.unique(first)) == 100
    assert (np.diff(first) > 0).all()
    chosen = np.zeros(1000)
    for seed in range(300):
        chosen[case.rows(("x",), limit=100, seed=seed)["x"].to_numpy()] += 1
    # binomial(300, 0.1): 30 on average, standard deviation 5.2
    assert chosen.mean() == 30
    assert chosen.std() == pytest.approx(5.2, rel=0.15)


def test_rows_are_a_seeded_uniform_sample() -> None:
    table = pa.table({"x": list(range(1000)), "same": ["a"] * 1000})
    case = Case.from_frame(table, protected="same")
    first = case.rows(("x",), limit=100, seed=1)
    assert first.num_rows == 100
    assert len(set(first["x"].to_pylist())) == 100
    shuffled = Case.from_frame(table.take(pa.array(np.random.default_rng(0).permutation(1000))), protected="same")
    assert shuffled.rows(("x",), limit=100, seed=1).equals(first)
    assert not case.rows(("x",), limit=100, seed=2).equals(first)
    assert case.rows().equals(table)
    assert case.rows(("same",), limit=7).to_pylist() == [{"same": "a"}] * 7
    chosen = np.zeros(1000)
    for seed in range(300):
        chosen[case.rows(("x",), limit=100, seed=seed)["x"].to_numpy()] += 1
    assert abs(chosen - 30).max() < 6 * np.sqrt(300 * 0.1 * 0.9)


def test_duplicate_rows_are_drawn_in_proportion() -> None:
    table = pa.table({"x": ["a"] * 900 + ["b"] * 100})
    case = Case.from_frame(table, protected="x")
    share = [case.rows(("x",), limit=50, seed=seed)["x"].to_pylist().count("b") / 50 for seed in range(200)]
    assert np.mean(share) == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 50 / 200))


def test_a_fingerprint_changes_with_any_value_and_not_with_order() -> None:
    case = Case.from_frame(loans(), label="outcome", protected="sex", favourable="good")
    turned = Case.from_frame(
        loans().take(pa.array([5, 4, 3, 2, 1, 0])), label="outcome", protected="sex", favourable="good"
    )
    other = Case.from_frame(
        loans(income=[10.5, 20.0, None, 3.0, 7.0, 1.1]), label="outcome", protected="sex", favourable="good"
    )
    assert turned.fingerprint() == case.fingerprint() != other.fingerprint()


# -- errors ----------------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown column": ({"label": "outcom"}, "Unknown column for label 'outcom'.*Did you mean 'outcome'"),
    "unknown protected": ({"protected": ["sx"]}, "Unknown column for protected 'sx'"),
    "doubled role": ({"protected": ["sex", "sex"]}, "names the column 'sex' twice"),
    "one column, two outcomes": (
        {"label": "outcome", "prediction": "outcome", "favourable": "good"},
        "as label and as prediction",
    ),
    "three labels": ({"label": "sex", "task": "binary"}, "binary task has two labels; column 'sex' has 3"),
    "three labels by threshold": ({"label": "sex", "score": "p", "threshold": 0.5}, "has two labels"),
    "favourable unsaid": ({"label": "outcome"}, "Which outcome is favourable, 'bad' or 'good'.*--favourable good"),
    "favourable unknown": ({"label": "outcome", "favourable": "fine"}, "Unknown favourable label 'fine'.*bad, good"),
    "prediction outside": (
        {"label": "outcome", "prediction": "sex", "favourable": "good"},
        "outside the label set: 'F', 'M', 'missing'",
    ),
    "score outside": (
        {"label": "outcome", "score": "income", "favourable": "good"},
        r"must lie in \[0, 1\]; column 'income' has 1 to 20",
    ),
    "score is text": ({"label": "outcome", "score": "sex", "favourable": "good"}, "where numbers are expected"),
    "threshold too high": ({"score": "p", "threshold": 1.5}, "no number from 0 to 1"),
    "threshold is text": ({"score": "p", "threshold": "half"}, "no number from 0 to 1"),
    "threshold and prediction": (
        {"label": "outcome", "prediction": "decision", "score": "p", "threshold": 0.3, "favourable": "good"},
        "where none are given",
    ),
    "unknown task": ({"label": "outcome", "task": "ranking"}, "Unknown task 'ranking'.*binary"),
    "unknown role": ({"lable": "outcome"}, "Unknown role 'lable'.*Did you mean 'label'"),
    "role is no name": ({"label": 3}, "must name one column, not 3"),
    "weight negative": ({"weight": "delta"}, "goes down to -1"),
    "weight missing": ({"weight": "income"}, "is missing in 1 rows"),
    "weight infinite": ({"weight": "huge"}, "infinite"),
    "weight zero": ({"weight": "zero"}, "is 0 in every row"),
    "weight too large": ({"weight": "heavy"}, "Divide the weights by their mean"),
    "kind of weights": ({"weight": "w", "weights": "survey"}, "Unknown kind of weights 'survey'"),
    "all missing": ({"protected": "nothing"}, "'nothing', given as protected, is missing in every row"),
    "all missing score": ({"score": "no_number"}, "'no_number', given as score, is missing in every row"),
    "list column": ({"protected": "lists"}, "of role protected has values of type list"),
    "big integers": ({"protected": "id"}, r"beyond 2\*\*53.*Cast the column to text"),
    "rounded units": ({"unit": "rounded"}, r"beyond 2\*\*53 as floats"),
    "label as feature": (
        {"label": "outcome", "features": ["outcome", "p"], "favourable": "good"},
        "also named as a feature",
    ),
    "reference": ({"protected": "sex", "reference": {"race": "x"}}, "Unknown protected attribute in reference 'race'"),
    "population attribute": (
        {"protected": "sex", "population": {"race": {"x": 1}}},
        "Unknown protected attribute in population",
    ),
    "population share": ({"protected": "sex", "population": {"sex": {"F": -1}}}, "must map groups to shares"),
    "score in regression": (
        {"label": "income", "score": "p", "task": "regression"},
        "score is given, and the task is regression",
    ),
    "infinite label": ({"label": "huge", "task": "regression"}, "infinite numbers"),
    "text label": ({"label": "sex", "task": "regression"}, "where numbers are expected"),
    "one score for classes": ({"label": "sex", "score": "p", "task": "multiclass"}, "score column for each class"),
    "edges unsorted": (
        {"label": "outcome", "score": "p", "favourable": "good", "bins": {"score": [0.5, 0.1]}},
        "strictly increasing",
    ),
    "edges of nothing": ({"bins": {"age": [1.0]}}, "Unknown column in bins 'age'"),
    "edges infinite": ({"bins": {"income": [float("inf")]}}, "must be finite"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_contradiction_is_one_clear_error(what: str) -> None:
    roles, words = BAD[what]
    table = loans(
        delta=[1.0, 2.0, -1.0, 1.0, 1.0, 1.0], huge=[1.0, 2.0, float("inf"), 1.0, 1.0, 1.0], zero=[0.0] * 6,
        heavy=[1e10] * 6, nothing=pa.nulls(6), no_number=pa.nulls(6, pa.float64()), lists=[[1]] * 6,
        id=[2**60 + i for i in range(6)], rounded=[2.0**60 + i for i in range(6)],
    )  # fmt: skip
    with pytest.raises(AssayError, match=words) as caught:
        Case.from_frame(table, **roles).count([by("protected?")])
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_too_many_groups_are_refused_with_a_way_out() -> None:
    table = pa.table({"age": np.random.default_rng(0).normal(size=3000), "y": [0, 1] * 1500})
    with pytest.raises(AssayError, match=r"more than 1,024 distinct values.*age bands"):
        Case.from_frame(table, label="y", protected="age")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than once"),
        (pa.table([[1], [2]], names=["a", "a"]), "more than once"),
        (pd.DataFrame({"a": []}), "no rows"),
        (pd.DataFrame({"a": [1, "x", 2.5]}), "no one type"),
        (pa.table({}), "no columns"),
        ({"a": [1]}, "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_frame_that_is_no_data_is_refused(frame: Any, words: str) -> None:
    with pytest.raises(AssayError, match=words):
        Case.from_frame(frame, protected="a")


def test_one_group_and_groups_of_one_are_no_errors() -> None:
    case = Case.from_frame(
        pa.table({"y": [0, 1, 1], "g": ["a", "a", "a"], "h": ["x", "y", "z"]}), label="y", protected=["g", "h"]
    )
    assert len(cells(case, "protected")) == 3


def test_a_request_for_what_is_not_there_says_so() -> None:
    case = Case.from_frame(loans(), protected="sex")
    with pytest.raises(AssayError, match="'data' has no label to count by"):
        case.count([by("label")])
    with pytest.raises(AssayError, match="Unknown sum 'profit'"):
        case.count([by("protected", sums=("profit",))])
    with pytest.raises(AssayError, match="Unknown column 'salary'"):
        case.rows(("salary",))
    with pytest.raises(AssayError, match="0 rows are none"):
        case.rows(limit=0)

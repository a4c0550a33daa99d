"""Repeated, contradicting and overlapping rows against pandas and by hand."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.quality.checks.duplicates import duplicates


def case(columns: dict[str, Any], *, task: str = "binary", **roles: Any) -> Any:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    empty = {"features": ("a", "b"), "protected": (), "label": None, "split": None, "unit": None}
    given = empty | roles
    filled = SimpleNamespace(**given, whole_label=given["label"])
    return SimpleNamespace(n=table.num_rows, task=task, roles=filled, rows=table.select)


def values(subject: Any) -> dict[str, float | None]:
    return {m.name: m.value for m in duplicates(subject)}


def test_missing_equals_missing_nan_is_missing_and_minus_zero_is_zero():
    table = pa.table(
        {
            "a": pa.array([0.0, -0.0, float("nan"), None, 1.0]),
            "b": pa.array(["x", "x", None, None, "x"]).dictionary_encode(),
        }
    )
    (found,) = duplicates(case(table))
    assert (found.name, found.value, found.n, found.exact) == ("duplicate_share", 2 / 5, 5, True)


def test_rows_that_differ_in_the_label_conflict_and_are_no_duplicates():
    found = values(case({"a": [1, 1, 2, 2, 3], "b": list("xxyyz"), "y": ["n", "y", "n", "n", None]}, label="y"))
    assert found == {"duplicate_share": 1 / 5, "conflicting_share": 2 / 4}


def test_rows_that_differ_in_a_protected_attribute_neither_repeat_nor_conflict():
    columns = {"a": [1, 1], "b": list("xx"), "y": list("ny"), "sex": list("mf")}
    assert values(case(columns, label="y", protected=("sex",))) == {"duplicate_share": 0.0, "conflicting_share": 0.0}


def test_test_rows_and_their_people_in_training_are_counted():
    columns = {
        "a": [1, 2, 1, 3, 2, 2],
        "b": list("xyxzyy"),
        "part": ["train", "train", "test", "test", "validation", "train"],
        "person": ["p", "q", "r", "q", None, "s"],
    }
    found = values(case(columns, split="part", unit="person"))
    assert found == {"duplicate_share": 3 / 6, "split_overlap": 2 / 3, "unit_overlap": 1 / 2}


def test_without_held_out_rows_the_overlap_is_unmeasured():
    found = list(duplicates(case({"a": [1], "b": ["x"], "part": ["train"]}, split="part")))
    assert found[1].reason.id == "empty-denominator"


def test_more_rows_than_fit_are_not_compared_and_the_reason_says_what_to_do():
    (found,) = duplicates(case({"a": [1, 1, 2], "b": list("xxy")}), most_rows=2)
    assert (found.reason.id, found.n) == ("too-many-rows", 3)


def test_a_numeric_label_has_no_conflicts_and_lists_are_not_compared():
    assert "conflicting_share" not in values(
        case({"a": [1, 1], "b": [2, 2], "y": [0.1, 0.2]}, label="y", task="regression")
    )
    (found,) = duplicates(case({"a": [[1], [2]], "b": ["x", "y"]}))
    assert found.reason.id == "nested-columns"


@pytest.mark.parametrize("name", ["count_all", "a_sum", "\x00rows_sum"])
def test_column_names_that_look_like_results_do_no_harm(name):
    columns = {name: [1, 1, 2], "b": list("xxy"), "y": list("nyn"), "part": ["train", "test", "test"]}
    found = values(case(columns, features=(name, "b"), label="y", split="part"))
    assert found == {"duplicate_share": 0.0, "conflicting_share": 2 / 3, "split_overlap": 0.0}


Row = st.tuples(
    st.sampled_from([1, 2, None]), st.sampled_from(["x", "y", None]), st.sampled_from(["0", "1"]), st.booleans()
)


@settings(max_examples=60, deadline=None)
@given(st.lists(Row, min_size=1, max_size=30))
def test_counts_are_those_of_a_dictionary(rows):
    a, b, y, trained = (list(column) for column in zip(*rows, strict=True))
    table = pa.table(
        {
            "a": pa.array(a, pa.int64()),
            "b": pa.array(b, pa.string()),
            "y": y,
            "part": ["train" if t else "test" for t in trained],
        }
    )
    found = values(case(table, label="y", split="part"))
    full = Counter(row[:3] for row in rows)
    labels: dict[Any, set[str]] = {}
    for row in rows:
        labels.setdefault(row[:2], set()).add(row[2])
    seen = {row[:3] for row in rows if row[3]}
    held_out = [row[:3] in seen for row in rows if not row[3]]
    assert found["duplicate_share"] == (len(rows) - len(full)) / len(rows)
    assert found["conflicting_share"] == sum(len(labels[row[:2]]) > 1 for row in rows) / len(rows)
    assert found["split_overlap"] == (sum(held_out) / len(held_out) if held_out else None)

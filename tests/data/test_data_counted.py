"""Counts alone are a Subject, and give what the Case gave, to the byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.core.errors import AssayError
from assay.core.subject import Request, Subject, by, each
from assay.data.case import Case
from assay.data.counted import Counted
from assay.data.counts import Counts
from assay.data.plan import Available, Wanted, scans
from assay.data.rows.frame import FrameRows

REQUESTS = (
    by("protected"),
    by("protected?", "label", "prediction?"),
    by("label", "score", sums=("score", "squared_error")),
    by("protected", "label", "score?", "control?", sums=("squared_error", "y")),
    each("feature", "label?"),
    each("protected"),
)


def case(n: int = 400, **roles: Any) -> Case:
    rng = np.random.default_rng(1)
    rows = pa.table({
        "y": rng.integers(0, 2, n), "h": rng.integers(0, 2, n), "p": rng.random(n).round(2),
        "a": rng.choice(["x", "z"], n),
        "b": rng.choice(["u", "v", "w"], n), "f": rng.choice([1, 2, 3], n), "e": rng.normal(size=n), "w": rng.random(n),
        "id": rng.integers(0, 150, n), "s": rng.choice(["train", "test"], n),
    })  # fmt: skip
    given: dict[str, Any] = {
        "label": "y",
        "prediction": "h",
        "score": "p",
        "protected": ["b", "a"],
        "features": ["f", "e"],
    }
    return Case.from_frame(rows, name="loans", **(given | roles))


JOINT = (
    by("protected", "label", "prediction", "score", sums=("score", "squared_error")),
    each("feature", "protected", "label"),
)


@pytest.mark.parametrize("roles", [{}, {"weight": "w"}, {"unit": "id"}, {"unit": "id", "weight": "w"}])
def test_counts_alone_answer_like_the_case(roles: dict[str, str]) -> None:
    rows = case(**roles)
    tables = tuple(table for tables in rows.count(JOINT) for table in tables)
    alone = Counted("loans", "binary", tuple(Counts.from_bytes(t.to_bytes()) for t in tables))
    assert isinstance(alone, Subject)
    for request in REQUESTS:
        if request.each == "feature":
            continue
        assert [t.digest for t in alone.count([request])[0]] == [t.digest for t in rows.count([request])[0]], request
    assert [t.digest for t in alone.count([each("feature", "label?")])[0]] == [
        t.digest for t in rows.count([each("feature", "label?")])[0]
    ]
    assert alone.n == rows.n
    assert alone.facts()["groups"].keys() == rows.facts()["groups"].keys()
    asked = ("protected", "label", "score", "features", "weight", "rows", "model", "control")
    assert {role for role in asked if alone.has(role)} == {
        "protected", "label", "score", "features", *(("weight",) if "weight" in roles else ()),
    }  # fmt: skip
    assert alone.identities()[0]["digest"] == tables[0].digest


def test_counts_that_are_not_there_are_said_to_be_missing() -> None:
    rows = case()
    ((by_label,), (by_group,)) = rows.count([by("label"), by("protected")])
    alone = Counted("window", "binary", (by_label, by_group))
    with pytest.raises(
        AssayError, match=r"'window' has no counts by b × a × label\..*There are counts by: label; b × a"
    ):
        alone.count([by("protected", "label")])
    with pytest.raises(AssayError, match="no score to count by"):
        alone.count([by("score")])
    with pytest.raises(AssayError, match="has no counts"):
        Counted("window", "binary", ())
    ((weighted,),) = case(weight="w").count([by("label")])
    with pytest.raises(AssayError, match="weighted in different ways"):
        Counted("window", "binary", (by_label, weighted))


def test_regression_counts_alone_keep_complete_rows_apart() -> None:
    rows = pa.table({"y": [1.5, 2.5, None, 8.0] * 9, "h": [1.0, None, 2.0, 9.0] * 9, "g": ["a", "b", "a", "b"] * 9})
    subject = Case.from_frame(rows, label="y", prediction="h", protected="g", task="regression")
    both = by("protected?", "label", "prediction", sums=("y", "error"))
    tables = [t for tables in subject.count([both, by("protected"), by("protected", sums=("y",))]) for t in tables]
    assert [t.n for t in tables] == [18, 36, 27]
    alone = Counted("window", "regression", tuple(tables))
    assert alone.has("label")
    assert alone.has("prediction")
    for request in (both, by("protected"), by("label", "prediction", sums=("error",)), by("protected", sums=("y",))):
        assert alone.count([request])[0][0].digest == subject.count([request])[0][0].digest, request


def test_tables_share_scans_and_scans_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []
    count = FrameRows.count

    def spy(self: FrameRows, scan: Any, outcomes: Any) -> Counts:
        seen.append(tuple(key.dim.name for key in scan.keys))
        return count(self, scan, outcomes)

    monkeypatch.setattr(FrameRows, "count", spy)
    subject = case()
    subject.count(REQUESTS)
    assert seen == [("b", "a", "label", "prediction", "score"), ("label", "f", "e")]
    subject.count(REQUESTS[:3])
    assert len(seen) == 2


def test_with_repeated_units_only_equal_tables_share_a_scan() -> None:
    def wanted(*dims: tuple[str, str], sums: tuple[str, ...] = ()) -> Wanted:
        return Wanted(dims, sums)

    available = Available("x", {"protected": ("a",), "label": ("label",), "score": ("score",)}, frozenset(), False)
    tables = [
        wanted(("protected", "a")),
        wanted(("protected", "a"), sums=("score",)),
        wanted(("protected", "a"), ("label", "label")),
    ]
    apart = scans(tables, order=available.order, size=lambda dim: 3, apart=True)
    assert apart == [tables[2], tables[1]]
    assert scans(tables, order=available.order, size=lambda dim: 3, apart=False) == [Wanted(tables[2].dims, ("score",))]
    wide = scans([tables[2], wanted(("score", "score"))], order=available.order, size=lambda dim: 300, apart=False)
    assert len(wide) == 2


def test_dimensions_come_in_one_order_whatever_was_asked() -> None:
    subject = case(controls="s")
    ((one,), (other,)) = subject.count(
        [by("label", "protected", "control"), Request(("control", "protected", "label"))]
    )
    assert one == other
    assert [dim.key for dim in one.dims] == [
        ("protected", "b"),
        ("protected", "a"),
        ("label", "label"),
        ("control", "s"),
    ]

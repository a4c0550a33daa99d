"""A label that was observed only for some rows is missing for the others, whatever stands there, on every engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assay.core.errors import AssayError
from assay.core.subject import by, each
from assay.data.case import Case
from assay.data.counted import Counted

ROLES: dict[str, Any] = {"label": "y", "prediction": "yhat", "protected": ["g"], "observed": "seen"}
REQUEST = by("protected", "label", "prediction", "observed", "randomised?")


def rows(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    yhat, drawn = rng.integers(0, 2, n), rng.random(n) < 0.2
    seen = (yhat == 1) | drawn
    return pd.DataFrame(
        {
            "g": rng.choice(["a", "b"], n),
            "y": np.where(seen, np.where(rng.random(n) < 0.7, "yes", "no"), "n/a"),
            "yhat": np.where(yhat == 1, "yes", "no"),
            "x": rng.normal(size=n),
            "seen": seen,
            "drawn": drawn,
        }
    )


def parquet(frame: pd.DataFrame, folder: Path) -> str:
    frame.to_parquet(folder / "rows.parquet")
    return str(folder / "rows.parquet")


def csv(frame: pd.DataFrame, folder: Path) -> str:
    frame.to_csv(folder / "rows.csv", index=False)
    return str(folder / "rows.csv")


def relation(frame: pd.DataFrame, folder: Path) -> Any:
    return duckdb.connect().from_df(frame)


def memtable(frame: pd.DataFrame, folder: Path) -> Any:
    return ibis.memtable(pa.Table.from_pandas(frame))


SOURCES: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "pandas": lambda frame, folder: frame,
    "polars": lambda frame, folder: pl.from_pandas(frame),
    "categories": lambda frame, folder: frame.astype({"y": "category"}),
    "parquet": parquet,
    "csv": csv,
    "relation": relation,
    "ibis": memtable,
}


def case(frame: Any, **roles: Any) -> Case:
    return Case.from_frame(frame, **{**ROLES, "randomised": "drawn", "favourable": "yes", **roles})


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize("source", SOURCES)
def test_every_engine_counts_the_same(source: str, numbers: bool, tmp_path: Path) -> None:
    frame = rows()
    given = frame.astype({"seen": int, "drawn": int}) if numbers else frame
    ((counts,),) = case(SOURCES[source](given, tmp_path)).count([REQUEST])
    ((expected,),) = case(frame.assign(y=frame["y"].where(frame["seen"]))).count([REQUEST])
    assert counts.digest == expected.digest
    assert counts.where({"label": None}).n == (~frame["seen"]).sum()
    assert counts.where({"observed": "1"}).n == frame["seen"].sum()
    assert counts.where({"randomised": "1"}).n == frame["drawn"].sum()


@pytest.mark.parametrize("source", ["pandas", "parquet"])
def test_rows_and_fingerprint_know_only_what_was_observed(source: str, tmp_path: Path) -> None:
    frame = rows()
    filled = case(SOURCES[source](frame, tmp_path))
    gaps = case(frame.assign(y=frame["y"].where(frame["seen"])))
    table = filled.rows(["y", "seen"])
    assert table["y"].is_valid().to_pylist() == table["seen"].to_pylist()
    assert filled.fingerprint() == gaps.fingerprint()
    assert filled.roles.whole_label is None
    assert filled.facts()["columns"]["observed"] == ["seen"]
    assert filled.roles.features == ("x",)
    again = filled.with_outputs(prediction=np.where(frame["x"] > 0, "yes", "no"))
    assert again.rows(["y"])["y"].null_count == (~frame["seen"]).sum()


def test_only_who_asks_for_observed_is_given_the_label() -> None:
    one = case(rows())
    with pytest.raises(AssayError, match="known only for some") as error:
        one.count([by("protected", "label", "prediction")])
    assert error.value.code == "selective-labels"
    (optional,), features = one.count([by("protected", "label?", "prediction"), each("feature", "label?")])
    assert not optional.has("label")
    assert [table.has("label") for table in features] == [False]
    assert one.has("label")
    assert one.has("observed")
    counted = Counted("window", "binary", one.count([REQUEST])[0])
    assert counted.has("observed")
    assert not counted.count([by("protected", "label?", "prediction")])[0][0].has("label")
    with pytest.raises(AssayError, match="known only for some"):
        counted.count([by("protected", "label")])


def test_sums_of_a_label_are_kept_back_too() -> None:
    frame = rows().assign(p=np.linspace(0.1, 0.9, 120), amount=np.linspace(1.5, 99, 120))
    ((counts,),) = case(frame, score="p").count([by("protected", "prediction", sums=("score", "log_loss"))])
    assert "log_loss" not in counts.sums
    assert "score" in counts.sums
    numbers = Case.from_frame(frame, label="amount", observed="seen", protected="g", task="regression", features=[])
    with pytest.raises(AssayError, match="known only for some"):
        numbers.count([by("protected", "label", sums=("y",))])
    assert "y" not in numbers.count([by("protected", "label?", sums=("y",))])[0][0].sums


MISTAKES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], dict[str, Any], str]] = {
    "words": (lambda f: f.assign(seen=np.where(f["seen"], "yes", "no")), {}, "not all true or false"),
    "numbers": (lambda f: f.assign(seen=f["seen"].astype(int) * 2), {}, "not all true or false"),
    "gaps": (lambda f: f.assign(seen=f["seen"].astype(float).where(f.index > 2)), {}, "has 3 missing values"),
    "never": (lambda f: f.assign(seen=False, drawn=False), {}, "'seen'.*true in no row"),
    "no slice": (lambda f: f.assign(drawn=False), {}, "'drawn'.*true in no row"),
    "unseen slice": (lambda f: f.assign(drawn=True), {}, "rows of the randomised slice.*were not observed"),
    "no label": (lambda f: f, {"label": None}, "there is no label"),
    "no observed": (lambda f: f, {"observed": None}, "without observed"),
    "unknown column": (lambda f: f, {"observed": "sen"}, "sen"),
    "label missing": (lambda f: f.assign(y=f["y"].where(f.index > 9)), {}, "missing in .* rows where 'seen' is true"),
}


@pytest.mark.parametrize("source", ["pandas", "parquet"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_mistake_is_one_clear_error(mistake: str, source: str, tmp_path: Path) -> None:
    break_it, roles, words = MISTAKES[mistake]
    with pytest.raises(AssayError, match=words) as error:
        case(SOURCES[source](break_it(rows()), tmp_path), **roles)
    assert error.value.hint or mistake == "unknown column"


def test_a_lender_may_approve_what_it_predicts() -> None:
    """One column is the prediction and says where the outcome is known."""
    frame = rows().assign(approved=lambda f: (f["yhat"] == "yes").astype(int), repaid=lambda f: (f["y"] == "yes") * 1)
    one = Case.from_frame(frame, label="repaid", prediction="approved", observed="approved", protected="g", features=[])
    ((counts,),) = one.count([REQUEST])
    assert counts.where({"prediction": "0", "label": ("0", "1")}).n == 0
    assert counts.where({"prediction": "1", "label": None}).n == 0

"""The same rows give byte-identical Counts on every engine, whatever is in them."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.core.errors import AssayError
from assay.core.subject import by, each
from assay.data.case import Case
from assay.data.rows import edges
from assay.data.rows.sql import files, query
from assay.data.rows.sums import REGRESSION as REGRESSION_SUMS

N = 1500
BERLIN = dt.timezone(dt.timedelta(hours=2))


def awkward() -> pa.Table:
    """Rows with everything that engines are known to differ about."""
    rng = np.random.default_rng(20260101)

    def some(values: list[Any]) -> list[Any]:
        return [values[i] for i in rng.integers(0, len(values), N)]

    scores = [None if rng.random() < 0.03 else float(s) for s in rng.beta(0.5, 2, N)]
    scores[::50] = [math.nan] * len(scores[::50])
    scores[:6] = [math.nan, 0.0, -0.0, 1.0, 1e-17, 0.1 + 0.2]
    return pa.table(
        {
            "Sex": pa.array(some(["Female", "Male", None, "", "missing", 'o\'Hara \\ "x"', "weiblich\n"])),
            "sex": pa.array(some(["é", "e\u0301", "日本", "Ωmega", "a", "A", "a "])),
            "band": pa.array(some([1.5, -0.0, 0.0, math.nan, None, 0.1]), pa.float64()),
            "real": pa.array(some([0.1, 2.5, None, 3.0]), pa.float32()),
            "price": pa.array(
                [decimal.Decimal(int(v)).scaleb(-4) for v in rng.integers(0, 10**12, N)], pa.decimal128(20, 4)
            ),
            "small": pa.array(some([1, 2, None, -7]), pa.int16()),
            "seen": pa.array(
                some(
                    [
                        dt.datetime(2024, 3, 31, 1, 30, tzinfo=dt.UTC),
                        None,
                        dt.datetime(1969, 12, 31, 23, 59, 59, 250_000, dt.UTC),
                    ]
                ),
                pa.timestamp("us", "UTC"),
            ),
            "wall": pa.array(some([dt.datetime(2024, 3, 31, 2, 30), dt.datetime(2000, 1, 1)]), pa.timestamp("us")),
            "day": pa.array(some([dt.date(2024, 2, 29), None, dt.date(1899, 1, 1)]), pa.date32()),
            "member": pa.array(some([True, False, None])),
            "word": pa.array([f"w{int(v)}" for v in rng.zipf(1.3, N) % 700]),
            "amount": pa.array(rng.lognormal(8, 3, N)),
            "y": pa.array(some([True, False, True, None])),
            "yhat": pa.array(some([0, 1, 1, None]), pa.int32()),
            "p": pa.array(scores, pa.float64()),
            "w": pa.array(rng.gamma(2, 1, N)),
            "person": pa.array(
                [None if rng.random() < 0.05 else int(v) for v in rng.integers(2**60, 2**60 + 900, N)], pa.int64()
            ),
            "target": pa.array(rng.normal(250_000, 40_000, N)),
            "letter": pa.array(some(["a", "b", "c", None])),
            "pa": pa.array(some([0.5, 0.25, None, 0.0])),
            "pb": pa.array(some([0.5, 0.25, math.nan, 1.0])),
            "pc": pa.array(some([0.5, 0.75, 0.125]), pa.float32()),
            "guess": pa.array(rng.normal(250_000, 40_000, N).astype(np.float32), pa.float32()),
        }
    )


TABLE = awkward()
TYPES = {
    "Sex": "text", "sex": "text", "band": "double precision", "real": "real", "price": "numeric(20, 4)",
    "small": "smallint", "seen": "timestamptz", "wall": "timestamp", "day": "date", "member": "boolean", "word": "text",
    "amount": "double precision", "y": "boolean", "yhat": "integer", "p": "double precision", "w": "double precision",
    "person": "bigint", "target": "double precision",
    "letter": "text", "pa": "double precision", "pb": "double precision", "pc": "real", "guess": "real",
}  # fmt: skip


def to_postgres(url: str, name: str) -> Any:
    columns = ", ".join(f'"{column}" {type}' for column, type in TYPES.items())
    with psycopg.connect(url) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {name}")
        connection.execute(f"CREATE TABLE {name} ({columns})")
        with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
            for row in TABLE.to_pylist():
                copy.write_row(tuple(row.values()))
    return ibis.connect(url).table(name)


def to_spark(session: Any, path: Path) -> Any:
    before = session.conf.get("spark.sql.caseSensitive")
    session.conf.set("spark.sql.caseSensitive", "true")
    session.read.parquet(str(path)).repartition(3).createOrReplaceTempView("awkward")
    table = ibis.pyspark.connect(session).table("awkward")
    session.conf.set("spark.sql.caseSensitive", before)
    return table


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """The same rows, as an engine takes them."""
    path = tmp_path_factory.mktemp("rows") / "awkward.parquet"
    pq.write_table(TABLE, path, row_group_size=400)
    made: dict[str, Any] = {}

    def give(engine: str) -> Any:
        if engine not in made:
            made[engine] = {
                "pyarrow": lambda: TABLE,
                "pandas": lambda: TABLE.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get),
                "polars": lambda: pl.from_arrow(TABLE),
                "parquet": lambda: path,
                "spark": lambda: to_spark(request.getfixturevalue("spark"), path),
                "postgres": lambda: to_postgres(request.getfixturevalue("postgres_url"), "awkward"),
            }[engine]()
        return made[engine]

    yield give
    if "postgres" in made:
        made["postgres"].get_backend().disconnect()


BINARY: dict[str, Any] = {
    "label": "y", "prediction": "yhat", "score": "p", "protected": ["Sex", "sex"], "controls": ["band", "small"],
    "features": ["real", "price", "seen", "wall", "day", "member", "word", "amount"],
}  # fmt: skip
LOSSES = ("score", "squared_error", "squared_error_squared", "log_loss", "log_loss_squared")
REQUESTS = (
    by("protected", "label", "prediction"),
    by("label?", "score", sums=LOSSES),
    by("control", "prediction"),
    each("feature", "label?"),
)
REGRESSION: dict[str, Any] = {"label": "target", "prediction": "guess", "protected": "Sex", "task": "regression"}
MOMENTS = by("protected", "label", "prediction", sums=tuple(REGRESSION_SUMS))
SCORES: dict[str, Any] = {"label": "letter", "score": {"a": "pa", "b": "pb", "c": "pc"}}
FAST = ["pandas", "polars", "parquet", "postgres"]


def compare(found: Case, expected: Case, requests: Any = REQUESTS) -> None:
    assert found.codings() == expected.codings()
    for a, b in zip(found.count(requests), expected.count(requests), strict=True):
        for mine, theirs in zip(a, b, strict=True):
            assert mine.to_bytes() == theirs.to_bytes()


@pytest.fixture(autouse=True)
def in_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "IN_MEMORY", 0)


@pytest.mark.parametrize("engine", FAST)
@pytest.mark.parametrize("roles", [{}, {"weight": "w"}, {"unit": "person"}, {"unit": "person", "weight": "w"}], ids=str)
def test_binary_counts_are_identical(engine: str, roles: dict[str, Any], source: Callable[[str], Any]) -> None:
    expected = Case.from_frame(TABLE, **BINARY, **roles)
    found = Case.from_frame(source(engine), **BINARY, **roles)
    compare(found, expected)
    assert found.fingerprint() == expected.fingerprint()
    wanted = ("sex", "amount", "small")
    assert found.rows(wanted, limit=20, seed=3).to_pylist() == expected.rows(wanted, limit=20, seed=3).to_pylist()


@pytest.mark.parametrize("engine", [*FAST, "spark"])
@pytest.mark.parametrize("roles", [{}, {"weight": "w"}], ids=str)
def test_regression_counts_are_identical(engine: str, roles: dict[str, Any], source: Callable[[str], Any]) -> None:
    expected, found = (Case.from_frame(s, features=["real"], **REGRESSION, **roles) for s in (TABLE, source(engine)))
    compare(found, expected, [MOMENTS, each("feature", "label?", sums=("y",)), by("protected")])


@pytest.mark.parametrize("engine", [*FAST, "spark"])
def test_the_class_of_the_largest_score_is_identical(engine: str, source: Callable[[str], Any]) -> None:
    expected, found = (Case.from_frame(s, features=["real"], **SCORES) for s in (TABLE, source(engine)))
    compare(found, expected, [by("label", "prediction")])


def test_spark_counts_are_identical(source: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once and with fewer bins, because Spark takes its time over each query."""
    monkeypatch.setattr(edges, "DISTINCT", 40)
    monkeypatch.setattr(edges, "SCORE_BINS", 40)
    roles: dict[str, Any] = {**BINARY, "unit": "person", "weight": "w", "features": ["price", "seen", "wall", "day"]}
    expected, found = (Case.from_frame(s, **roles) for s in (TABLE, source("spark")))
    compare(found, expected)
    assert found.fingerprint() == expected.fingerprint()


@pytest.mark.parametrize("engine", ["parquet", "postgres", "spark"])
def test_bins_of_large_data_are_identical(
    engine: str, source: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edges, "SMALL", 500)
    monkeypatch.setattr(query, "SMALL", 500)
    monkeypatch.setattr(edges, "SCORE_BINS", 40)
    roles: dict[str, Any] = {"label": "y", "score": "p", "features": ["amount", "price", "word"]}
    expected, found = (Case.from_frame(s, **roles) for s in (TABLE, source(engine)))
    compare(found, expected, [by("score"), each("feature")])


def test_models_are_fed_and_heard_in_one_order(source: Callable[[str], Any]) -> None:
    roles: dict[str, Any] = {"label": "y", "protected": "sex", "features": ["amount"]}
    for engine in ("parquet", "postgres"):
        case = Case.from_frame(source(engine), **roles)
        amounts = np.concatenate([batch["amount"].to_numpy() for batch in case.batches(size=400)])
        made = case.with_outputs(score=1 / (1 + amounts))
        rows = made.rows(("amount", "score"))
        assert np.array_equal(1 / (1 + rows["amount"].to_numpy()), rows["score"].to_numpy())


def test_a_database_that_folds_case_is_refused() -> None:
    connection = ibis.duckdb.connect()
    connection.con.execute("CREATE TABLE loans AS SELECT * FROM (VALUES ('a', 0), ('A', 1)) AS t(g, y)")
    connection.con.execute("SET default_collation = 'NOCASE'")
    with pytest.raises(AssayError, match="texts for equal that differ in case"):
        Case.from_frame(connection.table("loans"), label="y", protected="g")

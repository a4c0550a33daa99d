"""The same rows give byte-identical Counts on every engine, whatever is in them."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from assay.core.subject import by, each
from assay.data.case import Case
from assay.data.rows import edges
from assay.data.rows.sql import files, query

N = 1500
BERLIN = dt.timezone(dt.timedelta(hours=2))


def awkward() -> pa.Table:
    """Rows with everything that engines are known to differ about."""
    rng = np.random.default_rng(20260101)

    def some(values: list[Any]) -> list[Any]:
        return [values[i] for i in rng.integers(0, len(values), N)]

    scores = [None if rng.random() < 0.03 else float(s) for s in rng.beta(0.5, 2, N)]
    scores[:6] = [math.nan, 0.0, -0.0, 1.0, 1e-17, 0.1 + 0.2]
    return pa.table(
        {
            "Sex": pa.array(some(["Female", "Male", None, "", "missing", 'o\'Hara \\ "x"', "weiblich\n"])),
            "sex": pa.array(some(["é", "e\u0301", "日本", "Ωmega", "a", "A", "a "])),  # noqa: RUF001
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
            "guess": pa.array(rng.normal(250_000, 40_000, N).astype(np.float32), pa.float32()),
        }
    )


TABLE = awkward()
TYPES = {
    "Sex": "text", "sex": "text", "band": "double precision", "real": "real", "price": "numeric(20, 4)", "small": "smallint",
    "seen": "timestamptz", "wall": "timestamp", "day": "date", "member": "boolean", "word": "text",
    "amount": "double precision", "y": "boolean", "yhat": "integer", "p": "double precision", "w": "double precision",
    "person": "bigint", "target": "double precision", "guess": "real",
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
def source(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Callable[[str], Any]:
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
                "relation": lambda: connection.from_arrow(TABLE.rename_columns(distinct)),
                "ibis-duckdb": lambda: ibis.duckdb.connect().read_parquet(path),
                "spark": lambda: to_spark(request.getfixturevalue("spark"), path),
                "postgres": lambda: to_postgres(request.getfixturevalue("postgres_url"), "awkward"),
            }[engine]()
        return made[engine]

    connection = duckdb.connect()
    distinct = ["Sex" if name == "Sex" else name for name in TABLE.column_names]
    return give


ENGINES = ["pandas", "polars", "parquet", "spark", "postgres"]
BINARY = {
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


def digests(case: Case, requests: Any = REQUESTS) -> list[list[str]]:
    return [[table.digest for table in tables] for tables in case.count(requests)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("roles", [{}, {"weight": "w"}, {"unit": "person"}, {"unit": "person", "weight": "w"}], ids=str)
def test_binary_counts_are_identical(
    engine: str, roles: dict[str, Any], source: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "IN_MEMORY", 0)
    expected = Case.from_frame(source("pyarrow"), **BINARY, **roles)
    found = Case.from_frame(source(engine), **BINARY, **roles)
    assert found.codings() == expected.codings()
    assert digests(found) == digests(expected)
    assert found.fingerprint() == expected.fingerprint()


def test_an_ibis_table_on_duckdb_gives_its_rows_and_counts() -> None:
    table = pa.table({"y": [0, 1, 1, 0], "g": ["a", "b", None, "a"], "p": [0.1, 0.9, 0.6, 0.4]})
    roles = {"label": "y", "score": "p", "protected": ["g"]}
    expected, found = (Case.from_frame(frame, **roles) for frame in (table, ibis.memtable(table)))
    assert found.fingerprint() == expected.fingerprint()
    assert digests(found, (by("protected", "label", "score"),)) == digests(
        expected, (by("protected", "label", "score"),)
    )
    assert sorted(found.rows(["p"])["p"].to_pylist()) == [0.1, 0.4, 0.6, 0.9]

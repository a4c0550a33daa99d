"""Files and other sources: found, opened, checked; small ones counted in memory, large ones where they are."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from assay.core.errors import AssayError
from assay.core.subject import by, each
from assay.data.case import Case
from assay.data.rows.frame import FrameRows
from assay.data.rows.sql import files
from assay.data.rows.sql.query import SqlRows

ROWS = pa.table({
    "sex": ["F", "F", "T", None, "ü'\"", "F"], "y": [1, 0, 1, 1, 0, 0], "p": [0.5, 0.25, 1.0, 0.0, None, 0.125],
    "zip": ["a,b", "c\nd", "e", "f", "g", "h"],
})  # fmt: skip
ROLES: dict[str, Any] = {"label": "y", "score": "p", "protected": "sex", "features": ["zip"]}
REQUESTS = (by("protected", "label", "score", sums=("score",)), each("feature"))


@pytest.fixture(params=["in memory", "in DuckDB"])
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    """Files are counted in memory, or by DuckDB however small they are."""
    if request.param == "in DuckDB":
        monkeypatch.setattr(files, "IN_MEMORY", 0)
        return SqlRows
    return FrameRows


def expected() -> Any:
    return Case.from_frame(ROWS, **ROLES).count(REQUESTS)


def write(path: Path, rows: pa.Table = ROWS) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(rows, path)
        return path
    sink = pa.BufferOutputStream()
    pc.write_csv(rows, sink, pc.WriteOptions(delimiter="\t" if ".tsv" in path.name else ","))
    data = sink.getvalue().to_pybytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv", "rows.tsv", "rows.csv.gz"])
def test_a_file_is_counted_like_the_frame(name: str, where: type, tmp_path: Path) -> None:
    path = write(tmp_path / name)
    case = Case.from_frame(path, **ROLES)
    assert type(case._rows) is where
    assert case.count(REQUESTS) == expected()
    assert case.columns == ("sex", "y", "p", "zip")
    (identity,) = case.identities()
    assert identity["source"] == name
    assert identity["sha256"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert case.rows(("zip", "y")).to_pydict() == ROWS.select(["zip", "y"]).to_pydict()


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_glob_is_one_table(kind: str, where: type, tmp_path: Path) -> None:
    write(tmp_path / f"part-1.{kind}", ROWS.slice(0, 2))
    write(tmp_path / f"part-2.{kind}", ROWS.slice(2))
    case = Case.from_frame(f"{tmp_path}/part-*.{kind}", **ROLES)
    assert case.count(REQUESTS) == expected()
    assert [i["source"] for i in case.identities()] == [f"part-1.{kind}", f"part-2.{kind}"]


def test_columns_that_differ_in_case_are_two_in_a_file(where: type, tmp_path: Path) -> None:
    rows = pa.table({"Age": ["x", "y"], "age": ["1", "2"], "y": [0, 1]})
    for name in ("rows.parquet", "rows.csv"):
        case = Case.from_frame(write(tmp_path / name, rows), label="y", protected=["Age", "age"])
        assert case.columns == ("Age", "age", "y")
        ((counts,),) = case.count([by("protected")])
        assert [cell for cell, _ in counts] == [{"Age": "x", "age": "1"}, {"Age": "y", "age": "2"}]


def test_csv_groups_called_f_and_t_stay_text(tmp_path: Path, where: type) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\ufeffsex;y\nF;0\nF;1\nT;1\n", encoding="utf-8")
    ((counts,),) = Case.from_frame(path, label="y", protected="sex").count([by("protected")])
    assert counts.dim("protected").levels == ("F", "T")


def test_numbers_with_na_among_them_are_numbers(tmp_path: Path, where: type) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("y,x,country\n1,0.5,NA\n0,NA,US\nNA,?,DE\n1,2,NA\n", encoding="utf-8")
    case = Case.from_frame(path, label="y", protected="country", features=["x"])
    ((label,), (country,), (x,)) = case.count([by("label"), by("protected"), each("feature")])
    assert label.dim("label").levels == ("0", "1", None)
    assert country.dim("protected").levels == ("DE", "NA", "US")
    assert x.dim("feature").levels == ("0.5", "2", None)


def test_a_header_longer_than_any_buffer_is_read_whole(tmp_path: Path) -> None:
    names = [f"column number {i} of a rather wide table" for i in range(5000)]
    path = tmp_path / "wide.csv"
    path.write_text(",".join(names) + "\n" + ",".join(["1"] * 5000) + "\n", encoding="utf-8")
    assert Case.from_frame(path, protected=names[-1]).columns == tuple(names)


def test_hostile_names_and_values_are_only_text(where: type, tmp_path: Path) -> None:
    nasty = "x\"; DROP TABLE assay_rows; --'\\"
    rows = pa.table({nasty: [nasty, "b", nasty], "y": [nasty, "b", "b"], "c0": [1, 2, 3]})
    path = (
        write(tmp_path / 'it\'s [1] "odd".parquet', rows)
        if where is FrameRows
        else write(tmp_path / 'it\'s "odd".parquet', rows)
    )
    case = Case.from_frame(path, label="y", favourable=nasty, protected=nasty, features=["c0"])
    ((counts,), _) = case.count([by("protected", "label"), each("feature")])
    assert {(cell[nasty], cell["label"]): n for cell, n in counts} == {(nasty, "1"): 1, (nasty, "0"): 1, ("b", "0"): 1}


LATIN = "sex,y\nF,1\nMüller,0\n".encode("latin-1")


def _bytes(tmp_path: Path, name: str, data: bytes) -> Path:
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


def test_what_is_no_data_file_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.parquet").read_bytes()
    write(tmp_path / "a.csv")
    (tmp_path / "folder").mkdir()
    cases = {
        tmp_path / "absent.parquet": "There is no file",
        tmp_path / "*.pq": "No file matches",
        tmp_path / "folder": "is a folder",
        _bytes(tmp_path, "rows.xlsx", b"x"): "of no known kind",
        _bytes(tmp_path, "empty.csv", b""): "is empty",
        _bytes(tmp_path, "empty.parquet", b""): "could not be read",
        _bytes(tmp_path, "header.csv", b"sex,y\n"): "has no rows",
        write(tmp_path / "none.parquet", ROWS.slice(0, 0)): "has no rows",
        _bytes(tmp_path, "latin.csv", LATIN): "is not UTF-8: line 3 has the byte 0xfc",
        _bytes(tmp_path, "utf16.csv", "sex,y\nF,1\n".encode("utf-16")): "is not UTF-8: line 1",
        _bytes(tmp_path, "short.parquet", whole[: len(whole) // 2]): "could not be read",
        _bytes(tmp_path, "middle.parquet", whole[:4] + b"\x00" * 40 + whole[44:]): "could not be read",
        _bytes(tmp_path, "twice.csv", b"a,a\n1,2\n"): "has the column 'a' more than once",
        _bytes(tmp_path, "short.csv.gz", gzip.compress(b"a,b\n1,2\n" * 50)[:-9]): "could not be read",
        _bytes(tmp_path, "ragged.csv", b"a,b\n1,2\n3,4,5,6\n"): "could not be read",
        tmp_path / "[aw]*": "both Parquet and CSV",
    }  # fmt: skip
    for path, words in cases.items():
        with pytest.raises(AssayError, match=words) as caught:
            Case.from_frame(path, protected="sex")
        assert caught.value.exit_code == 2, path
    with pytest.raises(AssayError, match="reads no data from the network"):
        Case.from_frame("https://example.org/rows.parquet", protected="sex")


def test_csv_files_of_different_columns_are_refused(tmp_path: Path) -> None:
    _bytes(tmp_path, "1.csv", b"a,b\n1,2\n")
    _bytes(tmp_path, "2.csv", b"b,a\n1,2\n")
    with pytest.raises(AssayError, match="has other columns"):
        Case.from_frame(tmp_path / "*.csv", protected="a")


def test_a_late_value_of_another_kind_makes_the_column_text(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_text("g,y\n" + "1,0\n" * 30_000 + "unknown,1\n", encoding="utf-8")
    ((counts,),) = Case.from_frame(path, label="y", protected="g").count([by("protected")])
    assert {cell["g"]: n for cell, n in counts} == {"1": 30_000, "unknown": 1}


def test_relations_and_ibis_tables_are_counted_where_they_are() -> None:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE loans (sex VARCHAR, y INTEGER, p DOUBLE, zip VARCHAR)")
    connection.executemany("INSERT INTO loans VALUES (?, ?, ?, ?)", [tuple(row.values()) for row in ROWS.to_pylist()])
    tables = connection.execute("SHOW TABLES").fetchall()
    for source in (connection.table("loans"), connection.sql("SELECT * FROM loans WHERE y >= 0"), ibis.memtable(ROWS)):
        case = Case.from_frame(source, **ROLES)
        assert isinstance(case._rows, SqlRows)
        assert case.count(REQUESTS) == expected()
        assert case.fingerprint() == Case.from_frame(ROWS, **ROLES).fingerprint()
        sample = case.rows(("zip",), limit=3, seed=4)["zip"].to_pylist()
        assert sample == Case.from_frame(ROWS, **ROLES).rows(("zip",), limit=3, seed=4)["zip"].to_pylist()
        assert case.identities()[0]["digest"] == "not digested"
    assert connection.execute("SHOW TABLES").fetchall() == tables
    with pytest.raises(AssayError, match="no rows"):
        Case.from_frame(connection.sql("SELECT * FROM loans WHERE y > 5"), protected="sex")


def test_model_outputs_stand_beside_their_rows_wherever_these_are(where: type, tmp_path: Path) -> None:
    n = 1000
    rows = pa.table({"x": np.arange(n), "y": np.arange(n) % 2, "g": ["a", "b"] * (n // 2)})
    path = write(tmp_path / "rows.parquet", rows)
    connection = duckdb.connect()
    connection.register("rows", rows)
    for source in (path, connection.table("rows"), ibis.memtable(rows)):
        case = Case.from_frame(source, label="y", protected="g", features=["x"])
        fed = list(case.batches(size=300))
        assert [batch.num_rows for batch in fed] == [300, 300, 300, 100]
        x = np.concatenate([batch["x"].to_numpy() for batch in fed])
        made = case.with_outputs(prediction=(x >= 500).astype(int), score=x / n)
        both = made.rows(("x", "prediction", "score"))
        assert np.array_equal(both["score"].to_numpy(), both["x"].to_numpy() / n)
        assert np.array_equal(both["prediction"].to_numpy(), both["x"].to_numpy() >= 500)
        ((counts,),) = made.count([by("prediction", sums=("score",))])
        assert counts.n == n
        assert counts.total("score") == pytest.approx(499.5, abs=1e-6)
        assert made.identities() == case.identities()

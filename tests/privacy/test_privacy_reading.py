"""Files of people's data are read line by line: what one person wrote changes nothing that is read of others."""

from __future__ import annotations

import gzip
import shutil

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.budget.terms import source_identities
from assay.core.errors import AssayError
from assay.privacy import query
from assay.privacy.queries.bounding.opening import open_private
from assay.privacy.reading.files import private_files
from assay.privacy.training.tables.opening import open_training
from assay.privacy.training.tables.prepared import read_table
from assay.privacy.training.tables.schema import schema_of

OTHERS = [b"a,1", b'"b",0', b'"c ""d""",7'] * 7
PIECES = st.sampled_from([b'"', b",", b"\r", b"\x00", b"\xff", b"\\", b"'", b"a", b"1", b"#", b" "])


def read(path, *columns):
    table = open_private(str(path), columns=columns).engine
    return sorted(table.run(table.table).to_pylist(), key=str)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES))
def test_one_line_of_a_csv_file_adds_one_row_at_most(tmp_path_factory, pieces):
    """A quote that is never closed swallowed all lines after it."""
    path = tmp_path_factory.mktemp("lines") / "rows.csv"
    path.write_bytes(b"\n".join([b"g,x", *OTHERS, b""]))
    known = read(path, "g", "x")
    path.write_bytes(b"\n".join([b"g,x", *OTHERS[:9], b"".join(pieces), *OTHERS[9:], b""]))
    found = read(path, "g", "x")
    assert len(known) == len(OTHERS)
    assert len(found) - len(known) in (0, 1)
    for row in known:
        found.remove(row)


def test_answers_do_not_depend_on_a_row_that_breaks_off(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("g,x\n" + 'f,"oh\n' + "m,1\n" * 500)
    found = query(str(path), "count", ledger=None, epsilon=1000, adjacency="replace")
    assert found.value == pytest.approx(500, abs=1)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_and_its_copy_are_refused_as_rows_would_count_twice(tmp_path, suffix):
    first = tmp_path / f"a{suffix}"
    if suffix == ".csv":
        first.write_text("g,x\na,1\n")
    else:
        pq.write_table(pa.table({"g": ["a"], "x": [1]}), first)
    shutil.copy(first, tmp_path / f"b{suffix}")
    with pytest.raises(AssayError, match="copy"):
        query(str(tmp_path / f"*{suffix}"), "count", ledger=None, epsilon=1, adjacency="replace")
    with pytest.raises(AssayError, match="copy"):
        private_files([str(first), str(tmp_path / f"b{suffix}")])
    assert private_files([str(first), str(first)]).paths == (str(first),)


def test_files_with_other_columns_are_refused_before_a_row_is_read(tmp_path):
    (tmp_path / "a.csv").write_text("g,x\na,1\n")
    (tmp_path / "b.csv").write_text("x,g\n1,a\n")
    pq.write_table(pa.table({"g": ["a"], "x": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"g": ["a"], "x": [1.5]}), tmp_path / "b.parquet")
    for form in ("csv", "parquet"):
        with pytest.raises(AssayError, match="different columns"):
            private_files(str(tmp_path / f"*.{form}"))


def test_columns_whose_names_differ_in_case_are_told_apart(tmp_path):
    pq.write_table(pa.table({"x": [1], "X": [2]}), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("x,X\n1,2\n")
    for form in ("csv", "parquet"):
        assert [str(value) for row in read(tmp_path / f"a.{form}", "X") for value in row.values()] == ["2"]


def test_nothing_is_told_of_files_that_are_damaged(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 secret PAR1")
    (tmp_path / "b.csv").write_bytes(b"")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"g,x\nsecret,1\n" * 9)[:-20])
    for name in ("a.parquet", "b.csv", "c.csv.gz"):
        with pytest.raises(AssayError, match=r"^The data could not be read\. Check"):
            open_private(str(tmp_path / name), columns=["g"])


SCHEMA = schema_of(
    {
        "age": {"bounds": [0, 100]},
        "town": {"categories": ["a", "b"]},
        "level": {"categories": [1, 2]},
        "y": {"categories": [0, 1]},
    }
)
PEOPLE = ["50,a,1.0,1", "100,b,2,0", "0,c,3,1"] * 5


def trained_on(path, rows):
    path.write_text("\n".join(["age,town,level,y", *rows, ""]))
    table = read_table(open_training(str(path), SCHEMA, label="y"), SCHEMA, label="y")
    return [[*x, y] for x, y in zip(table.x.tolist(), table.y.tolist(), strict=True)]


@pytest.mark.parametrize(
    "row", ['9,"a,1,1', "9,a", "thirty,a,1,1", "NA,?,x,2", "1e999,a,1,1", ",,,", '"""', "2020-01-01,a,1,1"]
)
def test_one_row_changes_the_examples_of_a_training_by_one_at_most(tmp_path, row):
    """A text among the numbers was an error, and an open quote one that quoted the file."""
    known = trained_on(tmp_path / "rows.csv", PEOPLE)
    assert known[:3] == [[0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0], [-1, 0, 0, 0, 0, 1]]
    found = trained_on(tmp_path / "rows.csv", [*PEOPLE[:7], row, *PEOPLE[7:]])
    assert found[:7] == known[:7]
    assert found[len(found) - 8 :] == known[7:]
    assert len(found) - len(known) in (0, 1)


def test_files_of_a_training_are_opened_by_the_schema_alone(tmp_path):
    assert trained_on(tmp_path / "none.csv", []) == []
    pq.write_table(pa.table({"age": [50], "town": ["a"], "level": [1], "y": [1]}), tmp_path / "a.parquet")
    table = read_table(open_training(str(tmp_path / "a.parquet"), SCHEMA, label="y"), SCHEMA, label="y")
    assert table.x.tolist() == [[0, 1, 0, 1, 0]]
    with pytest.raises(AssayError, match="Unknown column 'who'"):
        open_training(str(tmp_path / "a.parquet"), SCHEMA, label="y", unit="who")


def test_what_a_query_made_of_a_table_is_not_the_table_of_a_ledger():
    """It passed for a table called query, in which every row of another could be there a hundred times."""
    backend = ibis.duckdb.connect()
    backend.raw_sql('CREATE TABLE "query" AS SELECT range AS x FROM range(2)')
    table = backend.table("query")
    assert source_identities(open_private(table, columns=["x"]).identities()) == ("table:duckdb:query",)
    for made in (table.union(table), table.filter(table.x > 1), table.view()):
        with pytest.raises(AssayError, match="Queries"):
            source_identities(open_private(made, columns=["x"]).identities())

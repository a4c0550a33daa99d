"""Columns of Parquet and CSV files at rest: every type comes back exactly, every change is found, people are erased."""

import csv
import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.core.errors import AssayError
from assay.privacy.atrest.columns import Whose, open_columns, seal_columns
from assay.privacy.atrest.values import ArrowForm
from assay.privacy.deidentification.tables import files
from assay.seal.atrest.subject_keys import SubjectKeys
from assay.seal.key_sources import LocalKeys

BY_PERSON = Whose("person")
PEOPLE = ["ann", "bob", "ann", "eve", "dan"]
NOTES = ["first", None, "", "first", "Ünïcode \N{SNOWMAN}"]


class Silence:
    """A Progress that nobody listens to."""

    def started(self, task, /, *, total): ...

    def advanced(self, task, /, *, done, note=""): ...

    def ended(self, task, /, *, note=""): ...


@pytest.fixture
def keys(tmp_path):
    return SubjectKeys.create(tmp_path / "subjects.db", LocalKeys([bytes(32)]))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"person": PEOPLE, "note": NOTES, "age": [30, 41, 30, None, 7]}), path)
    return path


def seal(source, out, *columns, keys, whose=BY_PERSON):
    return seal_columns(source, out, columns=columns, whose=whose, keys=keys, progress=Silence())


def unseal(source, out, *columns, keys, whose=BY_PERSON):
    return open_columns(source, out, columns=columns, whose=whose, keys=keys, progress=Silence())


def test_a_parquet_file_comes_back_exactly(table, tmp_path, keys):
    done = seal(table, tmp_path / "sealed.parquet", "note", "age", keys=keys)
    assert (done.rows, done.subjects, done.made) == (5, 4, 4)
    sealed = pq.read_table(tmp_path / "sealed.parquet")
    assert sealed.column("person").to_pylist() == PEOPLE
    assert sealed.schema.field("note").type == sealed.schema.field("age").type == pa.binary()
    assert sealed.column("note").null_count == 0
    assert b"first" not in (tmp_path / "sealed.parquet").read_bytes()
    done = unseal(tmp_path / "sealed.parquet", tmp_path / "back.parquet", "age", "note", keys=keys)
    assert (done.rows, done.made, done.shredded) == (5, 0, 0)
    assert pq.read_table(tmp_path / "back.parquet").equals(pq.read_table(table), check_metadata=True)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([True, False, None, True]),
        pa.array([-(2**63), 2**63 - 1, None, 0]),
        pa.array([1, 255, None, 0], pa.uint8()),
        pa.array([0.1, -0.0, None, float("inf")]),
        pa.array([float("nan"), 1.5, None, 0], pa.float32()),
        pa.array([datetime.date(1900, 1, 1), None, datetime.date(2024, 2, 29), None]),
        pa.array([1, None, 2**40, -1], pa.timestamp("us", tz="Europe/Berlin")),
        pa.array([1, None, 2, 3], pa.time64("ns")),
        pa.array([1, None, 2, 3], pa.duration("s")),
        pa.array([decimal.Decimal("-1.23"), None, decimal.Decimal("99999.99"), 0], pa.decimal128(9, 2)),
        pa.array([b"\0\xff", None, b"", b"x"]),
        pa.array([b"\0\xff", None, b"", b"x"], pa.large_binary()),
        pa.array([b"abc", None, b"def", b"\0\0\0"], pa.binary(3)),
        pa.array(["a", None, "", "b"], pa.large_string()),
        pa.array(["a", None, "b", "a"]).dictionary_encode(),
        pa.chunked_array([["a", None], ["", "d"]]),
    ],
    ids=lambda array: str(array.type).partition("<")[0],
)
def test_every_type_comes_back_bit_for_bit(array):
    form = ArrowForm.of(pa.field("c", array.type, metadata={"unit": "kg"}))
    for part in (array, array.slice(1, 3)):
        values = form.values(part)
        assert [value is None for value in values] == part.is_null().to_pylist()
        assert all(isinstance(value, bytes) for value in values if value is not None)
        whole = part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part
        back = form.restored(values)
        assert back.type == array.type
        assert form.values(back) == values
        if not pa.types.is_floating(array.type):
            assert back.to_pylist() == whole.to_pylist()
    assert form.field.metadata == {b"unit": b"kg"}


def test_nested_columns_are_refused_before_anything_is_written(tmp_path, keys):
    pq.write_table(pa.table({"person": ["a"], "tags": [["x", "y"]]}), tmp_path / "in.parquet")
    with pytest.raises(AssayError, match="are of type list"):
        seal(tmp_path / "in.parquet", tmp_path / "out.parquet", "tags", keys=keys)
    assert not (tmp_path / "out.parquet").exists()
    assert keys.state("a") is None


def test_a_csv_file_comes_back_with_its_cells_as_they_stood(tmp_path, keys):
    source = tmp_path / "in.csv"
    source.write_text('person;note;zip\r\nann;"a;b ""c""";007\r\nbob;;08\r\n', encoding="utf-8", newline="")
    seal(source, tmp_path / "sealed.csv", "note", "zip", keys=keys)
    with (tmp_path / "sealed.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, delimiter=";"))
    assert [row[0] for row in rows] == ["person", "ann", "bob"]
    assert all(len(cell) >= 44 for row in rows[1:] for cell in row[1:])
    unseal(tmp_path / "sealed.csv", tmp_path / "back.csv", "zip", "note", keys=keys)
    assert (tmp_path / "back.csv").read_bytes() == source.read_bytes()


def test_a_person_is_erased_from_every_copy_and_the_others_stay(table, tmp_path, keys):
    seal(table, tmp_path / "sealed.parquet", "note", "age", keys=keys)
    keys.shred(["ann"])
    done = unseal(tmp_path / "sealed.parquet", tmp_path / "back.parquet", "note", "age", keys=keys)
    assert done.shredded == 4
    back = pq.read_table(tmp_path / "back.parquet")
    assert back.column("note").to_pylist() == [None, None, None, "first", "Ünïcode \N{SNOWMAN}"]
    assert back.column("age").to_pylist() == [None, 41, None, None, 7]
    with pytest.raises(AssayError, match="was shredded"):
        seal(table, tmp_path / "again.parquet", "note", keys=keys)
    rewritten(
        tmp_path / "sealed.parquet", lambda same: same.set_column(0, "person", pa.array(["ann", "ann", *PEOPLE[2:]]))
    )
    with pytest.raises(AssayError, match="was changed"):
        unseal(tmp_path / "sealed.parquet", tmp_path / "cleared.parquet", "note", "age", keys=keys)


def rewritten(path, change):
    """The sealed table, changed by `change` and written with all its metadata."""
    table = pq.read_table(path)
    changed = change(table)
    path.unlink()
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


def with_notes(change):
    def apply(table):
        at = table.column_names.index("note")
        cells = change(table.column("note").to_pylist())
        return table.set_column(at, table.schema.field("note"), pa.array(cells, pa.binary()))

    return apply


TAMPERINGS = {
    "a bit": with_notes(lambda cells: [cells[0][:-1] + bytes([cells[0][-1] ^ 1]), *cells[1:]]),
    "a cell cut": with_notes(lambda cells: [cells[0][:-1], *cells[1:]]),
    "a cell cleared": with_notes(lambda cells: [*cells[:2], None, *cells[3:]]),
    "a cell emptied": with_notes(lambda cells: [*cells[:2], b"", *cells[3:]]),
    "two cells of one person exchanged": with_notes(lambda cells: [cells[2], cells[1], cells[0], *cells[3:]]),
    "the last row dropped": lambda table: table.slice(0, 4),
    "the first row dropped": lambda table: table.slice(1),
    "a row repeated": lambda table: pa.concat_tables([table, table.slice(4)]),
    "two rows exchanged": lambda table: table.take([0, 2, 1, 3, 4]),
    "rows sorted": lambda table: table.sort_by("person"),
    "rows given to another": lambda table: table.set_column(0, "person", pa.array(["bob", *PEOPLE[1:]])),
    "the column taken for another": lambda table: table.rename_columns(["person", "age", "note"]),
}


@pytest.mark.parametrize("change", TAMPERINGS.values(), ids=TAMPERINGS)
def test_every_tampering_is_found_and_leaves_no_file(table, tmp_path, keys, change):
    path = tmp_path / "sealed.parquet"
    seal(table, path, "note", "age", keys=keys)
    rewritten(path, lambda same: same)
    unseal(path, tmp_path / "fine.parquet", "note", "age", keys=keys)
    rewritten(path, change)
    with pytest.raises(AssayError, match="was changed"):
        unseal(path, tmp_path / "back.parquet", "note", "age", keys=keys)
    assert not (tmp_path / "back.parquet").exists()


def test_the_type_cannot_be_exchanged(tmp_path, keys):
    for name, kind in (("a", pa.int64()), ("b", pa.float64())):
        pq.write_table(pa.table({"person": ["x"], "c": pa.array([1], kind)}), tmp_path / f"{name}.parquet")
        seal(tmp_path / f"{name}.parquet", tmp_path / f"{name}-sealed.parquet", "c", keys=keys)
    one, other = (pq.read_table(tmp_path / f"{name}-sealed.parquet") for name in ("a", "b"))
    forged = one.set_column(1, other.schema.field("c"), one.column("c"))
    pq.write_table(forged, tmp_path / "forged.parquet")
    with pytest.raises(AssayError, match="was changed"):
        unseal(tmp_path / "forged.parquet", tmp_path / "back.parquet", "c", keys=keys)
    bare = one.set_column(1, "c", one.column("c"))
    pq.write_table(bare, tmp_path / "bare.parquet")
    with pytest.raises(AssayError, match="drops metadata"):
        unseal(tmp_path / "bare.parquet", tmp_path / "back.parquet", "c", keys=keys)


def test_every_changed_letter_of_a_sealed_csv_is_found(tmp_path, keys):
    source, sealed = tmp_path / "in.csv", tmp_path / "sealed.csv"
    source.write_text("person,note\r\nann,hello\r\n", encoding="utf-8", newline="")
    seal(source, sealed, "note", keys=keys)
    text = sealed.read_text(encoding="utf-8")
    begin = text.index("ann,") + 4
    for at in range(begin, len(text) - 2):
        other = "A" if text[at] != "A" else "B"
        sealed.write_text(text[:at] + other + text[at + 1 :], encoding="utf-8", newline="")
        with pytest.raises(AssayError):
            unseal(sealed, tmp_path / "back.csv", "note", keys=keys)
    for wrong in ("", "not base64!", "x" * 80):
        sealed.write_text(text[:begin] + wrong + "\r\n", encoding="utf-8", newline="")
        with pytest.raises(AssayError, match=r"was changed|never sealed"):
            unseal(sealed, tmp_path / "back.csv", "note", keys=keys)


def test_no_damaged_byte_of_a_sealed_file_gives_another_cell(tmp_path, keys):
    """Every third byte, one bit each: an error in plain words, or (bytes that stand for nothing sealed) the same."""
    source, sealed, back = (tmp_path / f"{name}.parquet" for name in ("in", "sealed", "back"))
    pq.write_table(pa.table({"person": ["a", "b", "a"], "note": ["hello", None, "x"]}), source)
    seal(source, sealed, "note", keys=keys)
    data, found = sealed.read_bytes(), 0
    for at in range(0, len(data), 3):
        sealed.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        try:
            unseal(sealed, back, "note", keys=keys)
        except AssayError:
            found += 1
            assert not back.exists()
        else:
            assert pq.read_table(back).column("note").to_pylist() == ["hello", None, "x"]
            back.unlink()
    assert found > 200


def test_batches_do_not_matter(tmp_path, keys, monkeypatch):
    n = 50
    pq.write_table(pa.table({"person": [f"p{k % 7}" for k in range(n)], "x": list(range(n))}), tmp_path / "in.parquet")
    monkeypatch.setattr(files, "ROWS", 8)
    seal(tmp_path / "in.parquet", tmp_path / "sealed.parquet", "x", keys=keys)
    monkeypatch.setattr(files, "ROWS", 3)
    unseal(tmp_path / "sealed.parquet", tmp_path / "back.parquet", "x", keys=keys)
    assert pq.read_table(tmp_path / "back.parquet").column("x").to_pylist() == list(range(n))


def test_one_subject_for_all_rows(table, tmp_path, keys):
    whose = Whose(one="payroll")
    seal(table, tmp_path / "sealed.parquet", "note", keys=keys, whose=whose)
    unseal(tmp_path / "sealed.parquet", tmp_path / "back.parquet", "note", keys=keys, whose=whose)
    assert pq.read_table(tmp_path / "back.parquet").column("note").to_pylist() == NOTES
    with pytest.raises(AssayError, match="There is no key for this subject"):
        unseal(tmp_path / "sealed.parquet", tmp_path / "no.parquet", "note", keys=keys, whose=Whose(one="other"))


def test_wrong_use_is_one_clear_error(table, tmp_path, keys):
    out = tmp_path / "out.parquet"
    with pytest.raises(AssayError, match="Unknown column 'nots'"):
        seal(table, out, "nots", keys=keys)
    with pytest.raises(AssayError, match="named twice"):
        seal(table, out, "note", "note", keys=keys)
    with pytest.raises(AssayError, match="column of the subjects"):
        seal(table, out, "person", keys=keys)
    with pytest.raises(AssayError, match="must say whom it is about"):
        seal(table, out, "note", keys=keys, whose=Whose("age"))
    with pytest.raises(AssayError, match="another form"):
        seal(table, tmp_path / "out.csv", "note", keys=keys)
    with pytest.raises(AssayError, match="is there already"):
        seal(table, table, "note", keys=keys)
    with pytest.raises(AssayError, match="is not sealed"):
        unseal(table, out, "note", keys=keys)
    for wrong in (lambda: Whose(), lambda: Whose("a", "b"), lambda: Whose(one="")):
        with pytest.raises(AssayError, match="need one subject"):
            wrong()
    pq.write_table(pa.table({"person": pa.array([], pa.string()), "note": pa.array([], pa.string())}), out)
    with pytest.raises(AssayError, match="has no rows"):
        seal(out, tmp_path / "none.parquet", "note", keys=keys)

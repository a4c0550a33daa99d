"""Whole tables and files: what is changed, what stays to the byte, what comes back, what is refused."""

import csv
import datetime
import random
import re
import time
from itertools import pairwise

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import privacy
from assay.core.errors import AssayError
from assay.privacy.commands.deidentify import deidentify, reidentify
from assay.privacy.deidentification.catalogue import own_operators, own_recognizer_parts, own_recognizers
from assay.privacy.deidentification.deidentify import reidentify_texts, statement_of
from assay.privacy.deidentification.find import find
from assay.privacy.deidentification.tables import files
from assay.privacy.deidentification.tables.treatment import open_keys, treatments
from assay.privacy.deidentification.tables.whole import Deidentified, deidentify_table
from assay.seal.key_sources import LocalKeys, create_key_file

KEYS = LocalKeys([bytes(range(32)), bytes(range(1, 33))])
NOTES = [
    ["id", "who", "phone", "note"],
    ["007", "ada", "(415) 555-2671", 'Mail ada@example.com, "or" ring\r415-555-2671\nlater'],
    ["008", "bob", "", "=1+1 nothing here,"],
    ["009", "ada", "415 555 2672", ""],
    ["010", "", "0415 555 267", "Zoë, born 1981-03-04, SSN 536-90-4399"],
]


class House:
    """The parts of the area, and a progress that is written down."""

    def __init__(self):
        self.heard = []
        self.progress = self

    def parts(self, kind):
        return {"operator": own_operators(), "recognizer": own_recognizer_parts()}[kind]

    def started(self, task, /, *, total):
        self.heard.append((task, 0, total))

    def advanced(self, task, /, *, done, note=""):
        self.heard.append((task, done))

    def ended(self, task, /, *, note=""):
        self.heard.append((task,))


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(NOTES)
    create_key_file(tmp_path / "keys.txt")
    return path


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def run(source, out, **flags):
    keys = source.parent / "keys.txt"
    return deidentify.function(House(), in_=str(source), out=str(out), **{"keys": str(keys), **flags})


def made(**given):
    defaults = {"columns": ["note"], "cells": {}, "operator": "replace", "keys": KEYS}
    return treatments(operators=own_operators(), recognizers=own_recognizers(), **{**defaults, **given})


def test_only_the_identifiers_of_the_named_columns_change(notes, tmp_path):
    answer = run(notes, tmp_path / "out.csv", column=("note",))
    rows = read(tmp_path / "out.csv")
    assert [row[:3] for row in rows] == [row[:3] for row in NOTES]
    assert rows[1][3] == 'Mail <EMAIL>, "or" ring\r<PHONE>\nlater'
    assert [row[3] for row in rows[2:4]] == [row[3] for row in NOTES[2:4]]
    assert rows[4][3] == "Zoë, born <DATE_OF_BIRTH>, SSN <US_SSN>"
    assert answer.to_json()["replaced"] == {"note": {"DATE_OF_BIRTH": 1, "EMAIL": 1, "PHONE": 1, "US_SSN": 1}}
    assert "pseudonymous" in answer.text()
    assert "names of people" in answer.text()
    assert "anonymous" not in answer.text().replace("pseudonymous", "")


@pytest.mark.parametrize("operator", ["reversible", "encrypt"])
@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_what_was_written_with_a_key_is_read_again(notes, tmp_path, operator, end):
    out, back = tmp_path / f"out.{end}", tmp_path / "back.csv"
    run(
        notes,
        out,
        column=("note", "who"),
        cell=("phone=PHONE",),
        operator=(f"note={operator}", "who=mask", "phone=format-preserving"),
    )
    keys = str(tmp_path / "keys.txt")
    flags = {"in_": str(out), "out": str(back), "keys": keys, "column": ("note",), "format_preserved": ("phone",)}
    answer = reidentify.function(House(), **flags)
    assert answer.to_json()["rows"] == 4
    assert [[row[0], *row[2:]] for row in read(back)] == [[row[0], *row[2:]] for row in NOTES]
    create_key_file(tmp_path / "other.txt")
    with pytest.raises(AssayError, match=r"^Row 0 of 'note'"):
        reidentify.function(House(), **flags | {"keys": str(tmp_path / "other.txt"), "out": str(tmp_path / "no.csv")})
    assert not list(tmp_path.glob("*no.csv*"))


def test_cells_are_treated_whole_and_missing_ones_stay_missing(notes, tmp_path):
    run(notes, tmp_path / "out.csv", cell=("phone=PHONE", "who=PERSON"), operator=("tokenize",))
    rows = read(tmp_path / "out.csv")[1:]
    assert [bool(row[2]) for row in rows] == [True, False, True, True]
    assert rows[0][1] == rows[2][1] != rows[1][1]
    assert all(re.fullmatch(r"<PERSON:hmac:[0-9a-f.]+>", row[1]) for row in rows[:3])


def test_columns_of_one_field_join_and_others_do_not(notes, tmp_path):
    frame = pd.DataFrame({"a": ["ada@example.com"], "b": ["ada@example.com"], "c": ["ada@example.com"]})
    by = made(columns=["a", "b", "c"], operator="tokenize", domains={"a": "person", "b": "person"})
    (row,) = deidentify_table(frame, by=by).table.to_pylist()
    assert row["a"] == row["b"] != row["c"]


def test_a_frame_keeps_its_other_columns_and_types():
    frame = pd.DataFrame(
        {"age": [47.0, None, 9.0], "day": [datetime.date(2021, 3, 4)] * 3, "who": ["a", "b", "a"], "n": [1, 2, 3]}
    )
    by = made(
        columns=[], cells={"day": "DATE", "age": "NUMBER"}, operator={"day": "shift-dates", "age": "bucket"},
        settings={"width": "10"}, subject="who",
    )  # fmt: skip
    done = deidentify_table(frame, by=by)
    table = done.table
    assert table.column("age").to_pylist() == ["[40, 50)", None, "[0, 10)"]
    days = table.column("day").to_pylist()
    assert days[0] == days[2] != days[1]
    assert table.column("n").type == pa.int64()
    assert table.column_names == list(frame.columns)
    assert "Not found" not in done.statement.text()


def test_a_column_of_numbers_needs_no_kind():
    done = deidentify_table(
        pd.DataFrame({"age": [47]}), by=made(columns=["age"], operator="bucket", settings={"width": "5"})
    )
    assert done.table.to_pylist() == [{"age": "[45, 50)"}]


def test_batches_and_progress_make_no_difference(notes, tmp_path, monkeypatch):
    run(notes, tmp_path / "whole.csv", column=("note",), operator=("tokenize",))
    monkeypatch.setattr(files, "ROWS", 1)
    house = House()
    deidentify.function(
        house, in_=str(notes), out=str(tmp_path / "rows.csv"), column=("note",), operator=("tokenize",),
        keys=str(tmp_path / "keys.txt"),
    )  # fmt: skip
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert house.heard[0] == ("deidentify", 0, 1000)
    assert house.heard[-2:] == [("deidentify", 1000), ("deidentify",)]
    assert len(house.heard) == 6


def test_a_subject_of_many_rows_keeps_its_intervals_across_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROWS", 2)
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(days=7 * n) for n in range(9)]
    pq.write_table(pa.table({"who": ["a"] * 9, "day": days}), tmp_path / "t.parquet")
    by = made(columns=["day"], operator="shift-dates", subject="who")
    moved = [
        datetime.date.fromisoformat(text)
        for text in deidentify_table(tmp_path / "t.parquet", by=by).table["day"].to_pylist()
    ]
    assert [two - one for one, two in pairwise(moved)] == [datetime.timedelta(days=7)] * 8
    assert moved != days


def test_nothing_is_left_of_a_file_that_failed(notes, tmp_path):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(AssayError, match="has none"):
        run(notes, tmp_path / "out.csv", column=("note",), operator=("shift-dates",))
    with pytest.raises(AssayError, match="has letters or digits"):
        run(notes, tmp_path / "out.parquet", cell=("note=PHONE",), operator=("format-preserving",))
    assert sorted(tmp_path.iterdir()) == before


BAD = [
    ({"column": ("nota",)}, "Did you mean 'note'"),
    ({"column": ("note", "note")}, "named twice"),
    ({}, "No column was named"),
    ({"column": ("note",), "operator": ("hash",)}, "Unknown operator 'hash'"),
    ({"column": ("note",), "operator": ("who=mask",)}, "Unknown column to de-identify 'who'"),
    ({"column": ("note", "who"), "operator": ("who=mask",)}, "No operator for the column 'note'"),
    ({"column": ("note",), "operator": ("tokenize",), "keys": None}, "needs a key"),
    ({"column": ("note",), "operator": ("tokenize",), "key_id": ("kek:no",)}, "Unknown key 'kek:no'"),
    ({"column": ("note",), "operator": ("tokenize",), "keys": "env:ASSAY_NO_SUCH_KEY"}, "is not set"),
    ({"column": ("note",), "setting": ("width=3",)}, "Unknown setting"),
    ({"cell": ("note=NUMBER",), "operator": ("bucket",)}, "needs the setting width"),
    ({"column": ("note",), "operator": ("mask",), "setting": ("keep_last=x",)}, "is a whole number"),
    ({"column": ("note",), "operator": ("mask",), "setting": ("keep_last",)}, "not of the form"),
    ({"column": ("note",), "operator": ("date-parts",), "setting": ("keep=day",)}, "Unknown part of a date"),
    ({"column": ("note",), "operator": ("shift-dates",), "setting": ("order=x",)}, "Unknown order"),
    ({"cell": ("phone=phone",)}, "no name of an entity"),
    ({"column": ("note",), "recognizer": ("ibam",)}, "Did you mean 'iban'"),
    ({"column": ("note",), "engine": "spacy"}, "Unknown engine"),
    ({"column": ("note",), "subject": "whom"}, "Did you mean 'who'"),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "words"), BAD)
def test_mistakes_are_one_clear_error_and_write_nothing(notes, tmp_path, flags, words):
    with pytest.raises(AssayError, match=words):
        run(notes, tmp_path / "out.csv", **flags)
    assert not list(tmp_path.glob("*out.csv*"))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", b"", "has no columns"),
        ("a.csv", b"note,note\nx,y\n", "more than once"),
        ("a.csv", b"note\n", "has no rows"),
        ("a.csv", b"note,b\nx\n", "line 2: 1 cells under 2 columns"),
        ("a.csv", b"note\n\xff\n", "not UTF-8"),
        ("a.csv", b'note\n"x\n', "line 2"),
        ("a.parquet", b"no parquet", "cannot be read"),
        ("a.txt", b"note\nx\n", "neither .parquet nor .csv"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path, name, data, words):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(AssayError, match=words):
        run(path, tmp_path / "out.csv", column=("note",), keys=None)
    assert not list(tmp_path.glob("*out.csv*"))


def test_a_file_is_not_overwritten_and_a_missing_folder_said(notes, tmp_path):
    for out, words in (("notes.csv", "is there already"), ("no/out.csv", "cannot be written"), ("out.xlsx", "neither")):
        with pytest.raises(AssayError, match=words):
            run(notes, tmp_path / out, column=("note",))


def test_separators_byte_order_marks_and_long_cells(tmp_path):
    path, long = tmp_path / "a.csv", "ring 415-555-2671 " * 20_000
    path.write_bytes(("\ufeffid;note\r\n1;" + long + "\r\n\r\n2;x\r\n").encode())
    run(path, tmp_path / "out.csv", column=("note",), keys=None)
    assert (tmp_path / "out.csv").read_text("utf-8").splitlines()[0::2] == ["id;note", "2;x"]
    assert "415" not in (tmp_path / "out.csv").read_text("utf-8")


def test_keys_are_chosen_by_id_and_older_ones_still_read(tmp_path, monkeypatch):
    import base64

    new, old = bytes(range(32)), bytes(range(1, 33))
    monkeypatch.setenv("SOME_KEYS", " ".join(base64.b64encode(key).decode() for key in (new, old)))
    both = open_keys("env:SOME_KEYS")
    assert open_keys("env:SOME_KEYS", key_ids=[both.ids[1]]).current == both.ids[1]
    frame = pd.DataFrame({"note": ["ring 415-555-2671"]})
    written = deidentify_table(frame, by=made(operator="reversible", keys=both.chosen(both.ids[1]))).table
    operator = own_operators()["reversible"].make(key=both.token_keys()[0], older=both.token_keys()[1:])
    assert reidentify_texts([written["note"][0].as_py()], field="note", operators=[operator]) == ("ring 415-555-2671",)


def test_no_identifier_of_many_stays():
    chance = random.Random(5)
    words = ["ring", "415-555-2671", "ada@example.com", "on", "2021-03-04", "to", "DE89 3704 0044 0532 0130 00", "and"]
    frame = pd.DataFrame({"note": [" ".join(chance.choices(words, k=30)) for _ in range(300)]})
    table = deidentify_table(frame, by=made()).table
    left = " ".join(table["note"].to_pylist())
    assert not re.search(r"[0-9]{4}|example", left)


def test_the_catalogues_of_the_face_are_those_of_the_registry():
    from assay.engine.areas import registry

    assert set(own_operators()) <= set(registry().parts("operator"))
    assert {each.name for each in own_recognizers()} <= set(registry().parts("recognizer"))


def test_the_commands_are_on_the_command_line(notes, tmp_path):
    from click.testing import CliRunner

    from assay.cli.area import click_command

    out, store = tmp_path / "out.csv", f"sqlite:///{tmp_path}/store.db"
    shown = CliRunner().invoke(
        click_command("deidentify", deidentify),
        ["--in", str(notes), "--out", str(out), "--column", "note", "--store", store, "--json"],
    )
    assert shown.exit_code == 0, shown.output
    assert "pseudonymous" in shown.output
    assert "<EMAIL>" in out.read_text("utf-8")
    missing = CliRunner().invoke(click_command("reidentify", reidentify), ["--in", str(out), "--store", store])
    assert isinstance(missing.exception, AssayError)
    assert "Missing: --out, --keys" in str(missing.exception)


def test_the_face_there_and_back(notes, tmp_path):
    keys = tmp_path / "keys.txt"
    done = privacy.deidentify(notes, columns="note", cells={"phone": "PHONE"}, operator="reversible", keys=keys)
    assert done.replaced.to_json()["replaced"]["phone"] == {"PHONE": 3}
    done.write(tmp_path / "out.parquet")
    back = privacy.reidentify(tmp_path / "out.parquet", columns=["note", "phone"], keys=keys)
    assert [[value or "" for value in row.values()] for row in back.to_pylist()] == NOTES[1:]
    with pytest.raises(AssayError, match="No column was named"):
        privacy.deidentify(notes)


PIECES = st.sampled_from(
    [
        *(
            "ada@example.com",
            "415-555-2671",
            "2021-03-04",
            "12 Baker Street, London NW1 6XE",
            "DE89 3704 0044 0532 0130 00",
        ),
        *(
            "\n",
            "\\n",
            " ",
            "> ",
            "id",
            "Dr. Ada",
            "<",
            ">",
            ":",
            ".",
            "4111 1111 1111 1111",
            "\u202e",
            "é",
            "zip: 1234",
        ),
    ]
)


@given(st.lists(st.lists(PIECES | st.text(max_size=5), max_size=8).map("".join) | st.none(), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_texts_come_back_and_tokens_hold_no_identifier(texts):
    frame = pa.table({"note": pa.array(texts, pa.string())})
    written = deidentify_table(frame, by=made(operator="reversible")).table
    operator = own_operators()["reversible"].make(key=KEYS.token_keys()[0])
    assert reidentify_texts(written["note"].to_pylist(), field="note", operators=[operator]) == tuple(texts)
    assert not any("ada@example.com" in (text or "") for text in written["note"].to_pylist())


def test_hostile_texts_take_linear_time_for_all_recognisers_together():
    seconds = []
    for size in (20_000, 80_000):
        text = "Aa 1 A. 12 Abc Street Apt 1\n> 4111-1 +1 (a@a. " * (size // 48)
        start = time.perf_counter()
        find([text], recognizers=own_recognizers())
        seconds.append(time.perf_counter() - start)
    assert seconds[1] < 16 * seconds[0]
    assert seconds[1] < 10


def test_nothing_that_a_user_reads_calls_the_result_anonymous():
    """GDPR, recital 26: what a key or other data can attribute to a person is pseudonymous."""
    parts = [*own_operators().values(), *own_recognizer_parts().values()]
    said = [f"{part.title} {part.statement} {part.make.__doc__}" for part in parts]
    said += [
        deidentify.doc,
        deidentify.title,
        reidentify.doc,
        Deidentified.__doc__ or "",
        privacy.deidentify.__doc__ or "",
    ]
    said += [statement_of(3, ("names",)).text(), statement_of(0, ()).text()]
    for text in said:
        assert not re.search(r"(?<!pseud)anonym", text, re.IGNORECASE), text
    assert all("pseudonymous" in text for text in said[-2:])
    assert "pseudonymous" in deidentify.doc

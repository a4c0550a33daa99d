"""Private training leaves out rows without consent, each for itself, and says nothing of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from assay.core.errors import AssayError
from assay.data.rows.sources import open_rows
from assay.privacy.training.fitting import Settings, Target, fit
from assay.privacy.training.tables.prepared import read_table
from assay.privacy.training.tables.schema import Consent, Schema, read_schema

COLUMNS = '[columns]\nage = { bounds = [0, 100] }\nbought = { categories = ["no", "yes"] }\n'


def _schema(folder: Path, consent: str) -> Schema:
    path = folder / "schema.toml"
    path.write_text(f"examples = 600\n{consent}\n{COLUMNS}")
    return read_schema(path)


def _people() -> pa.Table:
    agreed = np.resize(["credit; research", "credit", None], 600)
    age = np.arange(600) % 100
    bought = np.where(age > 50, "yes", "no")
    return pa.table({"age": age.astype(float), "purposes": pa.array(agreed.tolist()), "bought": bought})


@pytest.mark.parametrize(("purpose", "left"), [("credit", 400), ("research", 200), ("marketing", 0)])
def test_only_rows_that_agreed_are_read(tmp_path: Path, purpose: str, left: int) -> None:
    schema = _schema(tmp_path, f'consent = {{ column = "purposes", purpose = "{purpose}" }}')
    assert schema.consent == Consent("purposes", purpose)
    table = read_table(open_rows(_people()), schema, label="bought")
    assert table.x.shape == (left, 1)
    assert len(table.y) == left


def test_the_statement_says_whose_rows_were_used(tmp_path: Path) -> None:
    schema = _schema(tmp_path, 'consent = { column = "purposes", purpose = "credit" }')
    table = read_table(open_rows(_people()), schema, label="bought")
    found = fit(table, Settings(epochs=2), Target(delta=1e-5, epsilon=2.0, examples=600))
    assert "agreed to 'credit' (column 'purposes')" in found.statement.text()
    assert "400" not in found.statement.text()


def test_nothing_is_left_out_where_the_schema_asks_for_no_consent(tmp_path: Path) -> None:
    assert len(read_table(open_rows(_people()), _schema(tmp_path, ""), label="bought").x) == 600


@pytest.mark.parametrize(
    "written", ["consent = 3", 'consent = { purpose = "credit" }', 'consent = { column = "" }', "consent = []"]
)
def test_what_is_no_consent_is_an_error(tmp_path: Path, written: str) -> None:
    with pytest.raises(AssayError, match="consent"):
        _schema(tmp_path, written)


def test_a_consent_column_that_the_data_lack_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AssayError, match="agreed"):
        read_table(open_rows(_people()), _schema(tmp_path, 'consent = "agreed"'), label="bought")

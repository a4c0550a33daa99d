"""Ledgers from Python."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest

import assay
from assay import privacy
from assay.core.errors import AssayError


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    pd.DataFrame({"person": range(50), "age": range(20, 70)}).to_csv(path, index=False)
    return path


def test_a_ledger_is_created_opened_and_refuses(tmp_path: Path, people: Path) -> None:
    store = assay.open_store(f"sqlite:///{tmp_path / 'store.db'}")
    made = privacy.Ledger.create(
        "census",
        store=store,
        data=people,
        epsilon="1",
        analysts={"ann": "0.25", "*": 0.5},
        unit_column="person",
        who="me",
    )
    found = privacy.Ledger.open("census", store=store)
    assert found.terms == made.terms
    assert found.remaining() == {"epsilon": Fraction(1)}
    assert found.would_exceed({"epsilon": Fraction("0.3")}, who="ann")
    assert not found.would_exceed({"epsilon": Fraction("0.25")}, who="ann")
    with pytest.raises(AssayError, match="census"):
        privacy.Ledger.create("again", store=store, data=[people], epsilon=1)
    with pytest.raises(AssayError, match="cens"):
        privacy.Ledger.open("cens", store=store)


def test_a_budget_of_nothing_is_an_error(tmp_path: Path, people: Path) -> None:
    store = assay.open_store(f"sqlite:///{tmp_path / 'store.db'}")
    with pytest.raises(AssayError, match="one measure of loss"):
        privacy.Ledger.create("census", store=store, data=people)
    with pytest.raises(AssayError, match="bound to data"):
        privacy.Ledger.create("census", store=store, epsilon=1)

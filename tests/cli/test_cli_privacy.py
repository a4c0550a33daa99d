"""`assay privacy` through the real command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Call = Callable[..., Any]


def people() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(18, 90, 800), "zip": rng.integers(100, 140, 800).astype(str)})
    frame.assign(illness=rng.choice(["flu", "cold", "gout"], 800)).to_parquet("people.parquet")


def test_a_table_is_made_coarser_until_its_classes_are_large_enough(assay: Call) -> None:
    people()
    flags = ("--data", "people.parquet", "--quasi", "age,zip", "--sensitive", "illness", "--k", "5", "--l", "2")
    said = assay("privacy", "anonymize", *flags, "--out", "coarse.parquet")
    assert said.code == 0, said.err
    made = pd.read_parquet("coarse.parquet")
    classes = made.groupby(["age", "zip"])["illness"]
    assert classes.size().min() >= 5
    assert classes.nunique().min() >= 2
    assert "before: k = 1" in said.out
    wrong = assay("privacy", "anonymize", "--data", "people.parquet", "--quasi", "height", "--out", "x.parquet")
    assert wrong.code == 2
    assert not Path("x.parquet").exists()


def test_the_same_data_have_one_ledger(assay: Call) -> None:
    people()
    made = assay(
        "privacy", "ledger", "create", "census", "--data", "people.parquet", "--epsilon", "3", "--delta", "1e-6"
    )
    assert made.code == 0, made.err
    shown = assay("privacy", "ledger", "show", "census")
    assert "remains    epsilon 3" in shown.out
    assert assay("privacy", "ledger", "verify", "census").code == 0
    again = assay("privacy", "ledger", "create", "other", "--data", "people.parquet", "--epsilon", "1")
    assert again.code == 2
    assert "census" in again.err
    assert assay("privacy", "ledger", "show", "nobody").code == 2
    runs = assay("run", "list", "--json").json["data"]
    assert runs[0]["findings"] > 0

"""Selective labels on the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Call = Callable[..., Any]


def test_flags_name_where_the_outcome_is_known(assay: Call, loans: pd.DataFrame) -> None:
    drawn = np.arange(len(loans)) % 10 == 0
    loans.assign(seen=(loans["approved"] == 1) | drawn, drawn=drawn).to_csv("loans.csv", index=False)
    roles = ["--label", "repaid", "--prediction", "approved", "--protected", "sex"]
    marks = ["--observed", "seen", "--randomised", "drawn"]
    said = assay("check", "run", "fairness.selective_labels", "--data", "loans.csv", *roles, *marks, "--json")
    assert said.code == 0, said.err
    measures = {
        f["measure"]["name"]: f["measure"]["value"] for f in said.json["data"]["findings"] if not f["measure"]["slice"]
    }
    assert measures["tpr_lowest"] < measures["tpr"] < measures["tpr_highest"]
    said = assay("check", "run", "fairness.error_rates", "--data", "loans.csv", *roles, *marks)
    assert said.code == 0, said.err
    assert "fairness.selective_labels" in said.out
    said = assay("fairness", "subgroups", "--data", "loans.csv", *roles, *marks)
    assert said.code == 2
    assert "needs the outcome of every row" in said.err
    said = assay("audit", "--data", "loans.csv", *roles, "--randomised", "drawn")
    assert said.code == 2
    assert "without observed" in said.err

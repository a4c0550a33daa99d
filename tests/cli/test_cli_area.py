"""Commands that areas declare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Call = Callable[..., Any]


def test_subgroups_are_found_shown_and_stored(assay: Call) -> None:
    rng = np.random.default_rng(4)
    n = 4000
    data = pd.DataFrame({"town": rng.choice(["Åbo", "Łódź", "x\x1b[2J"], n), "age": rng.integers(18, 80, n)})
    data["y"] = rng.integers(0, 2, n)
    wrong = rng.random(n) < np.where((data["town"] == "Łódź") & (data["age"] < 40), 0.6, 0.1)
    data["yhat"] = np.where(wrong, 1 - data["y"], data["y"])
    data.to_parquet("towns.parquet")
    flags = ("--data", "towns.parquet", "--label", "y", "--prediction", "yhat")
    said = assay("fairness", "subgroups", *flags, "--max-depth", "2", "--over", "town", "--over", "age")
    assert said.code == 0, said.err
    first = said.out.splitlines()[1]
    assert "town = Łódź" in first
    assert "age" in first
    assert "\x1b" not in said.out
    assert "Where the errors are" in said.out
    answer = assay("fairness", "subgroups", *flags, "--json").json["data"]
    assert answer["run"]["id"] == assay("run", "list", "--json").json["data"][0]["id"]
    assert answer["tree"][0]["split"] is None
    assert {f["check"] for f in answer["findings"]} == {"fairness.subgroups"}


def test_area_commands_are_in_the_help_and_unknown_ones_are_usage_errors(assay: Call) -> None:
    assert "fairness" in assay("--help").out
    assert "subgroups" in assay("fairness", "--help").out
    assert "--max-depth" in assay("fairness", "subgroups", "--help").out
    assert assay("fairness", "subgrups").code == 2
    assert assay("fairness", "subgroups").code == 2

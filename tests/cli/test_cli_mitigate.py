"""`assay mitigate`: one method, all methods, and the search for alternatives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
FEW = ("--demo", "recidivism", "--sample", "1500")


def test_one_method_is_audited_before_and_after_and_saved(assay: Call) -> None:
    said = assay(
        "mitigate", *FEW, "--method", "group-thresholds", "--tolerance", "0.02", "--out", "fair-model", "--json"
    )
    assert said.code == 0, said.out + said.err
    answer = said.json["data"]
    gaps = [
        next(
            f["measure"]["value"]
            for f in answer[side]["findings"]
            if f["measure"]["name"] == "selection_rate_spread" and f["measure"]["over"] == ["race"]
        )
        for side in ("before", "after")
    ]
    assert gaps[1] < gaps[0]
    assert answer["facts"]["settings"] == {"tolerance": 0.02}
    assert {"mitigation.json", "estimator.skops"} <= {path.name for path in Path("fair-model").iterdir()}
    stored = {header["id"] for header in assay("run", "list", "--json").json["data"]}
    assert {answer[side]["run"]["id"] for side in ("before", "after")} == stored
    again = assay("mitigate", *FEW, "--method", "group-thresholds", "--out", "fair-model")
    assert again.code == 2
    assert "there already" in again.err


def test_alternatives_say_how_far_the_gap_ranges_and_whose_decision_flips(assay: Call) -> None:
    said = assay("mitigate", *FEW, "--alternatives", "6")
    assert said.code == 0, said.err
    assert "models are within the tolerance" in said.out
    assert "decisions that differ" in said.out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), "group-thresholds"),
        (("--compare", "--method", "reweighing"), "Give one of"),
        (("--method", "reweighting"), "Did you mean 'reweighing'"),
        (("--method", "reweighing", "--constraint", "equalized-odds"), "constraint"),
    ],
)
def test_wrong_usage_is_one_clear_error(assay: Call, flags: tuple[str, ...], words: str) -> None:
    said = assay("mitigate", *FEW, *flags)
    assert said.code == 2
    assert words in said.err

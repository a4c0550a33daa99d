"""Columns may be called anything: nothing is said twice, and nothing fails."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.data.case import Case
from assay.engine.run import run

CHECKS = (
    "fairness.aggregation",
    "fairness.association",
    "fairness.drift_of_outcomes",
    "fairness.label_choice",
    "fairness.label_conditional",
    "fairness.measurement",
)


@pytest.fixture(scope="module")
def odd() -> pd.DataFrame:
    """Attributes called as roles and as parts of a slice, features of nothing, of infinities and of digits as text."""
    rng, n = np.random.default_rng(0), 600
    return pd.DataFrame(
        {
            "label": rng.choice(["a", "b", None], n),
            "feature": rng.choice(["x", "<b>", None], n),
            "period": rng.choice(["p", "q"], n),
            "numbers": rng.choice([np.inf, -np.inf, 1, np.nan], n),
            "digits": rng.choice(["1", "2", "nan"], n),
            "nothing": None,
            "strata": rng.choice(["u", "v"], n),
            "y": rng.choice([0, 1], n),
            "score": np.where(rng.random(n) < 0.1, np.nan, rng.random(n)),
            "when": pd.date_range("2000-01-01", periods=n, freq="17D"),
        }
    )


@pytest.mark.parametrize("rows", [600, 60, 3])
def test_every_check_says_each_thing_once(odd: pd.DataFrame, rows: int) -> None:
    case = Case.from_frame(
        odd.iloc[:rows],
        label="y",
        score="score",
        time="when",
        protected=["label", "feature", "period"],
        controls="strata",
    )
    found = run(case, checks=CHECKS, seed=1).findings
    assert {f.check for f in found} == set(CHECKS)
    assert [f.error for f in found if f.error] == []
    assert len({f.key for f in found}) == len(found)


def test_a_file_of_text_gives_what_the_frame_gives(odd: pd.DataFrame, tmp_path) -> None:
    roles = {"label": "y", "score": "score", "time": "when", "protected": "period", "features": ["numbers"]}
    odd.to_csv(tmp_path / "odd.csv", index=False)
    numbers = []
    for source in (odd, tmp_path / "odd.csv"):
        done = run(Case.from_frame(source, name="odd", **roles), checks=("fairness.drift_of_outcomes",), seed=1)
        numbers.append([(f.measure.name, dict(f.measure.slice), f.measure.value) for f in done.findings])
    assert numbers[0] == numbers[1]

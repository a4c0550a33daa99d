"""A check that counts each row once says so where rows have weights or people several rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.data.case import Case
from assay.engine.areas import registry
from assay.engine.run import measures_of

CHECKS = ("fairness.ranking", "fairness.individual")


def case(**roles: Any) -> Case:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=80),
            "p": rng.random(80),
            "y": rng.integers(0, 2, 80),
            "group": rng.choice(["a", "b"], 80),
            "w": rng.uniform(1, 3, 80),
            "person": np.arange(80) // 2,
            "row": np.arange(80),
        }
    )
    return Case.from_frame(frame, label="y", score="p", protected=["group"], features=["x"], **roles)


@pytest.mark.parametrize("id", CHECKS)
@pytest.mark.parametrize(
    ("roles", "notes"),
    [
        ({}, set()),
        ({"unit": "row"}, set()),
        ({"weight": "w"}, {"weights-not-used"}),
        ({"weight": "w", "unit": "person"}, {"weights-not-used", "units-not-used"}),
    ],
)
def test_every_measure_says_what_is_not_used(id: str, roles: dict[str, str], notes: set[str]) -> None:
    for measure in measures_of(registry().check(id), case(**roles)):
        assert {note.id for note in measure.notes if note.id.endswith("not-used")} == notes


def test_the_checks_keep_name_parameters_and_words() -> None:
    for id in (*CHECKS, "fairness.attribute_flip", "fairness.regression_distributions"):
        check = registry().check(id)
        assert "rows" in check.parameters
        assert check.doc
        assert check.function.__module__ == f"assay.fairness.checks.{id.split('.')[1]}"

"""The gap in the cost of recourse: what is known by construction is found, and where there is none, none is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import assay
from assay.explain.checks.recourse_gap import recourse_gap
from assay.models.live import wrap


def case_of(shift: float, n: int = 1200, weight: float = 1.0, **roles) -> assay.Case:
    """Two groups alike but for `shift` in the one column that the model reads."""
    rng = np.random.default_rng(3)
    group = rng.choice(["east", "west"], n)
    frame = pd.DataFrame({"skill": rng.normal(size=n) - shift * (group == "east"), "group": group})
    frame["y"] = rng.integers(0, 2, n)

    def chance(rows: pd.DataFrame) -> np.ndarray:
        p = 1 / (1 + np.exp(-weight * (rows["skill"].to_numpy() - 1.5)))
        return np.column_stack([1 - p, p])

    model = wrap(chance, classes=["0", "1"], features=["skill"])
    return assay.Case.from_frame(frame, label="y", protected=["group"], model=model, favourable=1, **roles)


def by_name(measures) -> dict:
    return {(m.name, m.slice.get("group")): m for m in measures}


def test_the_mean_cost_is_that_of_the_closed_form():
    case = case_of(1.0)
    found = by_name(recourse_gap(case, rows=2000))
    frame = case.rows(["skill", "group"]).to_pandas()
    background = case.rows(["skill"], limit=1000, seed=0).to_pandas()["skill"]
    scale = 1.4826 * np.median(np.abs(background - background.median()))
    for group in ("east", "west"):
        skill = frame.query("group == @group and skill < 1.5")["skill"]
        measure = found["recourse_cost", group]
        assert measure.n == len(skill)
        assert measure.value == pytest.approx(((1.5 - skill) / scale).mean(), rel=0.01)
        assert measure.interval.low < measure.value < measure.interval.high
        assert found["no_recourse", group].value == 0
    gap = found["recourse_cost_gap", None]
    east, west = (found["recourse_cost", group].value for group in ("east", "west"))
    assert gap.value == pytest.approx(east - west)
    assert gap.groups == ({"group": "east"}, {"group": "west"})
    assert gap.interval.low > 0.3


def test_equal_groups_have_a_gap_that_may_be_none():
    gap = by_name(recourse_gap(case_of(0.0), rows=150))["recourse_cost_gap", None]
    assert gap.interval.low == 0
    assert gap.n == (150, 150)


def test_what_cannot_change_leaves_no_way():
    found = by_name(recourse_gap(case_of(1.0), rows=40, immutable="skill"))
    assert found["no_recourse", "east"].value == 1
    assert found["no_recourse_gap", None].value == 0
    assert "no way" in found["recourse_cost", "east"].reason.text()
    assert found["recourse_cost_gap", None].value is None


def test_a_protected_input_never_changes():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"sex": rng.choice(["f", "m"], 600), "v": rng.normal(size=600), "y": rng.integers(0, 2, 600)})

    def chance(rows: pd.DataFrame) -> np.ndarray:
        p = np.where(rows["sex"] == "m", 0.9, 0.1)
        return np.column_stack([1 - p, p])

    model = wrap(chance, classes=["0", "1"], features=["sex", "v"])
    case = assay.Case.from_frame(frame, label="y", protected=["sex"], model=model, favourable=1)
    found = {(m.name, m.slice.get("sex")): m for m in recourse_gap(case, rows=30)}
    assert found["no_recourse", "f"].value == 1
    assert "decided against" in found["recourse_cost", "m"].reason.text()
    assert found["no_recourse_gap", None].reason is not None


def test_the_same_seed_gives_the_same_measures():
    case = case_of(0.5)
    first, second = ([m.to_json() for m in recourse_gap(case, rows=50, seed=4)] for _ in range(2))
    assert first == second

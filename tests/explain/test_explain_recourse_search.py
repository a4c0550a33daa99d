"""Counterfactuals: always valid, never against a constraint, near the optimum, and honest where there is none."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

import assay
from assay.core.errors import AssayError
from assay.explain.question import question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.space import space_of
from assay.models.live import wrap

JOBS = ("clerk", "cook", "nurse", "smith")


def grid_frame(n: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "a": rng.integers(0, 9, n),
            "b": rng.integers(0, 9, n),
            "c": rng.integers(0, 5, n),
            "job": rng.choice(JOBS, n),
            "y": rng.integers(0, 2, n),
        }
    )


def additive(frame: pd.DataFrame) -> np.ndarray:
    job = frame["job"].map({"clerk": -1.0, "cook": 0.0, "nurse": 0.7, "smith": 1.2}).to_numpy(dtype=float)
    return 0.5 * frame["a"].to_numpy() - 0.35 * frame["b"].to_numpy() + 0.4 * frame["c"].to_numpy() + job - 1.8


def crossed(frame: pd.DataFrame) -> np.ndarray:
    a, b, c = (frame[name].to_numpy(dtype=float) for name in "abc")
    smith = (frame["job"] == "smith").to_numpy()
    return np.where(a > 4, 1.0, -1.0) * (b - 4) + np.where(smith, 2.0 * (c > 2), -1.0) - 2.0


def boosted() -> object:
    frame = grid_frame(2000, 3)
    fitted = GradientBoostingClassifier(n_estimators=40, max_depth=3, random_state=0)
    truth = (crossed(frame) + additive(frame) + np.random.default_rng(1).normal(size=len(frame))) > 0
    codes = frame.assign(job=frame["job"].map(JOBS.index))[["a", "b", "c", "job"]].to_numpy()
    fitted.fit(codes, truth)
    return lambda rows: fitted.decision_function(
        rows.assign(job=rows["job"].map(JOBS.index))[["a", "b", "c", "job"]].to_numpy()
    )


def probabilities(margin):
    def chance(frame: pd.DataFrame) -> np.ndarray:
        p = 1 / (1 + np.exp(-np.clip(margin(frame), -30, 30)))
        return np.column_stack([1 - p, p])

    return chance


def case_of(margin, frame: pd.DataFrame | None = None, **roles) -> assay.Case:
    frame = grid_frame() if frame is None else frame
    features = [name for name in frame.columns if name != "y"]
    model = wrap(probabilities(margin), classes=["no", "yes"], features=features)
    data = frame.assign(y=np.where(frame["y"] == 1, "yes", "no"))
    return assay.Case.from_frame(data, label="y", model=model, favourable="yes", **roles)


def optimum(asked, space, goal_value) -> np.ndarray:
    """The least cost of every row by trying every row of the grid."""
    names = asked.columns.names
    every = pd.DataFrame(list(itertools.product(range(9), range(9), range(5), JOBS)), columns=list("abc") + ["job"])
    matrix = asked.columns.encode(__import__("pyarrow").Table.from_pandas(every[list(names)], preserve_index=False))
    decided = asked.target.decides(matrix)
    out = []
    for row, now in zip(asked.rows, asked.target.decides(asked.rows), strict=True):
        before = np.repeat(row[None], len(matrix), axis=0)
        fits = (decided != now if goal_value is None else decided) & ~space.violations(before, matrix).any
        out.append(space.cost(before, matrix)[fits].min() if fits.any() else np.nan)
    return np.array(out)


RULES = {"rules": ["a + c <= 9", "b >= c"], "immutable": ["c"], "one_way": {"b": "down"}, "costs": {"job": 2.5}}


@pytest.mark.parametrize("margin", [additive, crossed, boosted()], ids=["additive", "crossed", "boosted"])
@pytest.mark.parametrize("constraints", [{}, RULES, {"one_way": "a=up", "categories": ["job=clerk|smith"]}])
def test_the_cheapest_is_near_the_optimum_of_all_rows_of_a_grid(margin, constraints):
    asked = question(case_of(margin), limit=60, background=400)
    found = counterfactuals(asked, constraints=constraints, count=2)
    space = space_of(Constraints.parse(constraints), asked.columns, asked.background)
    least = optimum(asked, space, None)
    none = np.isnan(found.costs)
    print(constraints, np.nanmedian(found.costs/least), np.nanmean(found.costs/least), np.nanmax(found.costs/least), none.sum(), np.isnan(least).sum(), found.calls)
    assert (none == np.isnan(least)).mean() >= 0.95
    ratio = found.costs[~none] / least[~none]
    assert np.median(ratio) <= 1.1 and ratio.min() >= 1 - 1e-9

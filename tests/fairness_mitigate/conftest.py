"""Adult and COMPAS, halved by chance, for measurements on rows that nothing was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.data import demo

GROUPS = {"income": ("sex", None), "recidivism": ("race", ("African-American", "Caucasian"))}
ROWS = {"income": 12_000, "recidivism": 10_000}


@dataclass(frozen=True)
class Half:
    x: pd.DataFrame
    y: np.ndarray
    s: np.ndarray
    frame: pd.DataFrame

    @property
    def codes(self) -> np.ndarray:
        return (self.s == sorted(set(self.s))[1]).astype(np.int64)


@dataclass(frozen=True)
class Halves:
    train: Half
    test: Half


def load(name: str) -> Halves:
    data = demo.load(name)
    attribute, kept = GROUPS[name]
    frame = pd.read_parquet(data.path)
    frame = frame[frame[attribute].isin(kept)] if kept else frame
    rng = np.random.default_rng(7)
    order = rng.permutation(len(frame))
    rows = min(ROWS[name], len(frame) // 2)
    return Halves(*(half(frame.iloc[part], data.roles, attribute) for part in (order[:rows], order[rows:])))


def half(frame: pd.DataFrame, roles: Any, attribute: str) -> Half:
    frame = frame.reset_index(drop=True)
    x = frame[list(roles["features"])].copy()
    for name in x.columns:
        if x[name].dtype.kind not in "iuf":
            x[name] = x[name].astype(object).where(x[name].notna(), "(missing)")
    y = (frame[roles["label"]].astype(str) == str(roles["favourable"])).to_numpy().astype(int)
    return Half(x, y, frame[attribute].to_numpy(dtype=object), frame)


@pytest.fixture(scope="session", params=["income", "recidivism"])
def halves(request: pytest.FixtureRequest) -> Halves:
    return load(request.param)


@pytest.fixture(scope="session")
def credit() -> pd.DataFrame:
    """German credit in UCI's order."""
    return pd.read_parquet(demo.load("credit").path)


@pytest.fixture(scope="session")
def model() -> Any:
    """A logistic regression on a mixed table, not fitted."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(encode, LogisticRegression(solver="newton-cholesky"))


@pytest.fixture(scope="session")
def table() -> Any:
    """600 rows of a mixed table with an outcome and a group that is told by some columns."""
    rng = np.random.default_rng(3)
    s = np.array(["a", "b", "b"], dtype=object)[rng.integers(0, 3, 600)]
    shift = (s == "b") * 1.0
    x = pd.DataFrame(
        {
            "skill": rng.normal(size=600),
            "income": np.round(np.exp(rng.normal(3 + shift, 0.5))).astype(int),
            "area": np.where(rng.random(600) < 0.3 + 0.5 * shift, "north", "south").astype(object),
        }
    )
    y = (rng.random(600) < 1 / (1 + np.exp(1.2 - x["skill"] - 2.0 * shift))).astype(int).to_numpy()
    return Half(x, y, s, x)

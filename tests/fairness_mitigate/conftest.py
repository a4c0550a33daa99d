"""Data and a model for the tests of mitigations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from mitigate_halves import Half, Halves, load

from assay.data import demo


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
